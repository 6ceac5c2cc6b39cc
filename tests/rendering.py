"""Two ways to build a folder of the project: our engine's, and the real kustomize's as its judge."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import yaml

from gitopsd.model.refs import Object
from gitopsd.render.kustomize.build import build
from gitopsd.source.folder import FolderTree

ROOT = Path(__file__).parent.parent
KUBECTL = Path(sys.executable).parent / "kubectl"


def gitopsd_builds(folder: str) -> list[Object]:
    """The objects of a folder of the project, by our engine."""
    return list(build(FolderTree(ROOT), folder))


def kustomize_builds(folder: Path) -> list[Object]:
    """The same by `kubectl kustomize`, which carries kustomize 5.8."""
    text = subprocess.run([KUBECTL, "kustomize", folder], capture_output=True, check=True, text=True).stdout
    return list(yaml.safe_load_all(text))

"""Two ways to build a folder: our engine's, and the real kustomize's as its judge."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from gitopsd.formats.scalars import Dialect, plain
from gitopsd.formats.yamlread import load_documents
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


def kustomize_result(files: Mapping[str, str], folder: str) -> list[Any] | str:
    """The objects of a folder of `files` by `kubectl kustomize`, or its error."""
    with TemporaryDirectory() as scratch:
        for path, text in files.items():
            target = Path(scratch, path)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
        done = subprocess.run([KUBECTL, "kustomize", Path(scratch, folder)], capture_output=True, text=True, check=False)
    if done.returncode:
        return done.stderr
    return [plain(document) for document in load_documents(done.stdout.encode(), "kustomize", Dialect.RESOURCE)]

"""The builds of kustomize's own tests and examples (`../shared/conformance/kustomize`, data that is no part of this project)."""

from __future__ import annotations

import base64
import json
import os
import posixpath
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from gitopsd.formats.scalars import Dialect, plain
from gitopsd.formats.yamlread import load_documents
from gitopsd.model.errors import RenderError
from gitopsd.model.refs import Object
from gitopsd.model.tree import DictTree
from gitopsd.render.kustomize.build import build
from gitopsd.render.kustomize.settings import BuildSettings, LoadRestrictor, Reorder

SHARED = Path(os.environ.get("GITOPSD_SHARED") or Path(__file__).parents[2].parent / "shared")
FOLDER = SHARED / "conformance" / "kustomize"
CULPRITS: Mapping[str, str] = json.loads(Path(__file__).with_name("kustomize_culprits.json").read_bytes())
"""For each case that fails: a word of kustomize's error, the file, object or field at fault, that ours must have too."""

VERSION = "(test)"
"""What the engine that gave the expectations called itself: a test binary has no version."""

pytestmark = [
    pytest.mark.conformance,
    pytest.mark.skipif(
        not FOLDER.is_dir(), reason=f"{FOLDER} is missing: set GITOPSD_SHARED to the folder that holds conformance/"
    ),
]

Case = dict[str, Any]
NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))


def load(name: str) -> Case:
    """A case by its name."""
    case: Case = json.loads((FOLDER / f"{name}.json").read_bytes())
    return case


def tree_of(case: Case) -> DictTree:
    """The files of a case; its root is ours."""
    files: dict[str, bytes | str] = {
        path.lstrip("/"): text.replace("{{ROOT}}", "") for path, text in (case.get("files") or {}).items()
    }
    files |= {path.lstrip("/"): base64.b64decode(data) for path, data in (case.get("files_b64") or {}).items()}
    return DictTree(files)


def folder_of(case: Case) -> str:
    """The folder to build, from the root."""
    path = posixpath.normpath(case["target"]).lstrip("/")
    return "" if path == "." else path


def run(case: Case, flags: list[str]) -> list[Object]:
    """Builds a case as its flags say."""
    given = dict(zip(flags[::2], flags[1::2], strict=True))
    settings = BuildSettings(
        reorder=Reorder(given.get("--reorder", "legacy")),
        load_restrictor=LoadRestrictor(given.get("--load-restrictor", "LoadRestrictionsRootOnly")),
        kustomize_version=VERSION,
    )
    return build(tree_of(case), folder_of(case), settings)


def parsed(text: str) -> list[Object]:
    """An expected output as objects."""
    return [plain(document) for document in load_documents(text.encode(), "expected", Dialect.RESOURCE)]


@pytest.mark.parametrize("name", NAMES)
def test_case(name: str) -> None:
    """The objects are equal as JSON values and in the same order; what kustomize refuses is refused for the same culprit."""
    case = load(name)
    if case["error"]:
        with pytest.raises(RenderError) as raised:
            run(case, case["flags"])
        assert CULPRITS[name] in str(raised.value)
        return
    assert run(case, case["flags"]) == parsed(case["expected"])
    if (sorted_output := case.get("expected_default_order")) is not None:
        assert run(case, [flag for flag in case["flags"] if flag not in {"--reorder", "none"}]) == parsed(sorted_output)


def test_culprits_are_those_of_kustomize() -> None:
    """Each word that our errors are held to stands in kustomize's own error."""
    failing = {name: case["error"] for name in NAMES if (case := load(name))["error"]}
    assert failing.keys() == CULPRITS.keys()
    assert [name for name, error in failing.items() if CULPRITS[name] not in error] == []

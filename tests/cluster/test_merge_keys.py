"""The schema data of strategic merges comes from a real API server's OpenAPI."""

from __future__ import annotations

import json
from pathlib import Path

import gitopsd.render.kustomize
from localcluster import LocalCluster
from tools.merge_keys import merge_keys

COMMITTED = Path(gitopsd.render.kustomize.__file__).parent / "data" / "merge_keys.json"


def test_generating_again_gives_the_committed_file(cluster: LocalCluster) -> None:
    """What `tools/merge_keys.py` makes of what this server says is what the engine goes by."""
    assert merge_keys(cluster.api.get("/openapi/v2")) == json.loads(COMMITTED.read_text())

"""Who holds a field."""

from __future__ import annotations

from typing import Any

import pytest

from gitopsd.diff.attribute import holder
from gitopsd.diff.changes import field_changes
from gitopsd.model.refs import Object


def _entry(manager: str, time: str, fields: dict[str, Any]) -> dict[str, Any]:
    return {"manager": manager, "operation": "Update", "time": time, "fieldsType": "FieldsV1", "fieldsV1": fields}


IMAGE: dict[str, Any] = {
    "f:spec": {
        "f:containers": {'k:{"name":"app"}': {".": {}, "f:image": {}, "f:ports": {'k:{"containerPort":80,"protocol":"TCP"}': {}}}}
    }
}
DEPLOYMENT: Object = {
    "metadata": {
        "managedFields": [
            _entry("gitopsd", "2026-01-01T00:00:00Z", IMAGE | {"f:data": {}}),
            _entry("kubectl-set", "2026-01-02T00:00:00Z", IMAGE),
            _entry("old", "2025-01-02T00:00:00Z", {"f:spec": {"f:replicas": {}}}),
        ]
    },
    "spec": {"replicas": 9},
}


@pytest.mark.parametrize(
    ("path", "manager"),
    [
        (("spec", "containers", "[name=app]", "image"), "kubectl-set"),
        (("spec", "containers", "[name=app]", "ports", "[containerPort=80]"), "kubectl-set"),
        (("spec", "containers", "[name=other]", "image"), ""),
        (("spec", "replicas"), "old"),
        (("spec",), "kubectl-set"),
        (("data", "key", "deeper"), "gitopsd"),
        (("metadata", "labels"), ""),
    ],
)
def test_the_newest_holder_is_named_and_we_last(path: tuple[str, ...], manager: str) -> None:
    """Keyed items are found by any of their keys; a leaf of the set takes all that is in it; nobody is the empty name."""
    assert holder(DEPLOYMENT, path, "gitopsd").manager == manager


def test_changes_name_their_holder() -> None:
    """A change of drift says who, how and when."""
    (change,) = field_changes(DEPLOYMENT, DEPLOYMENT | {"spec": {"replicas": 2}}, "gitopsd")
    assert (change.field, change.before, change.after) == ("spec.replicas", 9, 2)
    assert (change.manager, change.operation, change.time) == ("old", "Update", "2025-01-02T00:00:00Z")

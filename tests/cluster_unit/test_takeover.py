"""Merging the entries of earlier managers into ours."""

from __future__ import annotations

from typing import Any

import pytest

from gitopsd.cluster.takeover import earlier, merged, scaled_by
from gitopsd.diff.fieldsets import FieldsV1
from gitopsd.model.refs import Object

OURS = ("gitopsd", "Apply")


def _object(*entries: tuple[str, str, dict[str, Any]] | tuple[str, str, dict[str, Any], str]) -> Object:
    rows = []
    for manager, operation, fields, *subresource in entries:
        row = {"manager": manager, "operation": operation, "apiVersion": "apps/v1", "fieldsType": "FieldsV1", "fieldsV1": fields}
        rows.append(row | ({"subresource": subresource[0]} if subresource else {}))
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"managedFields": rows}}


def _by_manager(entries: list[dict[str, Any]] | None) -> dict[tuple[str, str], dict[str, Any]]:
    return {(entry["manager"], entry["operation"]): entry["fieldsV1"] for entry in entries or []}


@pytest.mark.parametrize(
    ("manager", "operation", "first", "later"),
    [
        ("kubectl-client-side-apply", "Update", True, True),
        ("before-first-apply", "Update", True, True),
        ("argocd-controller", "Apply", True, True),
        ("kustomize-controller", "Apply", True, True),
        ("helm", "Update", True, True),
        ("gitopsd", "Update", True, True),
        ("kubectl", "Update", True, False),
        ("kubectl-edit", "Update", True, False),
        ("kubectl-create", "Update", True, False),
        ("kubectl-rollout", "Update", False, False),
        ("kube-controller-manager", "Update", False, False),
        ("somebody", "Apply", False, False),
    ],
)
def test_whose_fields_are_taken(manager: str, operation: str, first: bool, later: bool) -> None:
    """Those of deploying tools always, those of a person's hands only when we first apply the object."""
    theirs: tuple[str, str, FieldsV1] = (manager, operation, {"f:spec": {"f:a": {}}})
    assert bool(earlier(_object(theirs), "gitopsd")) is first
    assert bool(earlier(_object(theirs, (*OURS, {"f:spec": {}})), "gitopsd")) is later


def test_ours_become_the_union() -> None:
    """The earlier entry is gone, its fields are ours besides those we had; others keep theirs."""
    obj = _object(
        ("argocd-controller", "Apply", {"f:spec": {"f:a": {}, "f:list": {'k:{"name":"x"}': {".": {}, "f:image": {}}}}}),
        ("other", "Update", {"f:spec": {"f:z": {}}}),
        (*OURS, {"f:spec": {"f:b": {}, "f:list": {'k:{"name":"x"}': {".": {}, "f:name": {}}}}}),
    )
    before = repr(obj)
    entries = _by_manager(merged(obj, "gitopsd", keep_replicas=False))
    item: FieldsV1 = {".": {}, "f:image": {}, "f:name": {}}
    assert entries == {
        ("other", "Update"): {"f:spec": {"f:z": {}}},
        OURS: {"f:spec": {"f:a": {}, "f:b": {}, "f:list": {'k:{"name":"x"}': item}}},
    }
    assert repr(obj) == before


def test_a_leaf_and_a_branch_give_both() -> None:
    """Whoever had the whole and whoever had a part are united to the whole with its parts."""
    leaf: FieldsV1 = {"f:spec": {"f:a": {}}}
    branch: FieldsV1 = {"f:spec": {"f:a": {"f:b": {}}}}
    for theirs, ours in ((leaf, branch), (branch, leaf)):
        obj = _object(("helm", "Update", theirs), (*OURS, ours))
        assert _by_manager(merged(obj, "gitopsd", keep_replicas=False))[OURS] == {"f:spec": {"f:a": {".": {}, "f:b": {}}}}


def test_status_stays_with_its_writer() -> None:
    """And so do the entries of subresources, whoever wrote them."""
    obj = _object(
        ("kubectl-client-side-apply", "Update", {"f:spec": {}, "f:status": {"f:x": {}}}),
        ("kubectl-client-side-apply", "Update", {"f:status": {}}, "status"),
    )
    entries = merged(obj, "gitopsd", keep_replicas=False) or []
    assert [(entry["manager"], entry["fieldsV1"]) for entry in entries] == [
        ("kubectl-client-side-apply", {"f:status": {}}),
        ("kubectl-client-side-apply", {"f:status": {"f:x": {}}}),
        ("gitopsd", {"f:spec": {}}),
    ]


def test_replicas_may_stay() -> None:
    """Where an autoscaler targets the object the earlier manager keeps them: without any owner they would fall to 1."""
    obj = _object(("kubectl-client-side-apply", "Update", {"f:spec": {"f:replicas": {}, "f:a": {}}}))
    entries = _by_manager(merged(obj, "gitopsd", keep_replicas=True))
    assert entries == {
        ("kubectl-client-side-apply", "Update"): {"f:spec": {"f:replicas": {}}},
        OURS: {"f:spec": {"f:a": {}}},
    }


def test_nothing_to_take() -> None:
    """Is said as such."""
    assert merged(_object((*OURS, {})), "gitopsd", keep_replicas=False) is None
    assert merged({}, "gitopsd", keep_replicas=False) is None


@pytest.mark.parametrize(
    ("manager", "subresource", "who"),
    [
        ("kube-controller-manager", "scale", "kube-controller-manager"),
        ("keda-operator", "scale", "keda-operator"),
        ("my-scaler", "scale", "my-scaler"),
        ("kubectl", "scale", ""),
        ("k9s", "scale", ""),
        ("kube-controller-manager", "status", ""),
    ],
)
def test_who_scales(manager: str, subresource: str, who: str) -> None:
    """A program through `scale` does; a person's hand is drift."""
    assert scaled_by(_object((manager, "Update", {"f:spec": {"f:replicas": {}}}, subresource))) == who

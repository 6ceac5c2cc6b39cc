"""What controllers write into objects that are not theirs stays."""

from __future__ import annotations

from typing import Any

import pytest

from gitopsd.diff.controllers import left_to_controllers
from gitopsd.model.refs import Object

HASH = {"rollouts-pod-template-hash": "6b8f"}
SELECTOR: Object = {"f:selector": {}}
REPLICAS: Object = {"f:replicas": {}}


def service(spec: Any, manager: str = "", held: Any = None, kind: str = "Service", api: str = "v1") -> Object:
    """A live object of which `manager` has updated `held`."""
    entries = [{"manager": manager, "operation": "Update", "fieldsV1": {"f:spec": held}}] if manager else []
    return {"apiVersion": api, "kind": kind, "metadata": {"name": "web", "managedFields": entries}, "spec": spec}


def sent(spec: Any, live: Object) -> Any:
    """The spec that is sent."""
    return left_to_controllers({**live, "metadata": {"name": "web"}, "spec": spec}, live).get("spec")


@pytest.mark.parametrize(
    ("manager", "expected"),
    [
        ("rollouts-controller", {"ports": []}),
        ("gitopsd", {"ports": [], "selector": {"app": "web"} | HASH}),
    ],
)
def test_a_selector_keeps_the_revision(manager: str, expected: Any) -> None:
    """It is left to the controller; where we have come to hold it, what was added is sent along."""
    live = service({"ports": [], "selector": {"app": "web"} | HASH}, manager, SELECTOR)
    assert sent({"ports": [], "selector": {"app": "web"}}, live) == expected


def test_what_git_changes_in_it_is_sent() -> None:
    """With the revision, so that it goes on serving just that."""
    live = service({"selector": {"app": "web"} | HASH}, "rollouts-controller", SELECTOR)
    assert sent({"selector": {"app": "shop"}}, live) == {"selector": {"app": "shop"} | HASH}


def test_a_selector_that_no_rollout_has_touched() -> None:
    """Anything else that somebody adds is drift."""
    live = service({"selector": {"app": "web", "more": "x"}}, "kubectl", SELECTOR)
    assert sent({"selector": {"app": "web"}}, live) == {"selector": {"app": "web"}}


@pytest.mark.parametrize(
    ("manager", "expected"), [("rollouts-controller", {"paused": False}), ("kubectl", {"paused": False, "replicas": 3})]
)
def test_replicas_of_a_workload_that_is_referred_to(manager: str, expected: Any) -> None:
    """They are the controller's once it has scaled the Deployment down, and Git's until then."""
    live = service({"replicas": 0}, manager, REPLICAS, kind="Deployment", api="apps/v1")
    assert sent({"paused": False, "replicas": 3}, live) == expected

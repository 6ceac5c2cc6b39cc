from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitopsd.health import OwnRules, assess
from gitopsd.health.builtin import CODE
from gitopsd.health.own import OwnRule
from gitopsd.health.rules import table
from gitopsd.model.health import Health, HealthStatus
from gitopsd.model.refs import GroupKind


def ruled() -> Iterator[tuple[str, str]]:
    """A group and kind for every rule there is, and one without."""
    yield from CODE
    for group, kinds in table()["kinds"].items():
        for names in kinds:
            yield from ((group.replace("*", "x"), kind.replace("*", "Thing")) for kind in names.split())
    yield "example.io", "Thing"


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12)
WORDS = st.sampled_from(["True", "False", "Unknown", "Ready", "Failed", "Progressing", "Paused", "Running", "1/2", "1", "", "*"])
FIELDS = st.sampled_from([
    "active", "availableReplicas", "conditions", "containerStatuses", "environments", "error", "health", "lastState", "ready",
    "message", "observedGeneration", "parents", "paused", "phase", "reason", "replicas", "severity", "state", "status",
    "terminated", "type", "updateStrategy", "waiting",
])  # fmt: skip
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(FIELDS | st.text(max_size=8), inner, max_size=6),
    max_leaves=20,
)
METADATA = st.dictionaries(st.sampled_from(["generation", "deletionTimestamp", "finalizers", "annotations", "labels"]), VALUES)


@given(
    ruled_kind=st.sampled_from(sorted(set(ruled()))),
    parts=st.fixed_dictionaries({}, optional={"metadata": METADATA | VALUES, "spec": VALUES, "status": VALUES}),
)
def test_any_json_has_a_health(ruled_kind: tuple[str, str], parts: dict[str, Any]) -> None:
    """Whatever JSON stands in an object of whatever kind, it has one of the six states and a message; nothing raises."""
    group, kind = ruled_kind
    health = assess({"apiVersion": f"{group}/v1" if group else "v1", "kind": kind, **parts})
    assert isinstance(health, Health)
    assert isinstance(health.status, HealthStatus)
    assert isinstance(health.message, str)


@given(VALUES, VALUES)
def test_not_even_a_kind_is_needed(api_version: Any, kind: Any) -> None:
    """An object whose apiVersion and kind are anything, or nothing, has a health too."""
    assert isinstance(assess({"apiVersion": api_version, "kind": kind}), Health)
    assert assess({}).status is HealthStatus.HEALTHY


@given(st.sampled_from(["paused", "reconcile-policy"]), VALUES)
def test_annotations_may_hold_anything(name: str, value: Any) -> None:
    """Also those that are looked at."""
    metadata = {"annotations": {f"example.io/{name}": value}}
    assert isinstance(assess({"apiVersion": "example.io/v1", "kind": "Thing", "metadata": metadata}), Health)


EXPRESSIONS = st.sampled_from([
    "status == 1", "status.ready > 1", "size(status) > 0", "status.all(x, x == spec)", "status.state.matches('^a')", "!status",
    "timestamp(status.phase) > timestamp('2026-01-01T00:00:00Z')", "status.replicas * 9223372036854775807 > 0",
    "status[0] / 0 == 1",
])  # fmt: skip


@given(EXPRESSIONS, EXPRESSIONS, METADATA | VALUES, VALUES, VALUES)
def test_a_user_s_rule_has_an_answer_to_anything(expression: str, message: str, metadata: Any, spec: Any, status: Any) -> None:
    """An expression that has no value is Unknown, never an error."""
    own = OwnRules([OwnRule(GroupKind("example.io", "Thing"), expression, message=message)])
    obj = {"apiVersion": "example.io/v1", "kind": "Thing", "metadata": metadata, "spec": spec, "status": status}
    assert isinstance(assess(obj, own=own), Health)


@pytest.mark.parametrize("field", ["conditions", "parents", "phase"])
def test_a_huge_status_is_read_in_part(field: str) -> None:
    """Of a list with a million entries only the first are read: an object costs no more than its controller could mean."""
    obj = {"apiVersion": "example.io/v1", "kind": "Thing", "status": {field: [{"type": "X", "status": "True"}] * 1_000_000}}
    assert assess(obj).status is HealthStatus.HEALTHY

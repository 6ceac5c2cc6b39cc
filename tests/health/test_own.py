"""Rules of health that a user writes in CEL."""

from __future__ import annotations

from typing import Any

import pytest

from gitopsd.health import OwnRules, assess
from gitopsd.health.expressions import MAX_ENTRIES, check, evaluate, shown
from gitopsd.health.own import OwnRule
from gitopsd.model.health import Health, HealthStatus
from gitopsd.model.refs import GroupKind, Object

DATABASE = GroupKind("example.io", "Database")
RULE = OwnRule(
    DATABASE,
    current="status.ready",
    in_progress="object.metadata.generation != status.seen",
    failed="has(status.error)",
    suspended="has(spec.sleep) && spec.sleep",
    message="'step ' + status.step",
)


def database(spec: dict[str, Any] | None = None, **status: Any) -> Object:
    """A database of generation 2, which its controller has seen."""
    own: Object = {"apiVersion": "example.io/v3", "kind": "Database", "metadata": {"generation": 2}}
    return {**own, "spec": spec or {}, "status": {"seen": 2, "step": "five", "ready": False, **status}}


def judged(obj: Object, rule: OwnRule = RULE) -> Health:
    """The health by this rule."""
    return assess(obj, own=OwnRules([rule]))


@pytest.mark.parametrize(
    ("obj", "expected"),
    [
        (database(ready=True), HealthStatus.HEALTHY),
        (database(ready=True, error="x"), HealthStatus.DEGRADED),
        (database(ready=True, error="x", seen=1), HealthStatus.PROGRESSING),
        (database({"sleep": True}, error="x", seen=1), HealthStatus.SUSPENDED),
        (database(), HealthStatus.PROGRESSING),
    ],
)
def test_the_first_state_that_holds(obj: Object, expected: HealthStatus) -> None:
    """Suspended, in progress, failed, current, in this order; in progress where none holds. The message says why."""
    assert judged(obj) == Health(expected, "step five")


def test_without_a_message() -> None:
    """The status's own message stands in for one."""
    assert judged(database(ready=True, message="fine"), OwnRule(DATABASE, "status.ready")) == Health(HealthStatus.HEALTHY, "fine")


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("status.missing", "there is no missing"),
        ("status.step > 3", "No such overload"),
        ("status.step.matches('((')", "not a valid regex"),
    ],
)
def test_an_expression_without_a_value(expression: str, reason: str) -> None:
    """Unknown, with the name of the expression and the reason: a rule that can't tell must not let a wave go on."""
    health = judged(database(), OwnRule(DATABASE, expression))
    assert health.status is HealthStatus.UNKNOWN
    assert health.message.startswith("the configured rule's current: ")
    assert reason in health.message


def test_a_message_without_a_value_changes_no_state() -> None:
    """What says why is not what says how it is."""
    health = judged(database(ready=True), OwnRule(DATABASE, "status.ready", message="status.missing"))
    assert health == Health(HealthStatus.HEALTHY, "the configured rule's message: there is no missing")


def test_a_value_that_is_no_truth_holds_not() -> None:
    """Only `true` is true: a text or a number is a mistake that must not make an object healthy."""
    assert judged(database(), OwnRule(DATABASE, "status.step")).status is HealthStatus.PROGRESSING


def test_own_rules_come_before_ours_but_not_before_deletion() -> None:
    """A kind that has a rule in gitopsd can be given another; what is being deleted is Progressing whatever a rule says."""
    deployment: Object = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {}, "spec": {"replicas": 3}}
    own = OwnRules([OwnRule(GroupKind("apps", "Deployment"), "true")])
    assert assess(deployment).status is HealthStatus.PROGRESSING
    assert assess(deployment, own=own).status is HealthStatus.HEALTHY
    assert assess({**deployment, "kind": "StatefulSet"}, own=own).status is HealthStatus.PROGRESSING
    going: Object = {**deployment, "metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}
    assert assess(going, own=own).status is HealthStatus.PROGRESSING


def test_flux_expressions_read_as_they_stand() -> None:
    """Parts of the object have names of their own, and macros work over lists."""
    expression = (
        "status.conditions.filter(e, e.type == 'Ready').all(e, e.status == 'True' && e.observedGeneration == metadata.generation)"
    )
    ready = {"type": "Ready", "status": "True", "observedGeneration": 2}
    assert judged(database(conditions=[ready]), OwnRule(DATABASE, expression)).status is HealthStatus.HEALTHY
    late = ready | {"observedGeneration": 1}
    assert judged(database(conditions=[late]), OwnRule(DATABASE, expression)).status is HealthStatus.PROGRESSING


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("status.a ==", r"is no CEL expression: line 1, character 12: "),
        ("(" * 2000 + ")" * 2000, "is no CEL expression"),
        ("'" + "a" * 5000 + "'", "has more than 4096 characters"),
        ("stauts.ready", "names stauts; there is object, apiVersion"),
        ("env.HOME == ''", "names env"),
        ("spec.a.all(a, spec.b.all(b, spec.c.all(c, true)))", "has more than 2 macros over lists inside each other"),
    ],
)
def test_what_can_never_be_used(expression: str, reason: str) -> None:
    """Is refused before it is used, with the reason."""
    with pytest.raises(ValueError, match=reason):
        check(expression)


@pytest.mark.parametrize(
    "expression",
    [
        "status.a.all(x, status.b.exists(y, x == y)) && spec.c.map(x, x).filter(y, y > 1).size() > 0",
        "object.metadata.name == 'a.all(x, b.all(y, c.all(z, true)))'",
        "data['a'] == kind && apiVersion != ''",
    ],
)
def test_what_can_be_used(expression: str) -> None:
    """Macros side by side, or in a text, are not inside each other."""
    check(expression)


def test_work_is_bounded_by_what_is_shown() -> None:
    """Of a long list an expression sees the first entries, of a deep object the first levels, of managedFields nothing."""
    nest: Any = 1
    for _ in range(100):
        nest = [nest]
    obj: Object = {"metadata": {"managedFields": [{}]}, "spec": {"long": [0] * 10_000, "deep": nest}}
    variables = shown(obj)
    assert evaluate("spec.long.size()", variables) == MAX_ENTRIES
    assert evaluate("has(object.metadata.managedFields)", variables) is False
    assert evaluate("status.size()", variables) == 0

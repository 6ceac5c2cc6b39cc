"""What ignoreDifferences takes out of a comparison, and out of what is sent."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitopsd.diff.fieldsets import FieldsV1
from gitopsd.diff.ignore import ignored_places, respected, without
from gitopsd.diff.judge import unchanged
from gitopsd.model.app import IgnoreDifference
from gitopsd.model.refs import Object


def rule(**parts: Any) -> IgnoreDifference:
    """A rule for all kinds."""
    lists: dict[str, Any] = {name: tuple(value) for name, value in parts.items()}
    return IgnoreDifference("*", "*", **lists)


def workload(*entries: tuple[str, str, FieldsV1], **spec: Any) -> Object:
    """An object with these managers."""
    rows = [{"manager": manager, "operation": operation, "fieldsV1": fields} for manager, operation, fields in entries]
    return {"kind": "Deployment", "metadata": {"name": "web", "managedFields": rows}, "spec": spec}


def owned(*names: str) -> FieldsV1:
    """A field set of fields of the spec."""
    return {"f:spec": {f"f:{name}": {} for name in names}}


OURS = "gitopsd"
CONTAINERS = [{"name": "app", "image": "app:1"}, {"name": "side", "image": "side:1"}]
SIDECAR = '.spec.containers[] | select(.name == "side")'

NAMED: dict[str, tuple[IgnoreDifference, set[tuple[str | int, ...]]]] = {
    "a pointer": (rule(json_pointers=["/spec/replicas"]), {("spec", "replicas")}),
    "a pointer into a list": (rule(json_pointers=["/spec/containers/1/image"]), {("spec", "containers", 1, "image")}),
    "a pointer with a slash": (rule(json_pointers=["/metadata/annotations/a.b~1c"]), {("metadata", "annotations", "a.b/c")}),
    "a pointer to nothing": (rule(json_pointers=["/spec/absent", "/spec/containers/7", "/spec/replicas/x", ""]), set()),
    "a path": (rule(jq_path_expressions=[SIDECAR]), {("spec", "containers", 1)}),
    "a manager": (rule(managed_fields_managers=["hpa", "nobody"]), {("spec", "replicas"), ("spec", "containers", 0, "image")}),
}


@pytest.mark.parametrize("case", NAMED)
def test_names_fields(case: str) -> None:
    """By pointer, by path, and by who holds them."""
    held: FieldsV1 = {"f:spec": {"f:replicas": {}, "f:containers": {'k:{"name":"app"}': {"f:image": {}}}, "f:gone": {}}}
    obj = workload(("hpa", "Update", held), replicas=3, containers=CONTAINERS)
    obj["metadata"]["annotations"] = {"a.b/c": "x"}
    given_rule, places = NAMED[case]
    assert ignored_places(obj, [given_rule], obj) == places


def test_takes_out() -> None:
    """Fields and items go, and maps and lists of which nothing is left; an item of a list stays one."""
    value = {"a": {"b": 1}, "l": [{"x": 1}, {"y": 2}], "only": [1], "c": 2}
    left = without(value, frozenset({("a", "b"), ("l", 0, "x"), ("only", 0)}))
    assert left == {"l": [{}, {"y": 2}], "c": 2}
    assert value["a"] == {"b": 1}


REPLICAS = (rule(json_pointers=["/spec/replicas"]),)


def test_an_ignored_difference_is_none() -> None:
    """Neither a value that differs nor the lost hold of it counts; any other does."""
    live = workload((OURS, "Apply", owned("paused")), ("hpa", "Update", owned("replicas")), replicas=9, paused=True)
    after = workload((OURS, "Apply", owned("paused", "replicas")), replicas=2, paused=True)
    assert not unchanged(live, after, OURS)
    assert unchanged(live, after, OURS, REPLICAS)
    assert not unchanged(live, workload((OURS, "Apply", owned("replicas")), replicas=2), OURS, REPLICAS)


def test_respected_fields_are_left_to_who_holds_them() -> None:
    """They are not sent, whatever Git says."""
    live = workload((OURS, "Apply", owned("paused")), ("hpa", "Update", owned("replicas")), replicas=9, paused=True)
    sent = respected(workload(replicas=2, paused=False), REPLICAS, live, OURS)
    assert sent["spec"] == {"paused": False}


def test_respected_fields_that_only_we_hold_are_sent_as_they_are() -> None:
    """Left out, the server would remove them: also where Git does not have them any more."""
    live = workload((OURS, "Apply", owned("paused", "replicas")), replicas=9, paused=True)
    assert respected(workload(replicas=2, paused=False), REPLICAS, live, OURS)["spec"] == {"replicas": 9, "paused": False}
    assert respected(workload(paused=False), REPLICAS, live, OURS)["spec"] == {"replicas": 9, "paused": False}


def test_a_respected_item_keeps_its_values() -> None:
    """Items are found by their keys, wherever they stand."""
    mine: FieldsV1 = {"f:spec": {"f:containers": {'k:{"name":"side"}': {".": {}, "f:name": {}, "f:image": {}}}}}
    live = workload((OURS, "Apply", mine), containers=[{"name": "side", "image": "side:9", "policy": "default"}])
    sent = respected(workload(containers=CONTAINERS), [rule(jq_path_expressions=[SIDECAR])], live, OURS)
    assert sent["spec"]["containers"] == [CONTAINERS[0], {"name": "side", "image": "side:9"}]


NAMES = st.sampled_from(["a", "b", "c"])
DOCUMENTS = st.recursive(
    st.integers(0, 2), lambda inner: st.dictionaries(NAMES, inner, max_size=3) | st.lists(inner, max_size=3), max_leaves=15
).map(lambda value: {"spec": {"a": value, "b": value}})
RULES = st.lists(
    st.lists(NAMES, min_size=1, max_size=3).map(lambda names: rule(json_pointers=["/spec/" + "/".join(names)]))
    | st.lists(st.sampled_from([".a", ".b", ".[]?", ".."]), min_size=1, max_size=3).map(
        lambda steps: rule(jq_path_expressions=[" | ".join([".spec", *steps])])
    ),
    max_size=3,
)


@given(DOCUMENTS, DOCUMENTS, RULES)
def test_taking_out_twice_is_taking_out_once(one: Object, other: Object, rules: list[IgnoreDifference]) -> None:
    """And what was taken out makes no difference any more; nothing is ever added."""
    taken = without(one, ignored_places(one, rules, one))
    assert without(taken, ignored_places(taken, rules, one)) == taken
    if without(other, ignored_places(other, rules, one)) == taken:
        assert unchanged(one, other, OURS, rules)


@given(DOCUMENTS, DOCUMENTS, RULES)
def test_respecting_never_sends_what_git_and_live_do_not_have(git: Object, live: Object, rules: list[IgnoreDifference]) -> None:
    """Every value that is sent stands in one of the two, under the same names."""
    live = live | workload((OURS, "Apply", owned("a", "b")), **live["spec"])
    assert _leaves(respected(git, rules, live, OURS)) <= _leaves(git) | _leaves(live)


def _leaves(value: Any, names: tuple[str, ...] = ()) -> set[tuple[tuple[str, ...], Any]]:
    if isinstance(value, dict):
        return {leaf for key, inner in value.items() for leaf in _leaves(inner, (*names, key))}
    if isinstance(value, list):
        return {leaf for inner in value for leaf in _leaves(inner, (*names, "[]"))}
    return {(names, value)}

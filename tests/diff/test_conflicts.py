"""Fields that the server names, found in what was sent."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitopsd.diff.conflicts import left_out, place_of, undeclared
from gitopsd.model.refs import Object

BODY: Object = {
    "metadata": {"labels": {"a.b/c": "1", "a": {"b/c": "2"}}},
    "spec": {
        "replicas": 2,
        "ports": [{"port": 80, "name": "http"}, {"port": 80, "protocol": "UDP", "name": "quic"}],
        "containers": [{"name": "a,b=c]", "image": "x"}],
        "finalizers": ["one", "two"],
        "args": [{"x": 1}],
    },
}

FIELDS: dict[str, tuple[str | int, ...] | None] = {
    ".spec.replicas": ("spec", "replicas"),
    ".metadata.labels.a.b/c": ("metadata", "labels", "a.b/c"),
    '.spec.ports[port=80,protocol="TCP"].name': ("spec", "ports", 0, "name"),
    '.spec.ports[port=80,protocol="UDP"].name': ("spec", "ports", 1, "name"),
    '.spec.containers[name="a,b=c]"].image': ("spec", "containers", 0, "image"),
    '.spec.finalizers[="two"]': ("spec", "finalizers", 1),
    ".spec.args[0].x": ("spec", "args", 0, "x"),
    ".spec.args[4]": None,
    ".spec.absent": None,
    ".spec.replicasX": None,
    '.spec.ports[port=81,protocol="TCP"]': None,
    ".spec.replicas[0]": None,
}


@pytest.mark.parametrize("field", FIELDS)
def test_finds_the_field(field: str) -> None:
    """As the server spells it: keys of items in brackets, and names with dots that nothing quotes."""
    assert place_of(field, BODY) == FIELDS[field]


def test_leaves_it_out() -> None:
    """What is sent then has all the rest."""
    left = left_out(BODY, ".spec.replicas", '.spec.ports[port=80,protocol="UDP"].name', ".metadata.labels.a.b/c", ".spec.absent")
    assert left["spec"]["ports"] == [{"port": 80, "name": "http"}, {"port": 80, "protocol": "UDP"}]
    assert "replicas" not in left["spec"]
    assert left["metadata"]["labels"] == {"a": {"b/c": "2"}}


def test_reads_what_a_schema_lacks() -> None:
    """One complaint or several."""
    message = "failed to create typed patch object (default/w; ex/v1, Kind=W): errors:\n  .spec.a: field not declared in schema"
    assert undeclared(f"{message}\n  .spec.b.c: field not declared in schema") == (".spec.a", ".spec.b.c")


DOCUMENTS = st.recursive(
    st.integers(0, 2),
    lambda inner: (
        st.dictionaries(st.sampled_from(["a", "b", "a.b", "c"]), inner, max_size=3)
        | st.lists(st.fixed_dictionaries({"name": st.sampled_from("xyz"), "v": inner}), max_size=3, unique_by=lambda i: i["name"])
    ),
    max_leaves=15,
).map(lambda value: {"spec": value})
FIELD = st.lists(
    st.sampled_from([".spec", ".a", ".b", ".a.b", ".c", ".v", '[name="x"]', '[name="y"]', "[0]"]), min_size=1, max_size=4
).map("".join)


@given(DOCUMENTS, st.lists(FIELD, max_size=3))
def test_yielding_never_widens(body: Object, fields: list[str]) -> None:
    """What is left is a part of what was sent: no field is added, none has another value."""
    assert _within(left_out(body, *fields), body)


def _within(part: Any, whole: Any) -> bool:
    if isinstance(part, dict) and isinstance(whole, dict):
        return all(key in whole and _within(value, whole[key]) for key, value in part.items())
    if isinstance(part, list) and isinstance(whole, list):
        rest = iter(whole)
        return all(any(_within(item, candidate) for candidate in rest) for item in part)
    return bool(part == whole)

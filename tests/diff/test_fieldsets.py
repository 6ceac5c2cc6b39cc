"""Field sets to reckon with."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitopsd.diff.fieldsets import FieldsV1, cut, graft, held_fields, places_of, subtract, unite, within
from gitopsd.diff.judge import project
from gitopsd.formats.jq import Place

PORT = 'k:{"port":80,"protocol":"TCP"}'
VALUE: dict[str, Any] = {"a": {"b": 1, "c": 2}, "ports": [{"port": 80, "name": "x"}], "set": ["one", "two"], "list": [{"x": 1}]}

PLACES: dict[str, tuple[FieldsV1, bool, set[Place]]] = {
    "leaves": ({"f:a": {".": {}, "f:b": {}}, "f:gone": {}}, False, {("a", "b")}),
    "things themselves": ({"f:a": {".": {}, "f:b": {}}}, True, {("a",)}),
    "a part of a thing": ({"f:a": {"f:b": {}}}, True, {("a", "b")}),
    "a keyed item whose key has a default": ({"f:ports": {PORT: {"f:name": {}}}}, False, {("ports", 0, "name")}),
    "members": ({"f:set": {'v:"two"': {}, 'v:"none"': {}}}, False, {("set", 1)}),
    "indexes": ({"f:list": {"i:0": {"f:x": {}}, "i:7": {}}}, False, {("list", 0, "x")}),
    "another shape": ({"f:a": {'k:{"name":"x"}': {}}, "f:set": {"f:one": {}}}, False, set()),
}


@pytest.mark.parametrize("case", PLACES)
def test_finds_places(case: str) -> None:
    """Where in a document the fields of a set stand."""
    fields, whole, places = PLACES[case]
    assert set(places_of(fields, VALUE, whole=whole)) == places


def test_takes_sets_apart() -> None:
    """Without a place, only a place, and without what others hold: who holds a part keeps the thing itself."""
    fields: FieldsV1 = {"f:a": {".": {}, "f:b": {}, "f:c": {}}, "f:ports": {PORT: {".": {}, "f:name": {}}}}
    at: frozenset[Place] = frozenset({("a", "b"), ("ports", 0)})
    assert cut(fields, VALUE, at) == {"f:a": {".": {}, "f:c": {}}}
    assert within(fields, VALUE, at) == {"f:a": {"f:b": {}}, "f:ports": {PORT: {".": {}, "f:name": {}}}}
    assert subtract(fields, {"f:a": {"f:b": {}}}) == {"f:a": {"f:c": {}}, "f:ports": {PORT: {".": {}, "f:name": {}}}}


def test_grafts_live_values() -> None:
    """Over what is there, and as new items with their keys; what is grafted from stays as it is."""
    fields: FieldsV1 = {"f:a": {"f:b": {}}, "f:ports": {'k:{"port":80}': {"f:name": {}}}, "f:set": {'v:"two"': {}}}
    assert graft({"a": {"b": 9, "d": 4}, "set": ["one"]}, VALUE, fields) == {
        "a": {"b": 1, "d": 4},
        "ports": [{"port": 80, "name": "x"}],
        "set": ["one", "two"],
    }


def test_held_is_applied_and_updated() -> None:
    """What we replaced is ours as well as what we applied; what went through a subresource is not."""
    rows = [
        {"manager": "gitopsd", "operation": "Apply", "fieldsV1": {"f:a": {}}},
        {"manager": "gitopsd", "operation": "Update", "fieldsV1": {"f:b": {}}},
        {"manager": "gitopsd", "operation": "Update", "subresource": "status", "fieldsV1": {"f:status": {}}},
    ]
    assert held_fields({"metadata": {"managedFields": rows}}, "gitopsd") == {"f:a": {}, "f:b": {}}
    assert held_fields({"metadata": {}}, "gitopsd") is None


NAMES = st.sampled_from(["f:a", "f:b", "f:c"])
EMPTY: FieldsV1 = {}
SETS = st.recursive(st.just(EMPTY), lambda inner: st.dictionaries(NAMES, inner, max_size=3), max_leaves=9)
DOCUMENTS = st.recursive(
    st.integers(0, 3), lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3), max_leaves=9
).filter(lambda value: isinstance(value, dict))


@given(SETS, SETS)
def test_sets_behave_as_sets(one: FieldsV1, other: FieldsV1) -> None:
    """A union holds both; what was taken away is gone; nothing is left of a set without itself."""
    both = unite(one, other)
    assert subtract(one, both) == {}
    assert subtract(other, both) == {}
    assert subtract(one, one) == {}
    assert subtract(subtract(one, other), one) == {}


@given(DOCUMENTS, SETS, SETS)
def test_a_cut_and_what_was_cut_are_the_whole(document: Any, fields: FieldsV1, other: FieldsV1) -> None:
    """Each leaf is in one of the two."""
    places = frozenset(place for place in places_of(other, document) if place)
    leaves = set(places_of(fields, document)) - {()}
    kept, gone = (set(places_of(part(fields, document, places), document)) - {()} for part in (cut, within))
    assert kept | gone <= leaves | places
    assert kept.isdisjoint(gone)


@given(DOCUMENTS, DOCUMENTS, SETS)
def test_what_was_grafted_is_live(body: Any, live: Any, fields: FieldsV1) -> None:
    """In the grafted fields live wins, wherever live has them."""
    live = live | {"there": 1}
    there = frozenset(place for place in places_of(fields, live) if place)
    wanted: FieldsV1 = {"f:there": {}} | within(fields, live, there)
    assert project(graft(body, live, wanted), wanted) == project(live, wanted)

"""Projection and comparison as the judge of "in sync" uses them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitopsd.diff.fieldsets import FieldsV1, applied_fields
from gitopsd.diff.judge import digest, fields_digest, project, unchanged
from gitopsd.model.refs import Object

CASES: dict[str, tuple[Any, FieldsV1, Any]] = {
    "a leaf takes its whole value": ({"a": {"b": 1}, "c": 2}, {"f:a": {}}, {"a": {"b": 1}}),
    "a branch takes what is named": ({"a": {"b": 1, "c": 2}}, {"f:a": {".": {}, "f:b": {}}}, {"a": {"b": 1}}),
    "what is not there is left out": ({"a": {}}, {"f:a": {"f:b": {}}, "f:z": {}}, {"a": {}}),
    "the thing itself alone is the whole of it": ({"a": {"b": 1}}, {"f:a": {".": {}}}, {"a": {"b": 1}}),
    "keyed items keep their live order": (
        {"l": [{"name": "b", "x": 1}, {"name": "z"}, {"name": "a", "x": 2}]},
        {"f:l": {'k:{"name":"a"}': {"f:x": {}}, 'k:{"name":"b"}': {"f:x": {}}}},
        {"l": [{"x": 1}, {"x": 2}]},
    ),
    "keys may have several parts": (
        {"p": [{"port": 80, "protocol": "TCP", "name": "t"}, {"port": 80, "protocol": "UDP", "name": "u"}]},
        {"f:p": {'k:{"port":80,"protocol":"UDP"}': {"f:name": {}}}},
        {"p": [{"name": "u"}]},
    ),
    "members of sets count in any order": ({"s": ["b", "x", "a"]}, {"f:s": {'v:"a"': {}, 'v:"b"': {}}}, {"s": ['"a"', '"b"']}),
    "items may be named by index": ({"l": [{"x": 1}, {"x": 2}]}, {"f:l": {"i:1": {"f:x": {}}, "i:9": {}}}, {"l": [{"x": 2}]}),
    "a value of another shape counts whole": ({"a": "text"}, {"f:a": {"f:b": {}}}, {"a": "text"}),
}


@pytest.mark.parametrize("case", CASES)
def test_projects(case: str) -> None:
    """The part of a value that a field set names."""
    value, fields, expected = CASES[case]
    assert project(value, fields) == expected


def _object(fields: FieldsV1 | None = None, **content: Any) -> Object:
    entries: list[Object] = [
        {"manager": "other", "operation": "Apply", "fieldsV1": {"f:other": {}}},
        {"manager": "gitopsd", "operation": "Update", "fieldsV1": {"f:updated": {}}},
        {"manager": "gitopsd", "operation": "Apply", "subresource": "status", "fieldsV1": {"f:status": {}}},
    ]
    if fields is not None:
        entries.append({"manager": "gitopsd", "operation": "Apply", "fieldsV1": fields})
    return {"kind": "Thing", "metadata": {"name": "x", "managedFields": entries}, **content}


def test_finds_our_own_apply() -> None:
    """Of all entries the one counts that our manager applied to the object itself."""
    assert applied_fields(_object({"f:spec": {}}), "gitopsd") == {"f:spec": {}}
    assert applied_fields(_object(), "gitopsd") is None
    assert applied_fields({"kind": "Thing"}, "gitopsd") is None
    assert fields_digest(None) == ""
    assert fields_digest({}) != ""


@pytest.mark.parametrize(
    ("after", "same"),
    [
        (_object({"f:spec": {}}, spec={"a": 1}, status={"ready": True}), True),
        (_object({"f:spec": {}}, spec={"a": 2}), False),
        (_object({"f:spec": {}}, spec={"a": True}), False),
        (_object({"f:spec": {"f:a": {}}}, spec={"a": 1}), False),
        (_object(None, spec={"a": 1}), False),
    ],
    ids=["status", "content", "one is not true", "our field set", "lost"],
)
def test_compares(after: Object, same: bool) -> None:
    """Content and our field set decide; status does not."""
    assert unchanged(_object({"f:spec": {}}, spec={"a": 1}), after, "gitopsd") is same


@pytest.mark.parametrize(
    ("metadata", "same"),
    [
        ({"resourceVersion": "2", "generation": 3, "creationTimestamp": "now"}, True),
        ({"labels": {}}, True),
        ({"labels": {"a": "b"}}, False),
        ({"annotations": {"a": "b"}}, False),
        ({"finalizers": ["a/b"]}, False),
        ({"ownerReferences": [{"uid": "1"}]}, False),
    ],
)
def test_compares_metadata(metadata: Object, same: bool) -> None:
    """What a writer decides counts, what the server counts for itself does not."""
    before, after = _object({}), _object({})
    after["metadata"] |= metadata
    assert unchanged(before, after, "gitopsd") is same


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text(max_size=3), JSON, max_size=4))
def test_naming_every_field_gives_everything(value: dict[str, Any]) -> None:
    """A field set of all top-level names projects an object onto itself, and no field set changes its digest's stability."""
    fields: FieldsV1 = {f"f:{name}": {} for name in value}
    if fields:
        assert project(value, fields) == value
    assert digest(value) == digest(dict(reversed(value.items())))

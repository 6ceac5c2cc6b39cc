"""What differs, in words."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gitopsd.diff.changes import field_changes
from gitopsd.diff.mask import LAST_APPLIED, keyed_mask, masked

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)


def _said(before: dict[str, Any], after: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    return [(change.field, change.before, change.after) for change in field_changes(before, after)]


def test_a_changed_leaf_is_one_change() -> None:
    """The path names the field, `before` what is live, `after` what is wanted."""
    assert _said({"spec": {"replicas": 9}}, {"spec": {"replicas": 2}}) == [("spec.replicas", 9, 2)]


def test_items_are_found_by_identity() -> None:
    """A container that moved is not two changes, and the path says which container it is."""
    before = {"containers": [{"name": "a", "image": "x"}, {"name": "b", "image": "y"}]}
    after = {"containers": [{"name": "a", "image": "x"}, {"name": "b", "image": "z"}, {"name": "c", "image": "w"}]}
    assert _said(before, after) == [
        ("containers[name=b].image", "y", "z"),
        ("containers[name=c]", None, {"name": "c", "image": "w"}),
    ]


def test_order_alone_is_one_change_of_the_list() -> None:
    """Order can matter (environment variables refer to earlier ones), so it is said."""
    before, after = ({"l": [{"name": n} for n in names]} for names in ("ab", "ba"))
    assert _said(before, after) == [("l", before["l"], after["l"])]


def test_the_servers_own_is_no_difference() -> None:
    """Status, and the metadata that only the server writes."""
    assert _said({"status": {"a": 1}, "metadata": {"uid": "1", "generation": 4}}, {"metadata": {"generation": 5}}) == []


def test_odd_keys_are_quoted() -> None:
    """A dot in a key is no step of the path."""
    assert _said({"data": {"tls.crt": "a"}}, {"data": {"tls.crt": "b"}}) == [('data["tls.crt"]', "a", "b")]


def test_a_type_is_a_difference() -> None:
    """`1` and `true` are equal to Python, and not to Kubernetes."""
    assert _said({"a": 1}, {"a": True}) == [("a", 1, True)]


@given(st.dictionaries(st.text(max_size=5), JSON, max_size=4))
def test_nothing_differs_from_itself(obj: dict[str, Any]) -> None:
    """A document has no changes against itself, whatever it holds."""
    assert field_changes(obj, obj) == ()


@given(st.dictionaries(st.text(max_size=5), JSON, max_size=4), st.dictionaries(st.text(max_size=5), JSON, max_size=4))
def test_what_differs_is_said(one: dict[str, Any], other: dict[str, Any]) -> None:
    """Two documents that differ have a change, and its sides differ too."""
    fields = [{k: v for k, v in obj.items() if k not in ("status", "metadata")} for obj in (one, other)]
    changes = field_changes(fields[0], fields[1])
    assert bool(changes) == (repr_of(fields[0]) != repr_of(fields[1]))
    for change in changes:
        assert repr_of(change.before) != repr_of(change.after) or change.before is None


def repr_of(value: Any) -> str:
    """A text that tells `1` from `true`, and no order of keys."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{key!r}:{repr_of(value[key])}" for key in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(repr_of(item) for item in value) + "]"
    return f"{type(value).__name__}:{value!r}"


def test_a_secrets_values_are_digests_and_changes_stay_visible() -> None:
    """data, stringData and kubectl's copy of them; equal values have equal digests under one key, others under another."""
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s", "annotations": {LAST_APPLIED: '{"data":{"k":"aHVudGVyMg=="}}', "note": "kept"}},
        "data": {"k": "aHVudGVyMg=="},
        "stringData": {"p": "hunter2"},
    }
    shown = masked(secret, keyed_mask(b"key"))
    assert "hunter2" not in str(shown)
    assert "aHVudGVyMg" not in str(shown)
    assert shown["metadata"]["annotations"]["note"] == "kept"
    assert (
        shown["data"]["k"] == masked(secret, keyed_mask(b"key"))["data"]["k"] != masked(secret, keyed_mask(b"other"))["data"]["k"]
    )


def test_a_malformed_secret_leaks_nothing() -> None:
    """Git may hold anything where data should be."""
    for data in ("hunter2", ["hunter2"], 7):
        assert "hunter2" not in str(masked({"apiVersion": "v1", "kind": "Secret", "data": data}, keyed_mask(b"k")))


def test_other_kinds_are_shown_as_they_are() -> None:
    """Only the core group's Secret holds secrets by type."""
    obj = {"apiVersion": "v1", "kind": "ConfigMap", "data": {"k": "v"}}
    assert masked(obj, keyed_mask(b"key")) is obj

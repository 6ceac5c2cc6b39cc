"""Merge patches, held to RFC 7396."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gitopsd.resources.patch import merge_patch

NAMES = st.sampled_from("abc")
VALUES = st.recursive(
    st.integers(0, 2) | st.lists(st.integers(0, 2), max_size=2), lambda v: st.dictionaries(NAMES, v), max_leaves=6
)
DOCUMENTS = st.dictionaries(NAMES, VALUES)


def merged(target: Any, patch: Any) -> Any:
    """The algorithm of RFC 7396, section 2."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result


@given(DOCUMENTS, DOCUMENTS)
def test_a_patch_makes_of_each_named_field_what_is_wanted(live: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Fields that are not named stay; a second patch is empty."""
    result = merged(live, merge_patch(live, wanted))
    assert result == {**live, **wanted}
    assert merge_patch(result, wanted) == {}


@given(DOCUMENTS)
def test_none_takes_a_field_away(live: dict[str, Any]) -> None:
    """And asks nothing where it is gone already."""
    assert merged(live, merge_patch(live, {"a": None})) == {name: value for name, value in live.items() if name != "a"}

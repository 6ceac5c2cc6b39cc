"""Versions, their order, and ranges of them."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitopsd.formats.semver import Version, best, parse_range, parse_version

TAGS = ("0.2.3", "0.2.9", "0.3.0", "v1.0.0", "1.2.0", "v1.2.7", "1.3.0-rc.1", "1.3.0", "2.0.0-alpha", "latest", "release-9")


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("*", "1.3.0"),
        ("1.x", "1.3.0"),
        ("1.2", "v1.2.7"),
        ("v1.2.x", "v1.2.7"),
        ("^1.0", "1.3.0"),
        ("^0.2.3", "0.2.9"),
        ("~1.2.0", "v1.2.7"),
        ("~1", "1.3.0"),
        (">=1.0, <1.3", "v1.2.7"),
        (">=1.0 <1.3", "v1.2.7"),
        ("1.0 - 1.2", "v1.2.7"),
        ("<1.0 || ~1.2", "v1.2.7"),
        (">1.2", "1.3.0"),
        ("<=1.2", "v1.2.7"),
        (">1.3.0", None),
        (">=2.0.0-0", "2.0.0-alpha"),
        ("=1.2.0", "1.2.0"),
        ("!=1.3.0", "v1.2.7"),
        ("3.x", None),
    ],
)
def test_the_highest_tag_in_the_range_is_meant(text: str, tag: str | None) -> None:
    """Tags that name no version don't count, nor do pre-releases unless the range names one."""
    wanted = parse_range(text)
    assert wanted is not None
    assert best(wanted, TAGS) == tag


@pytest.mark.parametrize(
    "text", ["main", "1.2.3", "v1.2.3", "HEAD", "", "feature/x", "release-1.x", "1.2.3-rc.1", "||", "^", "9" * 300]
)
def test_names_are_no_ranges(text: str) -> None:
    """A branch, a tag and a full version are looked up by name."""
    assert parse_range(text) is None


def test_precedence_is_that_of_semver_org() -> None:
    """The example of the specification, section 11."""
    texts = [
        "1.0.0-alpha",
        "1.0.0-alpha.1",
        "1.0.0-alpha.beta",
        "1.0.0-beta",
        "1.0.0-beta.2",
        "1.0.0-beta.11",
        "1.0.0-rc.1",
        "1.0.0",
    ]
    versions = [parse_version(text) for text in texts]
    assert all(a is not None and b is not None and a < b for a, b in pairwise(versions))


@given(st.text(alphabet="0123456789.xX*^~<>=!|, -vrc", max_size=30))
def test_any_text_is_a_range_or_none(text: str) -> None:
    """Hostile text raises nothing, and what is a range picks a tag or none."""
    wanted = parse_range(text)
    assert wanted is None or best(wanted, TAGS) in (*TAGS, None)


@given(st.tuples(*[st.integers(0, 99)] * 3), st.lists(st.tuples(*[st.integers(0, 99)] * 3), min_size=1))
def test_a_caret_never_crosses_a_major_version(low: tuple[int, int, int], versions: list[tuple[int, int, int]]) -> None:
    """`^` takes the newest compatible version, and never an older one."""
    wanted = parse_range("^" + ".".join(map(str, low)))
    assert wanted is not None
    tag = best(wanted, [".".join(map(str, version)) for version in versions])
    if tag is not None:
        found = parse_version(tag)
        assert found is not None
        assert found.major == low[0]
        assert found >= Version(*low)

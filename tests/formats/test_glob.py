from __future__ import annotations

import pytest

from gitopsd.formats.glob import glob


@pytest.mark.parametrize(
    ("pattern", "separator", "matches", "misses"),
    [
        ("*", "", "a/b", None),
        ("*", "/", "ab", "a/b"),
        ("**", "/", "a/b", None),
        ("https://git/org/*", "/", "https://git/org/app", "https://git/org/team/app"),
        ("a?c", "/", "abc", "a/c"),
        ("[ab]-[!0-9]", "", "a-x", "a-1"),
        ("{dev,stage}-*", "", "stage-1", "prod-1"),
        ("a,b", "", "a,b", "a"),
        (r"\*", "", "*", "a"),
        ("a.b", "", "a.b", "axb"),
    ],
)
def test_globs(pattern: str, separator: str, matches: str, misses: str | None) -> None:
    """A glob is matched against all of a text; `*` and `?` stop at the separator, a comma counts between braces only."""
    assert glob(pattern, separator).fullmatch(matches)
    assert misses is None or not glob(pattern, separator).fullmatch(misses)


@pytest.mark.parametrize("pattern", ["{a", "a}", "[z-a]"])
def test_what_is_no_glob(pattern: str) -> None:
    """A pattern that can't be read is an error, not one that matches nothing."""
    with pytest.raises(ValueError, match="glob"):
        glob(pattern)

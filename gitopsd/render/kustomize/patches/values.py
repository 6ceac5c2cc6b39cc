"""The few things that both walks, of fields and of items, need to know about a value."""

from __future__ import annotations

from typing import Any, Final

from gitopsd.formats.scalars import text_of


class _Missing:
    """The type of MISSING."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = _Missing()
"""No value at all, which is not null."""

DIRECTIVE: Final = "$patch"


def kind_of(value: Any) -> str | None:
    """`mapping`, `list` or `scalar`; None for null and nothing, which go with any of them."""
    if value is None or value is MISSING:
        return None
    if isinstance(value, dict):
        return "mapping"
    return "list" if isinstance(value, list) else "scalar"


def directive(value: Any) -> str:
    """What `$patch` of a mapping says; empty without."""
    if not isinstance(value, dict) or DIRECTIVE not in value:
        return ""
    return text(value[DIRECTIVE])


def text(value: Any) -> str:
    """The text by which items are identified: a scalar's spelling; other values have none."""
    return "" if isinstance(value, (dict, list)) else text_of(value)


def without(mapping: dict[str, Any], name: str) -> dict[str, Any]:
    """A copy that lacks one field."""
    return {key: value for key, value in mapping.items() if key != name}

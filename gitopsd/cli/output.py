"""What commands print: JSON for programs, aligned text for people."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any


class Format(StrEnum):
    """`-o`."""

    TEXT = "text"
    JSON = "json"


class PlanFormat(StrEnum):
    """`-o` of `plan`."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"


_COLOURS = {
    "Synced": "32", "Healthy": "32", "Succeeded": "32", "create": "32", "healed": "32",
    "OutOfSync": "33", "Progressing": "33", "Suspended": "33", "configure": "33", "Running": "33", "reported": "33",
    "Degraded": "31", "Missing": "31", "Failed": "31", "Error": "31", "SyncFailed": "31", "prune": "31", "recreate": "31",
    "Unknown": "35",
}  # fmt: skip
"""Words that mean good, changing, bad, unknown: green, yellow, red, magenta."""


def colours() -> bool:
    """Only on a terminal, and where NO_COLOR does not forbid it (no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def painted(word: str, width: int = 0) -> str:
    """The word, padded, in its colour if it has one."""
    code = _COLOURS.get(word)
    text = word.ljust(width)
    return f"\033[{code}m{text}\033[0m" if code and colours() else text


def print_json(value: Any) -> None:
    """As programs like it."""
    print(json.dumps(value, indent=2, ensure_ascii=False))


def print_table(headings: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Columns as wide as their widest cell; nothing but the headings where there are no rows."""
    cells = [["" if cell is None else str(cell) for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in [list(headings), *cells]) for column in range(len(headings))]
    print("  ".join(heading.ljust(width) for heading, width in zip(headings, widths, strict=True)).rstrip())
    for row in cells:
        print("  ".join(painted(cell, width) for cell, width in zip(row, widths, strict=True)).rstrip())


def age(moment: str | None) -> str:
    """How long ago an RFC 3339 time was: `12s`, `5m`, `3h`, `2d`."""
    if not moment:
        return ""
    seconds = max(0, int((datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds()))
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= 2 * size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def object_name(ref: Mapping[str, str]) -> str:
    """`Deployment/web/api`."""
    return "/".join(part for part in (ref["kind"], ref["namespace"], ref["name"]) if part)


def value(thing: Any) -> str:
    """A value in one line."""
    if thing is None:
        return "(absent)"
    text = thing if isinstance(thing, str) else json.dumps(thing, ensure_ascii=False)
    return text if len(text) <= 120 else text[:117] + "..."  # noqa: PLR2004 - what fits a line beside its field

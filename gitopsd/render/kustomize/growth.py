"""Bounds on what a repository can make of little: values that copy themselves, and paths that lead ever deeper.

A replacement may put an object's own content into itself, and the next one again: sixty lines would make more than any machine
holds. Each of these bounds is far beyond what the API server takes (1.5 MiB for an object).
"""

from __future__ import annotations

from typing import Any

from gitopsd.model.errors import LimitError

TEXT = 16 * 1024 * 1024
NODES = 500_000
PARTS = 128


def check_text(length: int) -> None:
    """Raises LimitError for a text that is too long."""
    if length > TEXT:
        raise LimitError(f"a text would have more than {TEXT} characters")


def check_parts(path: str, parts: int) -> None:
    """Raises LimitError for a path of too many parts."""
    if parts > PARTS:
        raise LimitError(f"the path {path[:40]}... has more than {PARTS} parts")


def check_nodes(value: Any) -> None:
    """Raises LimitError for a value of too many mappings, lists and scalars, counting shared ones each time they stand there."""
    if _count(value, {}) > NODES:
        raise LimitError(f"a value would have more than {NODES} parts")


def _count(value: Any, known: dict[int, int]) -> int:
    if not isinstance(value, (dict, list)):
        return 1
    if (size := known.get(id(value))) is None:
        items = value.values() if isinstance(value, dict) else value
        size = known[id(value)] = 1 + sum(_count(item, known) for item in items)
    return size

"""Parsed files, kept by content: a file is parsed once, however many builds, overlays and applications read it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

T = TypeVar("T")

DEFAULT_BUDGET = 64 * 1024 * 1024


class ParseCache:
    """Least recently used first out, bounded by the bytes of what was parsed (parsed values take about ten times as much).

    What it returns is shared: nobody may change it. It belongs to one process and one thread.
    """

    def __init__(self, budget: int = DEFAULT_BUDGET) -> None:
        """`budget` bounds the sum of source bytes; one of 0 keeps nothing."""
        self._budget = budget
        self._used = 0
        self._entries: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()

    def get(self, key: Hashable, size: int, parse: Callable[[], T]) -> T:
        """The value of `parse` for what `key` (its object id, and how it was parsed) names; `size` is in bytes."""
        entry = self._entries.get(key)
        if entry is not None:
            self._entries.move_to_end(key)
            found: T = entry[0]
            return found
        value = parse()
        self._entries[key] = (value, size)
        self._used += size
        while self._used > self._budget:
            _, (_, freed) = self._entries.popitem(last=False)
            self._used -= freed
        return value

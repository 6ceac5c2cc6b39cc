"""The daemon's event loop, which tells how long its turns take.

In one turn it does all that is due before it looks for news again: so long no answer of a server is read and no probe is
answered. The time between two looks is measured, not sampled: it costs two readings of the clock a turn, and nothing while idle.
"""

from __future__ import annotations

import asyncio
import selectors
import time
from collections.abc import Callable

BLOCKED = 0.05
"""Seconds from which on a turn counts as having blocked the loop."""


class WatchedLoop(asyncio.SelectorEventLoop):
    """As the platform's own, but `listen` gets to hear of turns that were too long."""

    def __init__(self) -> None:
        """Nobody listens yet."""
        self._turns = _Turns()
        super().__init__(self._turns)

    def listen(self, blocked: Callable[[float], None]) -> None:
        """`blocked` is called with the seconds of each turn that took at least `BLOCKED`."""
        self._turns.blocked = blocked


class _Turns(selectors.DefaultSelector):
    blocked: Callable[[float], None] = staticmethod(lambda _: None)
    _since: float | None = None

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if self._since is not None and (seconds := time.monotonic() - self._since) >= BLOCKED:
            self.blocked(seconds)
        found = super().select(timeout)
        self._since = time.monotonic()
        return found

"""Time that passes as soon as there is nothing to do: hours of timers in a moment, each at its time, for tests without I/O."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

_Answer = TypeVar("_Answer")


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop whose clock goes on only where it would sleep, and then by just as long."""

    def __init__(self) -> None:
        """It is zero o'clock."""
        self._idle = _Idle()
        super().__init__(self._idle)

    def time(self) -> float:
        """Seconds since the start."""
        return self._idle.now


class _Idle(selectors.DefaultSelector):
    now: float = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        found = super().select(0)
        if not found:
            assert timeout is not None, "everything waits for something that nobody does"
            self.now += timeout
        return found


def in_no_time(work: Coroutine[Any, Any, _Answer]) -> _Answer:
    """What `work` gives, on a loop of its own."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(work)

"""How many requests may be under way at once: fewer when the server is busy, more again when it is not."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Limiter:
    """A limit that halves when the server asks for patience (429) and grows by one after as many answers as it allows.

    Additive increase, multiplicative decrease, as TCP shares a line: the server's own fair queueing does the rest. Waiters are
    served in order.
    """

    def __init__(self, start: int = 16, most: int = 48) -> None:
        """Begins with `start` at once and never exceeds `most`."""
        self.limit = start
        self._most = most
        self._running = 0
        self._answered = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Waits for a place, and gives it back."""
        while self._running >= self.limit:
            place = asyncio.get_running_loop().create_future()
            self._waiting.append(place)
            try:
                await place
            except asyncio.CancelledError:
                if place.done() and not place.cancelled():
                    self._wake()
                raise
        self._running += 1
        try:
            yield
        finally:
            self._running -= 1
            self._wake()

    def answered(self) -> None:
        """The server took a request without complaint."""
        self._answered += 1
        if self._answered >= self.limit:
            self._answered = 0
            self.limit = min(self.limit + 1, self._most)
            self._wake()

    def busy(self) -> None:
        """The server asked for patience. Complaints of requests that were under way together count once."""
        if self._answered < 0:
            self._answered += 1
            return
        self.limit = max(1, self.limit // 2)
        self._answered = -self._running

    def _wake(self) -> None:
        while self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(None)
                return

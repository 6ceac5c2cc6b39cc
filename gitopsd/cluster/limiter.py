"""How many requests may be under way at once: fewer when the server is busy or slow, more again when it is not."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_SLOW = 4.0
"""Times the quickest answers: from there on more at once only means that each takes longer."""

_FORGETS = 1.02
"""What was quickest counts for less with each round: a server may be slower for good."""


class Limits:
    """A limit for each sort of request, so that none waits behind another: what is read, what is tried, what is written.

    Each sort takes its own time, which is what its limit goes by.
    """

    def __init__(self) -> None:
        """All begin alike."""
        self.reads, self.trials, self.writes = Limiter(), Limiter(), Limiter()

    def of(self, verb: str, *, dry_run: bool) -> Limiter:
        """The limit for a request; `verb` is Kubernetes' word for it."""
        return self.reads if verb in ("get", "list") else self.trials if dry_run else self.writes


class Limiter:
    """A limit that halves when the server asks for patience (429) and grows by one after as many answers as it allows.

    Additive increase, multiplicative decrease, as TCP shares a line: the server's own fair queueing does the rest. It grows
    beyond its start only as long as answers stay about as quick as they have been, and shrinks back to it when they don't (as TCP
    Vegas goes by round trips). Waiters are served in order.
    """

    def __init__(self, start: int = 16, most: int = 48) -> None:
        """Begins with `start` at once and never exceeds `most`."""
        self.limit = start
        self._start, self._most = start, most
        self._running = 0
        self._answered = 0
        self._seconds = 0.0
        self._quickest = float("inf")
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

    def answered(self, seconds: float) -> None:
        """The server took a request without complaint, and answered within `seconds`."""
        self._answered += 1
        if self._answered <= 0:
            return  # it was sent before the complaint
        self._seconds += seconds
        if self._answered >= self.limit:
            mean = self._seconds / self._answered
            self._answered, self._seconds = 0, 0.0
            self._quickest = min(self._quickest * _FORGETS, mean)
            self._adapt(slow=mean > _SLOW * self._quickest)
            self._wake()

    def _adapt(self, *, slow: bool) -> None:
        if self.limit < self._start or not slow:
            self.limit = min(self.limit + 1, self._most)
        elif self.limit > self._start:
            self.limit -= 1

    def busy(self) -> None:
        """The server asked for patience. Complaints of requests that were under way together count once."""
        if self._answered < 0:
            self._answered += 1
            return
        self.limit = max(1, self.limit // 2)
        self._answered, self._seconds = -self._running, 0.0

    def _wake(self) -> None:
        while self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(None)
                return

"""What happens, as it happens: server-sent events of statuses, syncs and drift.

One bounded log of the latest events serves everybody: who follows holds nothing but a position in it. Who comes back
(`Last-Event-ID`) goes on from there; who missed more than the log holds, or saw an earlier process, is told so (`reset`).
An id may be made of those of several replicas (`gitopsd.web.chorus`): each finds its own in it.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field, replace
from functools import partial

from gitopsd.model.app import AppKey
from gitopsd.model.record import SyncRecord
from gitopsd.model.status import AppStatus
from gitopsd.web.documents import Application, Document, DriftDocument, Record

KEPT = 1000
"""Events that the log holds: minutes of a busy installation."""
MAX_FOLLOWERS = 200

JOINT = "."
"""Between the ids of several replicas."""


@dataclass(slots=True)
class _Event:
    """An event of the log; its text is made for who reads it first, as mostly nobody does."""

    number: int
    kind: str
    document: Callable[[], Document]
    _text: str = ""

    def text(self, process: str) -> str:
        if not self._text:
            data = self.document().model_dump_json(by_alias=True)
            self._text = f"id: {process}-{self.number}\nevent: {self.kind}\ndata: {data}\n\n"
        return self._text


@dataclass(slots=True)
class Events:
    """The log. `passed` and `changed` are listener and watcher of the agent; `heartbeat` is the longest silence, in seconds.

    An application's document is sent when it changes, a sync's record when it has ended, drift when it is found.
    """

    heartbeat: float = 15.0
    followers: int = 0
    _process: str = field(default_factory=lambda: secrets.token_hex(4))
    _kept: deque[_Event] = field(default_factory=lambda: deque(maxlen=KEPT))
    _last: int = 0
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _closed: bool = False
    _shown: dict[AppKey, AppStatus] = field(default_factory=dict)

    def changed(self, status: AppStatus) -> None:
        """An application stands otherwise, if what is shown of it differs."""
        known = self._shown.get(status.app.key)
        if known is None or _shows(known) != _shows(status):
            self._publish("application", partial(Application.of, status))
        self._shown[status.app.key] = status

    def passed(self, record: SyncRecord, _: AppStatus) -> None:
        """A pass is over: a sync or its refusal is told of (its results stand in the history), and drift that any pass found."""
        if record.attempted or record.refused:
            self._publish("record", partial(Record.of, replace(record, results=())))
        for drift in record.drifts:
            self._publish("drift", partial(DriftDocument.of, drift))

    def forget(self, app: AppKey) -> None:
        """The application is gone."""
        self._shown.pop(app, None)
        self._publish("gone", partial(Gone, namespace=app.namespace, name=app.name))

    def close(self) -> None:
        """Ends all streams."""
        self._closed = True
        self._news.set()

    def _publish(self, kind: str, document: Callable[[], Document]) -> None:
        self._last += 1
        self._kept.append(_Event(self._last, kind, document))
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def stream(self, last_seen: str | None = None) -> AsyncGenerator[str, None]:
        """The events after `last_seen`, an event's id; all from now on without one."""
        self.followers += 1
        try:
            position = self._last if last_seen is None else self._position(last_seen)
            yield f"id: {self._process}-{max(position, 0)}\nretry: 2000\n\n"
            while True:
                over, news = self._closed, self._news  # taken before the look, so that nothing falls between look and wait
                if position < self._last - len(self._kept):
                    position = self._last
                    yield f"id: {self._process}-{position}\nevent: reset\ndata: {{}}\n\n"
                for event in tuple(self._kept):
                    if event.number > position:
                        position = event.number
                        yield event.text(self._process)
                if over:
                    return
                if not await self._heard(news):
                    yield ": nothing new\n\n"
        finally:
            self.followers -= 1

    async def _heard(self, news: asyncio.Event) -> bool:
        try:
            async with asyncio.timeout(self.heartbeat):
                return await news.wait()
        except TimeoutError:
            return False

    def _position(self, last_seen: str) -> int:
        """The number in an id of ours, else one that is older than everything."""
        ids = dict(one.split("-", 1) for one in last_seen.split(JOINT) if "-" in one)
        number = ids.get(self._process, "")
        return min(int(number), self._last) if number.isascii() and number.isdecimal() else -1


class Gone(Document):
    """An application that is no longer configured."""

    namespace: str
    name: str


def _shows(status: AppStatus) -> tuple[object, ...]:
    """All that an application's document is made of."""
    states = status.sync, status.revision, status.health, status.drifted
    return (status.app, *states, status.running, status.operation, status.conditions, status.problems)

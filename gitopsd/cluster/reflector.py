"""A reflector: follows one collection of objects, and never loses it.

It asks for a streamed list (WatchList: the list arrives as events, ended by a bookmark) and stays on the same stream. After an
orderly end it resumes where it was. After anything else (a lost connection, 410 Gone, an error event) it lists anew: the server
may be another one by then, to which the old version means nothing.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from gitopsd.cluster.client import JSON, Client
from gitopsd.cluster.link import Link
from gitopsd.cluster.refusal import Refusal
from gitopsd.model.errors import ClusterError
from gitopsd.model.refs import Object

WATCH_SECONDS = 540
"""For how long one stream is asked for; half as much again at most, so that reflectors do not all come back at once."""

FIRST_PAUSE = 0.2
LONGEST_PAUSE = 5.0
"""Between two attempts, doubling from the first to the longest."""

REFUSED_PAUSE = 20.0
"""After a refusal (no right to watch, kind no longer served), which time alone seldom mends."""

_PAGE = 500
_TURN = 16
"""Objects that are taken in at a time: in a burst of changes the others have their turns too."""
_GONE, _UNSERVED = 410, 404


class Sink(Protocol):
    """Who takes what a reflector sees. A list is `begin`, `listed` for each object, `complete`; then changes follow."""

    def begin(self) -> None:
        """A new list begins; one that was begun before is void."""

    def listed(self, obj: Object) -> None:
        """An object of the new list."""

    def complete(self, resource_version: int) -> None:
        """The list is whole, as of that version: what was not in it is not there (or no longer selected)."""

    def changed(self, obj: Object) -> None:
        """An object was added or modified."""

    def deleted(self, obj: Object) -> None:
        """An object was deleted, or is no longer selected: the last that was seen of it."""


@dataclass(frozen=True, slots=True)
class Target:
    """What is followed. `name` is for people; `selectors` are `labelSelector` and `fieldSelector`."""

    name: str
    path: str
    selectors: Mapping[str, str] = field(default_factory=dict)
    accept: str = JSON


class Reflector:
    """Follows `target` into `sink` until its task is cancelled; before each list `link` makes sure which cluster it is."""

    def __init__(self, client: Client, target: Target, sink: Sink, link: Link) -> None:
        """Asks nothing yet."""
        self.target = target
        self.failure: str | None = None
        self.unserved = False
        self._client = client
        self._sink = sink
        self._link = link
        self._version = ""
        self._listing = True
        self._streamed = True
        self._lost = False
        self._taken = 0
        self._settled = asyncio.Event()

    @property
    def ready(self) -> bool:
        """Whether the sink is complete and up to date, as far as one can know."""
        return not self._listing and self.failure is None

    async def wait(self, seconds: float) -> None:
        """Waits until the list is complete. Raises ClusterError, at once where the cluster is away or refuses the watch."""
        try:
            async with asyncio.timeout(seconds):
                while not self.ready and not self._is_hopeless():
                    self._settled.clear()
                    await self._settled.wait()
        except TimeoutError:
            pass
        if not self.ready:
            why = self.failure or f"watching {self.target.name} did not begin within {seconds:g} s"
            raise ClusterError(self._client.name, why)

    def _is_hopeless(self) -> bool:
        """Whether the next attempt is not worth waiting for: unless the cluster is back, and we just have not noticed."""
        return self.failure is not None and not (self._lost and self._link.status.connected)

    async def run(self) -> None:
        """Follows for ever."""
        pause = FIRST_PAUSE
        while True:
            try:
                await self._follow()
                pause = FIRST_PAUSE
            except _GoneError:
                self._version = ""
            except ClusterError as error:
                self._version = ""
                self._failed(error.message, lost=True)
            except Refusal as refusal:
                self._version = ""
                self.unserved = refusal.code == _UNSERVED
                self._failed(f"watching {self.target.name} is refused ({refusal.reason}): {refusal.message}", lost=False)
                pause = max(pause, REFUSED_PAUSE)
            except Exception as error:  # noqa: BLE001 - a reflector that ended would look like a cluster where nothing happens
                self._version = ""
                self._failed(f"watching {self.target.name} brought what can't be understood ({type(error).__name__})", lost=False)
            else:
                continue
            await self._link.pause(pause * random.uniform(0.7, 1.3))  # noqa: S311 - spreads load, guards nothing
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _follow(self) -> None:
        """One stream, to its end."""
        listing = not self._version
        if listing:
            await self._link.confirm()
            self._sink.begin()
            self._listing = True
            if not self._streamed:
                await self._list()
                listing = False
        seconds = random.randint(WATCH_SECONDS, WATCH_SECONDS * 3 // 2)  # noqa: S311
        started = time.monotonic()
        try:
            async with self._client.stream(
                self.target.path, self._params(seconds, listing=listing), self.target.accept
            ) as events:
                async for event in events:
                    self._take(event, listing=listing)
                    listing = self._listing
                    await self._breathe()
        except Refusal as refusal:
            if refusal.code == _GONE:
                raise _GoneError from None
            if not listing or "sendInitialEvents" not in refusal.message:
                raise
            self._streamed = False
        if time.monotonic() - started < seconds - 1:
            self._version = ""  # cut short: a server that goes away ends its streams in all politeness

    def _params(self, seconds: int, *, listing: bool) -> dict[str, str]:
        params = {**self.target.selectors, "watch": "1", "allowWatchBookmarks": "true", "timeoutSeconds": str(seconds)}
        if listing:
            return params | {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan", "resourceVersion": ""}
        return params | {"resourceVersion": self._version}

    def _take(self, event: Mapping[str, Any], *, listing: bool) -> None:
        kind, obj = event.get("type"), event.get("object") or {}
        if kind == "ERROR":
            if obj.get("code") == _GONE:
                raise _GoneError
            raise ClusterError(
                self._client.name, f"the watch of {self.target.name} ended: {obj.get('message') or obj.get('reason')}"
            )
        metadata = obj.get("metadata") or {}
        if kind == "BOOKMARK":
            self._version = str(metadata.get("resourceVersion") or "")
            if listing and (metadata.get("annotations") or {}).get("k8s.io/initial-events-end") == "true":
                self._complete()
        elif listing:
            self._sink.listed(obj)
        else:
            (self._sink.deleted if kind == "DELETED" else self._sink.changed)(obj)
            self._version = str(metadata.get("resourceVersion") or self._version)

    async def _breathe(self) -> None:
        """Lets everybody else go on now and then."""
        self._taken += 1
        if self._taken % _TURN == 0:
            await asyncio.sleep(0)

    async def _list(self) -> None:
        """The list in pages, for servers that do not stream it (WatchList is on by default since Kubernetes 1.34)."""
        params = {**self.target.selectors, "limit": str(_PAGE)}
        while True:
            page = await self._client.get(
                self.target.path,
                params,
                verb="list",
                accept=self.target.accept.replace("PartialObjectMetadata;", "PartialObjectMetadataList;"),
            )
            for obj in page.get("items") or ():
                self._sink.listed(obj)
                await self._breathe()
            metadata = page.get("metadata") or {}
            self._version = str(metadata.get("resourceVersion") or "")
            if not metadata.get("continue"):
                break
            params["continue"] = metadata["continue"]
        self._complete()

    def _complete(self) -> None:
        self._sink.complete(int(self._version or 0))
        self._listing = False
        self.failure = None
        self._settled.set()
        self._link.works()

    def _failed(self, message: str, *, lost: bool) -> None:
        self.failure = message
        self._lost = lost
        self._settled.set()
        if lost:
            self._link.lost(message)


class _GoneError(Exception):
    """The version that was watched from is too old: list anew."""

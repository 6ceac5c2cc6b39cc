"""The link to a cluster: whether it is there, and whether it still is the same one."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from gitopsd.cluster.client import Client
from gitopsd.cluster.config import Listener
from gitopsd.cluster.refusal import Refusal
from gitopsd.model.errors import ClusterError

_IDENTITY = "/api/v1/namespaces/kube-system"
"""This namespace is as old as its cluster, so its uid is the cluster's identity (the convention of OpenTelemetry and others)."""

_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 5.0
"""Seconds between two questions to a cluster that was lost."""


@dataclass(frozen=True, slots=True)
class ClusterStatus:
    """How a cluster is: `since` when it is connected (or not), `message` why not, `watches` how many are open."""

    name: str
    connected: bool
    since: datetime
    message: str = ""
    watches: int = 0


class Link:
    """Knows the cluster's identity, and tells the listener when the cluster is lost or back.

    `on_return` is called whenever the cluster is back after it was lost (`same` is false where another one has taken its place).
    """

    def __init__(self, client: Client, listener: Listener, on_return: Callable[[bool], None]) -> None:
        """Not connected until something worked."""
        self._client = client
        self._listener = listener
        self._on_return = on_return
        self._identity: str | None = None
        self._doubt = True
        self._back = asyncio.Event()
        self._lock = asyncio.Lock()
        self._seeking: asyncio.Task[None] | None = None
        self.status = ClusterStatus(client.name, connected=False, since=datetime.now(UTC), message="not asked yet")

    async def confirm(self) -> None:
        """Makes sure which cluster this is, where that is in doubt. Raises ClusterError where it can't be reached."""
        if self._confirmed():
            return
        async with self._lock:
            if self._confirmed():
                return
            try:
                identity = await self._ask()
            except ClusterError as error:
                self.lost(error.message)
                raise
            known, self._identity = self._identity, identity
            self._doubt = False
            self._back.set()
            self.works()
            if known is not None:
                self._on_return(known == identity)

    @property
    def identity(self) -> str:
        """The cluster's, as it was confirmed last; empty where it is not known."""
        return self._identity or ""

    def _confirmed(self) -> bool:
        return not self._doubt

    async def _ask(self) -> str:
        try:
            found = await self._client.get(_IDENTITY)
        except Refusal:
            return ""  # without the right to know we take it for the same; its resourceVersions will tell
        return str(found["metadata"]["uid"])

    async def pause(self, seconds: float) -> None:
        """Waits; less than that where the cluster was lost and is back, so that all notice when one does."""
        if self._confirmed():
            await asyncio.sleep(seconds)
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._back.wait()

    def lost(self, message: str) -> None:
        """A connection failed."""
        self._doubt = True
        self._back.clear()
        self._become(connected=False, message=message)
        if self._seeking is None or self._seeking.done():
            self._seeking = asyncio.create_task(self._seek(_FIRST_PAUSE))

    def seek(self) -> None:
        """Finds out whether it is there before anybody needs it."""
        self._seeking = asyncio.create_task(self._seek(0.0))

    async def _seek(self, pause: float) -> None:
        """Asks until the cluster answers: whoever waits for it need not ask, and hears of its return within seconds."""
        while self._doubt:
            # The spread of these questions is no secret, and guards nothing.
            await asyncio.sleep(pause * random.uniform(0.75, 1))  # noqa: S311
            pause = min(max(_FIRST_PAUSE, pause * 1.5), _LONGEST_PAUSE)
            with suppress(ClusterError):
                await self.confirm()

    async def close(self) -> None:
        """Seeks no longer."""
        if self._seeking is not None:
            self._seeking.cancel()
            await asyncio.gather(self._seeking, return_exceptions=True)

    def works(self) -> None:
        """Something was heard from it."""
        if not self._doubt:
            self._become(connected=True, message="")

    def _become(self, *, connected: bool, message: str) -> None:
        known = self.status
        if known.connected != connected or known.message == "not asked yet":
            self.status = ClusterStatus(known.name, connected, datetime.now(UTC), message)
            self._listener.on_connection(known.name, connected, message)

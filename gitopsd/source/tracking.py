"""One repository as it is followed: what its mirror holds, when it is asked again, and how it fares."""

from __future__ import annotations

import asyncio
import contextlib
import math
import random
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from gitopsd.model.errors import SourceError
from gitopsd.model.source import Commit, Lines, Snapshot
from gitopsd.ports import CacheUse, Clock
from gitopsd.source import mirror, revisions
from gitopsd.source.credentials import Access
from gitopsd.source.mirror import Move, Wanted
from gitopsd.source.network import Network
from gitopsd.source.objects import objects_at
from gitopsd.source.remote import HEADS, TAGS, Refs
from gitopsd.source.signatures import Signed
from gitopsd.source.tree import GitTree
from gitopsd.source.urls import Location

_BACKOFF_MAX = 15.0
_SNAPSHOTS = 64
_ARRIVALS = 1000
_ABSENT = _NAMED = 1000
_ABSENT_FOR = 60.0
_TOUCH_EVERY = 3600.0
_V = TypeVar("_V")


@dataclass(frozen=True, slots=True)
class RepositoryStatus:
    """How a repository fares. `error` is empty where the last question was answered; `moves` are those of the last fetch.

    `rebuilt` says why its mirror was made anew in the last fetch, where it was: `new`, `damaged`, `compacted`.
    """

    repository: str
    references: int = 0
    succeeded: datetime | None = None
    moved: datetime | None = None
    moves: tuple[Move, ...] = ()
    rebuilt: str = ""
    error: str = ""
    failing_since: datetime | None = None
    failures: int = 0


class Tracked:
    """A repository that is followed. One operation at a time; who polls while a poll runs waits for its result."""

    def __init__(
        self, location: Location, access: Callable[[Location], Access], folder: Path, network: Network, clock: Clock
    ) -> None:
        """`folder` is that of all mirrors; `access` gives what an operation takes, or raises SourceError."""
        self.location = location
        self.status = RepositoryStatus(location.public)
        self.distrusted = False
        """Whether the mirror may be behind what somebody else has seen: the next poll that succeeds brings it level."""
        self._access, self._network, self._clock = access, network, clock
        self._path = folder / location.folder
        self._objects = objects_at(str(self._path), location.public)
        self._lock = asyncio.Lock()
        self._refs: Refs | None = None
        self._started = self._finished = 0
        self._polling = False
        self._moved = False
        """Whether anything has moved, however it was fetched, since a poll said so last."""
        self._next_attempt = 0.0
        self._touched = -math.inf
        self._given: set[str] = set()
        self._absent: OrderedDict[str, float] = OrderedDict()
        self._arrivals: OrderedDict[str, datetime] = OrderedDict()
        self._named: OrderedDict[str, Snapshot] = OrderedDict()
        self._snapshots: OrderedDict[str, Snapshot] = OrderedDict()

    async def poll(self, *, force: bool) -> bool:
        """See `SourcePort.poll`. A forced one joins no question that was asked before it: the push it knows of came later."""
        await self._level(force=force)
        moved, self._moved = self._moved, False
        return moved

    async def _level(self, *, force: bool) -> None:
        """Brings the mirror level with its remote."""
        before, joins = self._started, self._polling and not force
        async with self._lock:
            answered = self._finished > before or (joins and self._finished == before)
            if not answered:
                self._check_backoff(force=force)
                await self._poll()
            if self.status.error:
                raise SourceError(self.status.error, self.location.public)

    async def snapshot(self, revision: str) -> Snapshot:
        """The commit that `revision` names, from the mirror; only what no poll brings costs a fetch. Raises SourceError."""
        if self.distrusted:
            await self._level(force=False)
        refs = self._refs or await self._first()
        self._touch()
        snapshot = self._resolved(revision, refs)
        if snapshot is None and revisions.is_asked_for(revision):
            snapshot = self._resolved(revision, await self._ask_for(revision))
        if snapshot is None:
            raise revisions.missing(revision, refs, self.location.public)
        return snapshot

    def folders(self) -> CacheUse:
        """How its cache of folders is used."""
        return self._objects.use()

    def signed(self, revision: str, snapshot: Snapshot) -> Signed:
        """What has to be signed: the annotated tag that `revision` names, or else the snapshot's commit itself."""
        oid = revisions.resolve(revision, self._refs or Refs(), self._objects) or ""
        tagged = self._objects.commit(oid) if oid else None
        return self._objects.signed(oid if tagged and tagged[0].id == snapshot.commit.id else snapshot.commit.id)

    async def blame(self, commit: str, lines: Lines) -> Mapping[tuple[str, int], Commit]:
        """See `Sources.blame`."""
        return await self._network.blame(self.location, self._path, commit, lines)

    async def _first(self) -> Refs:
        """What the mirror of an earlier run holds, or the first fetch."""
        async with self._lock:
            if self._refs is None:
                self._refs = await self._network.load(self._path)
            if self._refs is None:
                self._check_backoff(force=False)
                with self._attempt():
                    await self._fetch()
                self._moved = False  # nobody has seen anything older
            return self._refs or Refs()

    async def _poll(self) -> None:
        self._started += 1
        self._polling, asked_anew = True, self.distrusted
        try:
            with self._attempt():
                if await self._is_behind():
                    await self._fetch()
                self.distrusted = self.distrusted and not asked_anew
        finally:
            self._polling = False
        self._finished = self._started

    async def _is_behind(self) -> bool:
        """Whether the mirror lacks something of what the remote shows."""
        if self._refs is None:
            self._refs = await self._network.load(self._path)
        if self._refs is None or not mirror.seems_sound(self._path):
            return True
        refs = await self._network.ask(self.location, self._access(self.location))
        return refs.followed(self._others()) != self._refs

    async def _ask_for(self, revision: str) -> Refs:
        """Fetches a commit or reference that is neither branch nor tag. What was not there is not asked for again for a while."""
        async with self._lock:
            if self._absent.get(revision, 0.0) < self._clock.monotonic():
                self._check_backoff(force=False)
                _remember(self._absent, revision, self._clock.monotonic() + _ABSENT_FOR, _ABSENT)
                try:
                    await self._fetch(revision)
                except SourceError as error:
                    raise SourceError(
                        f"revision {revision!r} could not be fetched: {error.message}", self.location.public
                    ) from error
            return self._refs or Refs()

    async def _fetch(self, other: str = "") -> None:
        """Fetches what moved, and `other`."""
        others = self._others() | ({other} if other else set())
        given = frozenset(self._given)
        access = self._access(self.location)
        wanted = Wanted(frozenset(others), given)
        fetched = await self._network.fetch(self.location, access, self._path, wanted)
        self._given -= given
        now = self._clock.now()
        for move in fetched.moves:
            _remember(self._arrivals, move.new, self._arrivals.get(move.new, now), _ARRIVALS)
        self._moved = self._moved or fetched.refs != self._refs or fetched.rebuilt == "damaged"
        self._refs = fetched.refs
        self._named.clear()
        self._objects.refresh()
        self.status = replace(self.status, references=len(fetched.refs.ids), rebuilt=fetched.rebuilt)
        if fetched.moves:
            self.status = replace(self.status, moved=now, moves=fetched.moves)

    def _touch(self) -> None:
        if self._clock.monotonic() > self._touched + _TOUCH_EVERY:
            self._touched = self._clock.monotonic()
            mirror.touch(self._path)

    def _others(self) -> frozenset[str]:
        """The references that are followed because somebody asked for them."""
        return frozenset(name for name in (self._refs or Refs()).ids if not name.startswith((HEADS, TAGS)))

    def _resolved(self, revision: str, refs: Refs) -> Snapshot | None:
        """What a revision named since the last fetch, or names now."""
        if (known := self._named.get(revision)) is not None:
            return known
        snapshot = self._found(revisions.resolve(revision, refs, self._objects))
        if snapshot is not None:
            _remember(self._named, revision, snapshot, _NAMED)
        return snapshot

    def _found(self, oid: str | None) -> Snapshot | None:
        if oid is None or oid in self._snapshots:
            return self._snapshots.get(oid or "")
        found = self._objects.commit(oid)
        if found is None:
            return None
        commit, root = found
        self._given.add(commit.id)
        arrived = self._arrivals.get(commit.id)
        snapshot = Snapshot(self.location.public, commit, GitTree(self._objects, root), arrived)
        _remember(self._snapshots, oid, snapshot, _SNAPSHOTS)
        return snapshot

    def _check_backoff(self, *, force: bool) -> None:
        if self.status.error and not force and self._clock.monotonic() < self._next_attempt:
            raise SourceError(self.status.error, self.location.public)

    @contextlib.contextmanager
    def _attempt(self) -> Iterator[None]:
        """Keeps in the status how it went. A failure puts the next attempt off, twice as long each time, never quite at once."""
        now = self._clock.now()
        try:
            yield
        except SourceError as error:
            failures = self.status.failures + 1
            delay = min(2.0 ** min(failures - 1, 10), _BACKOFF_MAX)
            self._next_attempt = self._clock.monotonic() + delay * random.uniform(0.75, 1.25)  # noqa: S311 - no secret
            since = self.status.failing_since or now
            self.status = replace(self.status, error=error.message, failing_since=since, failures=failures)
            raise
        self.status = replace(self.status, error="", failing_since=None, failures=0, succeeded=now)


def _remember(memory: OrderedDict[str, _V], key: str, value: _V, bound: int) -> None:
    memory[key] = value
    memory.move_to_end(key)
    while len(memory) > bound:
        memory.popitem(last=False)

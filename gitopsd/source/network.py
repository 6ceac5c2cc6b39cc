"""Where the functions that speak with Git servers run: in children, a few for each server, each with a deadline."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Concatenate, Literal, ParamSpec, TypeVar

from gitopsd.children import ChildError, ChildLimitError, Nursery, Pool
from gitopsd.model.errors import SourceError, StorageError
from gitopsd.model.source import Commit, Lines
from gitopsd.source import mirror, remote
from gitopsd.source.blame import blame
from gitopsd.source.credentials import Access
from gitopsd.source.mirror import Fetched, Move, Wanted
from gitopsd.source.remote import Bounds, Refs
from gitopsd.source.urls import Location

_T = TypeVar("_T")
_P = ParamSpec("_P")

FETCH_PATIENCE = 20
"""A fetch may take this many times the timeout of a question, as long as bytes keep coming: the first clone of a large
repository takes minutes, and ended early it would begin again from nothing."""
_CHILDREN = 8
_MEMORY = 2 << 30  # of one child, in bytes: indexing a pack takes more than asking for references
_KNOWN_FOR = 600.0
_PER_SERVER = 3  # fewer than there are children, so that one dead server leaves the others theirs


Needed = Callable[[], Awaitable[frozenset[str]]]
"""Gives the commits that must be kept, of whatever repository; raises StorageError."""


@dataclass(frozen=True, slots=True)
class Request:
    """One operation with a Git server: what was asked, how it ended, how long it took in seconds, and which references moved."""

    repository: str
    operation: Literal["ask", "fetch"]
    result: Literal["ok", "error", "timeout"]
    seconds: float
    moves: tuple[Move, ...] = ()


def _ignore(_: Request) -> None:
    """Nobody wants to know."""


async def _nothing() -> frozenset[str]:
    """Nobody goes back to anything."""
    return frozenset()


class Network:
    """Runs the functions that speak with servers, and tells `on_request` how each went.

    A question may take as many seconds as `bounds` lets an operation be idle. `needed` gives the commits that mirrors must keep
    although the remote has forgotten them.
    """

    def __init__(
        self,
        bounds: Bounds | None = None,
        on_request: Callable[[Request], None] = _ignore,
        needed: Needed = _nothing,
        nursery: Nursery | None = None,
    ) -> None:
        self._pool = Pool("git", size=_CHILDREN, memory=_MEMORY, nursery=nursery)
        self._bounds, self._on_request, self._needed = bounds or Bounds(), on_request, needed
        self._known: frozenset[str] | None = None
        self._known_until = 0.0
        self._servers: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(_PER_SERVER))

    async def aclose(self) -> None:
        """Ends the children."""
        await self._pool.aclose()

    async def ask(self, location: Location, access: Access) -> Refs:
        """The server's references. Raises SourceError."""
        return await self._talk("ask", remote.list_refs, location, access)

    async def fetch(self, location: Location, access: Access, path: Path, wanted: Wanted) -> Fetched:
        """See `mirror.fetch`. What history needs is kept besides what is `wanted`."""
        wanted = replace(wanted, needed=await self._needed_now())
        return await self._talk("fetch", mirror.fetch, location, access, str(path), wanted)

    async def _needed_now(self) -> frozenset[str] | None:
        """Known for a while, as it takes a look at all of history; what was given out since is among the newest, and stays."""
        if self._known is None or self._known_until < time.monotonic():
            with contextlib.suppress(StorageError):
                self._known, self._known_until = await self._needed(), time.monotonic() + _KNOWN_FOR
        return self._known

    async def download(
        self,
        location: Location,
        access: Access,
        function: Callable[Concatenate[Location, Access, Bounds, _P], _T],
        *args: _P.args,
        **kwargs: _P.kwargs,
    ) -> _T:
        """What a function of `charts` gives. Raises SourceError."""
        return await self._talk("fetch", function, location, access, *args, **kwargs)

    async def load(self, path: Path) -> Refs | None:
        """See `mirror.load`; asks no server."""
        try:
            return await self._pool.call(mirror.load, str(path), deadline=self._bounds.idle)
        except ChildError:
            return None  # what can't even be opened is fetched anew

    async def blame(self, location: Location, path: Path, commit: str, lines: Lines) -> Mapping[tuple[str, int], Commit]:
        """See `blame.blame`; asks no server. Raises SourceError."""
        try:
            return await self._pool.call(blame, str(path), location.public, commit, lines, deadline=self._bounds.idle)
        except ChildError as error:
            raise SourceError(f"looking for the commits of lines {error}", location.public) from error

    async def _talk(
        self,
        operation: Literal["ask", "fetch"],
        function: Callable[Concatenate[Location, Access, Bounds, _P], _T],
        location: Location,
        access: Access,
        *args: _P.args,
        **kwargs: _P.kwargs,
    ) -> _T:
        deadline = self._bounds.idle * (FETCH_PATIENCE if operation == "fetch" else 1)
        result: Literal["ok", "error", "timeout"] = "error"
        moves: tuple[Move, ...] = ()
        async with self._servers[location.server or location.path]:
            begun = time.monotonic()
            try:
                # A child trusts for good the authorities that it was once told to: it must not speak to anybody else.
                value = await self._pool.call(
                    function, location, access, self._bounds, *args, **kwargs, deadline=deadline, alone=bool(access.ca)
                )
                result, moves = "ok", value.moves if isinstance(value, Fetched) else ()
            except ChildError as error:
                result = "timeout" if isinstance(error, ChildLimitError) else "error"
                raise SourceError(f"{operation} {error}", location.public) from error
            else:
                return value
            finally:
                self._on_request(Request(location.public, operation, result, time.monotonic() - begun, moves))

"""Which reflectors run: one for each kind that an application needs, none that nobody needs any more."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable

from gitopsd.cluster.client import JSON, METADATA_ONLY, Client
from gitopsd.cluster.link import Link
from gitopsd.cluster.paths import METADATA_ONLY as WITHOUT_CONTENT
from gitopsd.cluster.paths import collection
from gitopsd.cluster.reflector import Reflector, Sink, Target
from gitopsd.cluster.store import Kind, Store
from gitopsd.model.app import AppKey
from gitopsd.model.errors import ClusterError
from gitopsd.model.marks import PART_OF_LABEL
from gitopsd.model.surface import Surface

SYNC_SECONDS = 30.0
"""How long a first list may take before the pass that waits for it gives up."""


class Watches:
    """The reflectors of one cluster."""

    def __init__(self, client: Client, store: Store, link: Link) -> None:
        """None yet."""
        self._client = client
        self._store = store
        self._link = link
        self._needs: dict[AppKey, frozenset[Kind]] = {}
        self._users: Counter[Kind] = Counter()
        self._running: dict[Kind, tuple[Reflector, asyncio.Task[None]]] = {}
        self._fixed: list[tuple[Reflector, asyncio.Task[None]]] = []

    def __len__(self) -> int:
        return len(self._running) + len(self._fixed)

    def follow(self, target: Target, sink: Sink) -> Reflector:
        """A reflector that runs as long as the cluster is known."""
        started = self._start(target, sink)
        self._fixed.append(started)
        return started[0]

    async def need(self, app: AppKey, kinds: frozenset[Kind], surface: Surface) -> None:
        """Sees to it that the application's kinds, and no others for its sake, are watched, and waits until they are.

        Kinds that the cluster does not serve are passed over. Raises ClusterError where a watch can't be had.
        """
        self._need(app, kinds)
        for kind in kinds:
            self._open(kind, surface)
        for kind in kinds:
            running = self._running.get(kind)
            if running is not None and not running[0].ready:
                await running[0].wait(SYNC_SECONDS)

    def need_also(self, app: AppKey, kind: Kind, surface: Surface) -> None:
        """One kind more (it was not served when the pass began); does not wait."""
        if kind not in (known := self._needs.get(app, frozenset())):
            self._need(app, known | {kind})
            self._open(kind, surface)

    def release(self, app: AppKey) -> None:
        """The application needs nothing any more."""
        self._need(app, frozenset())
        del self._needs[app]

    async def close(self) -> None:
        """Ends all reflectors."""
        running = [*self._running.values(), *self._fixed]
        self._running.clear()
        self._fixed.clear()
        await _end(task for _, task in running)

    def _open(self, kind: Kind, surface: Surface) -> None:
        resource = surface.resources.get(kind)
        if kind in self._running or resource is None or "watch" not in resource.verbs:
            return
        accept = METADATA_ONLY if kind in WITHOUT_CONTENT else JSON
        target = Target(f"{kind[1]} ({kind[0]})", collection(resource), {"labelSelector": PART_OF_LABEL}, accept)
        self._running[kind] = self._start(target, self._store.table(kind))

    def _need(self, app: AppKey, kinds: frozenset[Kind]) -> None:
        """Takes note of what the application needs now, and closes what nobody needs any more."""
        before, self._needs[app] = self._needs.get(app, frozenset()), kinds
        self._users.update(kinds - before)
        self._users.subtract(before - kinds)
        for kind in before - kinds:
            if not self._users[kind] and kind in self._running:
                _, task = self._running.pop(kind)
                task.cancel()
                self._store.tables.pop(kind, None)

    def _start(self, target: Target, sink: Sink) -> tuple[Reflector, asyncio.Task[None]]:
        reflector = Reflector(self._client, target, sink, self._link)
        task = asyncio.get_running_loop().create_task(reflector.run(), name=f"watch {self._client.name} {target.name}")
        return reflector, task


async def _end(tasks: Iterable[asyncio.Task[None]]) -> None:
    ending = list(tasks)
    for task in ending:
        task.cancel()
    await asyncio.gather(*ending, return_exceptions=True)


async def settle_all(reflectors: Iterable[Reflector], seconds: float) -> None:
    """Waits until each reflector has its list, or was refused it: what we may not see can't be waited for."""
    for reflector in reflectors:
        if reflector.ready:
            continue  # as before nearly every request: not even a timer is made
        try:
            await reflector.wait(seconds)
        except ClusterError:
            continue

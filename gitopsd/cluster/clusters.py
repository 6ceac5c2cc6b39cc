"""The cluster port: every call goes to the cluster that the application names."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from typing import Self

from gitopsd.cluster import reflector
from gitopsd.cluster.cluster import Cluster
from gitopsd.cluster.config import IN_CLUSTER, ClusterConfig, Identity, Listener
from gitopsd.cluster.declared import Collection, Declared
from gitopsd.cluster.link import ClusterStatus
from gitopsd.cluster.secrets import SELECTOR, ClusterSecrets, same_cluster
from gitopsd.model.app import App, AppKey
from gitopsd.model.errors import ClusterError
from gitopsd.model.health import Health
from gitopsd.model.plan import DesiredSet, Inventory, Live, Step
from gitopsd.model.project import Target
from gitopsd.model.refs import Object, ObjectRef
from gitopsd.model.surface import Surface
from gitopsd.ports import CacheUse, Offspring, ReceiptBook, Trial, Written


class Clusters:
    """All configured clusters as one `ClusterPort`. Use it as an asynchronous context manager, or call `close` at the end."""

    def __init__(
        self,
        configs: Iterable[ClusterConfig],
        identity: Identity,
        listener: Listener | None = None,
        book: ReceiptBook | None = None,
    ) -> None:
        """Asks nothing yet: a cluster that can't be reached is no reason not to start. Without a `book` receipts end with it."""
        self._identity = identity
        self._listener = listener or Listener()
        self._book = book
        self._clusters = {config.name: self._cluster(config) for config in configs}
        self._declared: dict[str, ClusterConfig] = {}
        self._leaving: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends all watches and connections."""
        await asyncio.gather(*(cluster.close() for cluster in self._clusters.values()), *self._leaving)

    def seek(self) -> None:
        """Finds out which are there: whoever has no application yet, or stands by, asks them nothing else."""
        for cluster in self._clusters.values():
            cluster.seek()

    def status(self) -> tuple[ClusterStatus, ...]:
        """How each cluster is, in the order of the configuration."""
        return tuple(cluster.status for cluster in self._clusters.values())

    def receipts(self) -> CacheUse:
        """How many receipts there are of all clusters that are there now, and how many of theirs have expired."""
        return sum((cluster.receipts() for cluster in self._clusters.values()), CacheUse())

    def follow_secrets(self, home: str, namespace: str, on_change: Callable[[], None]) -> None:
        """Takes clusters from Argo CD's cluster Secrets in a namespace of the cluster `home`, as they come, change and go."""
        secrets = ClusterSecrets(tuple(cluster.config for cluster in self._clusters.values()))
        target = reflector.Target("cluster Secrets", f"/api/v1/namespaces/{namespace}/secrets", {"labelSelector": SELECTOR})
        self.follow(home, target, lambda objects: self._take(secrets.read(objects), on_change))

    def follow(
        self, home: str, target: reflector.Target, take: Callable[[Mapping[AppKey, Object]], None]
    ) -> Callable[[float], Awaitable[None]]:
        """Has `take` told of what `target` is in the cluster `home`, at first and whenever it changes.

        What it gives returns once that is known, within as many seconds, and raises ClusterError where it can't be.
        """
        sink = Collection(lambda: take(sink.objects))
        return self._clusters[home].follow(target, sink).wait

    def _take(self, declared: Mapping[str, ClusterConfig], on_change: Callable[[], None]) -> None:
        """Makes the clusters those that are declared. One that is only reached in another way goes on."""
        if declared == self._declared:
            return
        before, self._declared = self._declared, dict(declared)
        for name, config in before.items():
            if name not in declared or not same_cluster(config, declared[name]):
                leaving = asyncio.create_task(self._clusters.pop(name).close())
                self._leaving.add(leaving)
                leaving.add_done_callback(self._leaving.discard)
        for name, config in declared.items():
            if name not in self._clusters:
                self._clusters[name] = self._cluster(config)
            else:
                self._clusters[name].reconfigure(config)
        on_change()

    def _cluster(self, config: ClusterConfig) -> Cluster:
        return Cluster(config, self._identity, self._listener, self._book)

    def _at(self, server: str) -> Cluster | None:
        """The cluster that destinations call by this server."""
        wanted = server.rstrip("/")
        return next((cluster for cluster in self._clusters.values() if cluster.config.server.rstrip("/") == wanted), None)

    def declared(self) -> Declared:
        """The resources in gitopsd's own cluster (the configuration has it, where any are to be followed); follows none yet."""
        return (self._at(IN_CLUSTER) or next(iter(self._clusters.values()))).declared()

    def _of(self, app: App) -> Cluster:
        destination = app.spec.destination
        if destination.server and destination.name:
            raise ClusterError(
                destination.name, f"{app.key} names a server and a name as its destination; it must be one of them"
            )
        cluster = self._at(destination.server) if destination.server else self._clusters.get(destination.name)
        if cluster is None:
            known = ", ".join(
                f"{c.config.name} ({c.config.server})" if c.config.server else c.config.name for c in self._clusters.values()
            )
            raise ClusterError(
                destination.server or destination.name, f"{app.key} names it, and no such cluster is configured; there is {known}"
            )
        return cluster

    def target(self, app: App) -> Target:
        """See `ClusterPort`."""
        return self._of(app).target

    def doubt(self, app: App) -> str:
        """See `ClusterPort`."""
        try:
            status = self._of(app).status
        except ClusterError:
            return ""  # which is said at once
        return "" if status.connected else status.name

    def elsewhere(self, app: App) -> Mapping[str, Inventory]:
        """See `ClusterPort`. One cluster may have two names: what is ours here is not elsewhere."""
        try:
            here = self._of(app)
        except ClusterError:
            return {}
        ours = {member.uid for member in here.remembered(app).members.values()} | {""}
        found = {}
        for name, cluster in self._clusters.items():
            listed = cluster.remembered(app).members if cluster is not here else {}
            if theirs := {ref: member for ref, member in listed.items() if member.uid not in ours}:
                found[name] = Inventory(theirs)
        return found

    async def surface(self, app: App, *, fresh: bool = False) -> Surface:
        """See `ClusterPort`."""
        return await self._of(app).surface(fresh=fresh)

    async def inventory(self, app: App) -> Inventory:
        """See `ClusterPort`."""
        return await self._of(app).inventory(app)

    async def remember(self, app: App, inventory: Inventory, *, ahead: bool = False) -> None:
        """See `ClusterPort`."""
        await self._of(app).remember(app, inventory, ahead=ahead)

    async def observe(self, app: App, desired: DesiredSet, inventory: Inventory) -> Mapping[ObjectRef, Live]:
        """See `ClusterPort`."""
        return await self._of(app).observe(app, desired, inventory)

    async def read(self, app: App, ref: ObjectRef) -> Object | None:
        """See `ClusterPort`."""
        return await self._of(app).read(app, ref)

    async def dry_run(self, app: App, step: Step) -> Trial:
        """See `ClusterPort`."""
        return await self._of(app).dry_run(app, step)

    async def write(self, app: App, step: Step) -> Written:
        """See `ClusterPort`."""
        return await self._of(app).write(app, step)

    async def settle(self, app: App, refs: frozenset[ObjectRef], deadline: float) -> Mapping[ObjectRef, Health]:
        """See `ClusterPort`."""
        return await self._of(app).settle(app, refs, deadline)

    async def offspring(self, app: App, refs: frozenset[ObjectRef]) -> tuple[Offspring, ...]:
        """See `ClusterPort`."""
        return await self._of(app).offspring(app, refs)

    async def orphans(self, app: App) -> frozenset[ObjectRef]:
        """See `ClusterPort`."""
        return await self._of(app).orphans(app)

    def release(self, app: App) -> None:
        """See `ClusterPort`. A cluster that it names, and that there is not, has no watches of it."""
        with suppress(ClusterError):
            self._of(app).release(app)

    async def forget(self, app: App) -> None:
        """See `ClusterPort`."""
        await self._of(app).forget(app)

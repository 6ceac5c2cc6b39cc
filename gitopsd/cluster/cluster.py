"""One cluster: its parts, and what happens when it is lost, comes back, or another one stands in its place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from gitopsd.cluster.caller import Caller
from gitopsd.cluster.client import METADATA_ONLY, Client
from gitopsd.cluster.config import ClusterConfig, Identity, Listener
from gitopsd.cluster.declared import Declared
from gitopsd.cluster.definitions import Definitions
from gitopsd.cluster.discovery import Discovery
from gitopsd.cluster.entries import Reading
from gitopsd.cluster.inventories import Inventories
from gitopsd.cluster.link import ClusterStatus, Link
from gitopsd.cluster.observer import Observer
from gitopsd.cluster.offspring import offspring
from gitopsd.cluster.orphans import orphans
from gitopsd.cluster.paths import collection
from gitopsd.cluster.receipts import Receipts
from gitopsd.cluster.reflector import Reflector, Sink, Target
from gitopsd.cluster.sending import Sender
from gitopsd.cluster.store import Kind, Store
from gitopsd.cluster.trials import Trials
from gitopsd.cluster.watches import SYNC_SECONDS, Watches, settle_all
from gitopsd.cluster.writer import Writer
from gitopsd.model import project
from gitopsd.model.app import App
from gitopsd.model.errors import ClusterError, ObjectError
from gitopsd.model.health import Health
from gitopsd.model.plan import DesiredSet, Inventory, Live, Step
from gitopsd.model.refs import Object, ObjectRef
from gitopsd.model.surface import Surface
from gitopsd.plan.confine import account
from gitopsd.ports import CacheUse, Offspring, ReceiptBook, Trial, Written


class Cluster:
    """Everything about one cluster; connects on first use."""

    def __init__(self, config: ClusterConfig, identity: Identity, listener: Listener, book: ReceiptBook | None) -> None:
        """Asks nothing yet."""
        self.config = config
        self._identity = identity
        self._client = Client(config, listener, identity.tenure)
        self._discovery = Discovery(self._client)
        self._definitions = Definitions(self._discovery.changed)
        self._receipts = Receipts(book)
        reading = Reading(identity.manager, identity.health)
        self._store = Store(identity.installation, reading, listener.on_change, self._receipts)
        self._inventories = Inventories(self._client, identity)
        self._link = Link(self._client, listener, self._returned)
        self._watches = Watches(self._client, self._store, self._link)
        self._following: list[Reflector] = []
        self._inventory_reflector: Reflector | None = None
        self._server_version = ""

    async def close(self) -> None:
        """Ends watches and connections."""
        await self._link.close()
        await self._watches.close()
        await self._client.close()
        await self._receipts.close()

    def seek(self) -> None:
        """Finds out whether it is there; goes on until it is."""
        self._link.seek()

    def reconfigure(self, config: ClusterConfig) -> None:
        """The same cluster is reached in another way, or has other limits."""
        self.config = config
        self._client.reconfigure(config)

    def follow(self, target: Target, sink: Sink) -> Reflector:
        """Follows a collection as long as the cluster is known."""
        return self._watches.follow(target, sink)

    @property
    def target(self) -> project.Target:
        """The cluster as projects know it."""
        config = self.config
        return project.Target(config.name, config.server, config.namespaces, config.cluster_resources, config.project)

    @property
    def status(self) -> ClusterStatus:
        """How the cluster is."""
        return replace(self._link.status, watches=len(self._watches))

    def receipts(self) -> CacheUse:
        """How many receipts there are, and how many have expired."""
        return CacheUse(len(self._receipts.known), self._receipts.expired)

    def declared(self) -> Declared:
        """The Application and AppProject resources in this cluster; follows none yet."""
        return Declared(self._client, self._watches, f"{self._identity.manager}-status")

    async def surface(self, *, fresh: bool = False) -> Surface:
        """See `ClusterPort.surface`."""
        surface = await self._discovery.surface(fresh=fresh)
        self._server_version = surface.server_version
        return surface

    async def inventory(self, app: App) -> Inventory:
        """See `ClusterPort.inventory`."""
        await self._inventories_known()
        return self._inventories.read(app.key)

    def remembered(self, app: App) -> Inventory:
        """The application's inventory as far as it is followed now: asks nothing. One that can't be read lists nothing."""
        try:
            return self._inventories.read(app.key)
        except ObjectError:
            return Inventory()

    async def remember(self, app: App, inventory: Inventory, *, ahead: bool = False) -> None:
        """See `ClusterPort.remember`."""
        await self._inventories_known()
        await self._inventories.write(app.key, inventory, ahead=ahead)

    async def observe(self, app: App, desired: DesiredSet, inventory: Inventory) -> Mapping[ObjectRef, Live]:
        """See `ClusterPort.observe`."""
        surface = await self._ready()
        await self._watches.need(app.key, _kinds(desired, inventory), surface)
        return await self._observer(app).observe(desired, inventory, surface)

    async def read(self, app: App, ref: ObjectRef) -> Object | None:
        """See `ClusterPort.read`."""
        return await self._observer(app).read(ref, await self.surface())

    async def dry_run(self, app: App, step: Step) -> Trial:
        """See `ClusterPort.dry_run`."""
        await self._ready()
        return await Trials(self._sender(app)).dry_run(app, step)

    async def write(self, app: App, step: Step) -> Written:
        """See `ClusterPort.write`."""
        surface = await self._ready()
        if step.desired is not None and step.desired.marked:
            self._watches.need_also(app.key, (step.desired.api_version, step.ref.kind), surface)
        sender = self._sender(app)
        return await Writer(sender, Trials(sender)).write(app, step)

    async def settle(self, app: App, refs: frozenset[ObjectRef], deadline: float) -> Mapping[ObjectRef, Health]:
        """See `ClusterPort.settle`."""
        return await self._observer(app).settle(refs, deadline, await self.surface())

    async def offspring(self, app: App, refs: frozenset[ObjectRef]) -> tuple[Offspring, ...]:
        """See `ClusterPort.offspring`."""
        roots = {known.live.uid: ref for ref in refs if (known := self._store.find(ref))}
        return await offspring(self._caller(app), await self.surface(), roots, self._identity.health)

    async def orphans(self, app: App) -> frozenset[ObjectRef]:
        """See `ClusterPort.orphans`."""
        return await orphans(self._caller(app), await self.surface(), app.spec.destination.namespace)

    def release(self, app: App) -> None:
        """See `ClusterPort.release`."""
        self._watches.release(app.key)

    async def forget(self, app: App) -> None:
        """See `ClusterPort.forget`."""
        self._watches.release(app.key)
        await self._inventories_known()
        await self._inventories.delete(app.key)

    def _observer(self, app: App) -> Observer:
        return Observer(self._caller(app), self._store, self._epoch)

    def _sender(self, app: App) -> Sender:
        return Sender(self._caller(app), self._discovery, self._store, self._identity, self._epoch)

    def _caller(self, app: App) -> Caller:
        """Who asks for the application's objects: the account that its project names for them. Raises ClusterError for none."""
        user = account(app, self.target)
        if user is None:
            raise ClusterError(self.config.name, f"project {app.spec.project} names no service account for {app.key} here")
        return Caller(self._client, user)

    async def _inventories_known(self) -> None:
        if self._inventory_reflector is None:
            self._inventory_reflector = self._watches.follow(self._inventories.target, self._inventories)
        if not self._inventory_reflector.ready:
            await self._inventory_reflector.wait(SYNC_SECONDS)

    async def _ready(self) -> Surface:
        """The surface, once what decides over receipts is followed as well."""
        surface = await self.surface()
        if not self._following:
            served = ((surface.preferred.get(kind), sink) for kind, sink in self._definitions.sinks.items())
            targets = ((Target(r.kind, collection(r), accept=METADATA_ONLY), sink) for r, sink in served if r is not None)
            self._following = [self._watches.follow(target, sink) for target, sink in targets]
        await settle_all(self._following, SYNC_SECONDS)
        await self._receipts.recall(self._link.identity)
        return surface

    def _epoch(self, group: str) -> str:
        return self._definitions.epoch(group, self._server_version)

    def _returned(self, same: bool) -> None:  # noqa: FBT001 - a callback with one plain question
        """The cluster is back. If another one stands in its place, nothing that was known holds."""
        self._discovery.changed()
        if not same:
            self._store.clear()
            self._inventories.clear()


def _kinds(desired: DesiredSet, inventory: Inventory) -> frozenset[Kind]:
    """What has to be watched: the versions that Git declares, and for what left Git those it was made with."""
    wanted = {want.ref: (want.api_version, want.ref.kind) for want in desired.objects if want.marked}
    left = {(member.api_version, ref.kind) for ref, member in inventory.members.items() if ref not in wanted}
    return frozenset(wanted.values()) | left

"""What is live of an application, and how it is doing: from the caches, and from the server only where they can't tell."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from gitopsd.cluster.caller import Caller
from gitopsd.cluster.paths import item
from gitopsd.cluster.refusal import Refusal
from gitopsd.cluster.store import Store
from gitopsd.model.errors import ObjectError
from gitopsd.model.health import Health, HealthStatus
from gitopsd.model.plan import Desired, DesiredSet, Inventory, Live
from gitopsd.model.refs import Object, ObjectRef
from gitopsd.model.surface import Resource, Surface

_ASK_SECONDS = 1.0
"""Between two askings for an object that no watch tells of."""

_MISSING = 404
_NOT_FOUND = Health(HealthStatus.MISSING, "not in the cluster")


@dataclass(frozen=True, slots=True)
class Observer:
    """Looks at one cluster. `epoch` gives the epoch of a group's objects, for receipts."""

    client: Caller
    store: Store
    epoch: Callable[[str], str] = field(repr=False)

    async def observe(self, desired: DesiredSet, inventory: Inventory, surface: Surface) -> dict[ObjectRef, Live]:
        """See `ClusterPort.observe`; the kinds are watched already."""
        found: dict[ObjectRef, Live] = {}
        to_ask: list[tuple[ObjectRef, str]] = []
        for want in desired.objects:
            if live := self._known(want):
                found[want.ref] = live
            elif self._must_ask(want, inventory):
                to_ask.append((want.ref, want.api_version))
        wanted = {want.ref: want for want in desired.objects}
        to_ask += [
            (ref, member.api_version)
            for ref, member in inventory.members.items()
            if ref not in wanted and not self.store.is_gone(ref)
        ]
        for live in await asyncio.gather(*(self._ask(ref, version, surface, wanted.get(ref)) for ref, version in to_ask)):
            if live is not None:
                found[live.ref] = live
        return found

    def _known(self, want: Desired) -> Live | None:
        """The live object where it is known, and in sync."""
        table = self.store.tables.get((want.api_version, want.ref.kind))
        known = table.entries.get(want.ref) if table else None
        if known is None and not want.marked:
            known = self.store.strays.get(want.ref)
        return self.store.synced(want, known, self.epoch(want.ref.group)) if known else None

    def _must_ask(self, want: Desired, inventory: Inventory) -> bool:
        """Whether an object that is not known to be in sync may be there: one that was never made is not asked for.

        Should it be there all the same, unmarked, the dry run of its creation tells.
        """
        return self.store.find(want.ref) is not None or (
            (want.ref in inventory.members or not want.marked) and not self.store.is_gone(want.ref)
        )

    async def _ask(self, ref: ObjectRef, api_version: str, surface: Surface, want: Desired | None) -> Live | None:
        """The whole object, or None where the server says that it is not there."""
        resource = surface.resource(api_version, ref.kind) or surface.preferred.get(ref.group_kind)
        if resource is None:
            return None
        obj = self._brought(ref, resource) or await self._get(ref, resource)
        if obj is None:
            self.store.gone(ref)
            return None
        known = self.store.learn(ref, resource.api_version, obj)
        if want is not None and (synced := self.store.synced(want, known, self.epoch(ref.group))):
            return synced
        return self.store.entry(ref, resource.api_version, obj).whole(obj)

    def _brought(self, ref: ObjectRef, resource: Resource) -> Object | None:
        """What our watch of this version of the kind brought of the object's newest state.

        For ourselves alone, as an account may see only what it may read.
        """
        known = self.store.find(ref)
        if known is None or self.client.account:
            return None
        obj = self.store.brought.take(ref, known.live.resource_version)
        return obj if obj and obj.get("apiVersion") == resource.api_version else None

    async def read(self, ref: ObjectRef, surface: Surface) -> Object | None:
        """See `ClusterPort.read`."""
        resource = surface.preferred.get(ref.group_kind)
        return None if resource is None else await self._get(ref, resource)

    async def _get(self, ref: ObjectRef, resource: Resource) -> Object | None:
        """The object as the server has it, None where it says that it is not there."""
        try:
            return await self.client.get(item(resource, ref.namespace, ref.name))
        except Refusal as refusal:
            if refusal.code != _MISSING:
                raise refusal.on(ref, "read") from None
            return None

    async def settle(self, refs: frozenset[ObjectRef], deadline: float, surface: Surface) -> Mapping[ObjectRef, Health]:
        """See `ClusterPort.settle`. What no watch tells of is asked for once a second."""
        end = time.monotonic() + deadline
        gone: set[ObjectRef] = set()
        with self.store.waiter(refs) as changed:
            while True:
                changed.clear()
                healths = {ref: known.live.health for ref in refs if (known := self.store.find(ref))}
                for ref in refs - healths.keys() - gone:
                    health = await self._health(ref, surface)
                    if health is None:
                        gone.add(ref)
                    else:
                        healths[ref] = health
                statuses = {health.status for health in healths.values()}
                left = end - time.monotonic()
                if statuses <= {HealthStatus.HEALTHY} or HealthStatus.DEGRADED in statuses or left <= 0:
                    return healths | dict.fromkeys(refs - healths.keys(), _NOT_FOUND)
                await self._wait(changed, min(left, _ASK_SECONDS if refs & self.store.strays.keys() else left))
                for ref in refs & self.store.strays.keys():
                    await self._health(ref, surface)
                gone -= {ref for ref in gone if self.store.find(ref)}

    async def _health(self, ref: ObjectRef, surface: Surface) -> Health | None:
        """How the object is doing by the server's word, None where there is none; what may not be read is no failure here."""
        try:
            live = await self._ask(ref, "", surface, None)
        except ObjectError as error:
            return Health(HealthStatus.UNKNOWN, str(error))
        return live.health if live else None

    async def _wait(self, changed: asyncio.Event, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await changed.wait()
        except TimeoutError:
            return

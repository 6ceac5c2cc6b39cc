"""A cluster that is nothing but what the real port keeps of one: entries and receipts in a real store, decoded inventories.

It stores no object, so that all that grows with the number of applications is gitopsd's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import orjson

from gitopsd.cluster.config import Identity
from gitopsd.cluster.entries import Reading
from gitopsd.cluster.inventory_codec import decode, encode
from gitopsd.cluster.receipts import Receipts
from gitopsd.cluster.store import Store
from gitopsd.model.app import App
from gitopsd.model.health import Health
from gitopsd.model.plan import Desired, DesiredSet, Inventory, Live, Step
from gitopsd.model.refs import Object, ObjectRef
from gitopsd.ports import Trial, Written
from tests.fakes import FakeCluster

IDENTITY = Identity()
_STATUS = {"Deployment": {"observedGeneration": 1, "conditions": []}}


def _store() -> Store:
    return Store(IDENTITY.installation, Reading(IDENTITY.manager, IDENTITY.health), lambda *_: None, Receipts())


@dataclass(slots=True)
class SimulatedCluster(FakeCluster):
    """Everything that is applied is there at once, and healthy."""

    store: Store = field(default_factory=_store)
    _versions: count[int] = field(default_factory=lambda: count(1))

    async def remember(self, app: App, inventory: Inventory, *, ahead: bool = False) -> None:
        self.inventories[app.key] = decode(IDENTITY, app.key, orjson.loads(orjson.dumps(encode(IDENTITY, app.key, inventory))))

    async def observe(self, app: App, desired: DesiredSet, inventory: Inventory) -> Mapping[ObjectRef, Live]:
        found = ((want, self.store.find(want.ref)) for want in desired.objects)
        lives = ((want.ref, self.store.synced(want, known, "epoch") or known.live) for want, known in found if known)
        return dict(lives)

    async def dry_run(self, app: App, step: Step) -> Trial:
        assert step.desired is not None
        known = self.store.find(step.ref)
        return Trial(_answer(step.desired, known.version) if known else None, _answer(step.desired, 0))

    async def write(self, app: App, step: Step) -> Written:
        assert step.desired is not None
        self.store.table((step.desired.api_version, step.ref.kind))
        version = next(self._versions)
        known = self.store.learn(step.ref, step.desired.api_version, _answer(step.desired, version))
        self.store.keep(step.desired, known.fingerprint, "epoch")
        return Written(known.live.uid)

    async def settle(self, app: App, refs: frozenset[ObjectRef], deadline: float) -> Mapping[ObjectRef, Health]:
        return {ref: known.live.health for ref in refs if (known := self.store.find(ref))}

    def _call(self, name: str, ref: ObjectRef | None = None) -> None:
        """Nobody counts."""


def _answer(desired: Desired, version: int) -> Object:
    """The object as a server would give it, with strings of its own, as they come from JSON."""
    obj: dict[str, Any] = orjson.loads(desired.body)
    ref = desired.ref
    owned = {"manager": IDENTITY.manager, "operation": "Apply", "fieldsV1": {"f:spec": {}, "f:data": {}}}
    uid = f"00000000-0000-4000-8000-{hash(ref) & 0xFFFFFFFFFFFF:012x}"
    metadata = obj["metadata"] | {"uid": uid, "resourceVersion": str(version), "generation": 1, "managedFields": [owned]}
    return obj | {"metadata": metadata, "status": _STATUS.get(ref.kind, {})}

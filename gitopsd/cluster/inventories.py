"""The inventories of one cluster: followed by a watch, written with a guard, lost never."""

from __future__ import annotations

from dataclasses import dataclass, field

import orjson

from gitopsd.cluster.client import Client, Request
from gitopsd.cluster.config import Identity
from gitopsd.cluster.inventory_codec import FENCE, ID_LABEL, decode, encode, parent_ref
from gitopsd.cluster.namespaces import create_namespace, lacks_namespace
from gitopsd.cluster.reflector import Target
from gitopsd.cluster.refusal import Refusal
from gitopsd.model.app import AppKey
from gitopsd.model.errors import ObjectError, TenureError
from gitopsd.model.plan import Inventory
from gitopsd.model.refs import Object

_ATTEMPTS = 4


@dataclass(slots=True)
class _Stored:
    """An inventory object as the server has it. Its content is read once, when it is asked for, and then let go of."""

    uid: str
    resource_version: str
    content: Object | None
    inventory: Inventory = field(default_factory=Inventory)
    fence: str = ""

    @classmethod
    def of(cls, obj: Object) -> _Stored:
        metadata = obj["metadata"]
        fence = (metadata.get("annotations") or {}).get(FENCE, "")
        return cls(metadata["uid"], metadata["resourceVersion"], obj, fence=fence)

    @property
    def version(self) -> int:
        return int(self.resource_version) if self.resource_version.isdecimal() else 0


class Inventories:
    """Reads and writes the inventory objects in our namespace; a `Sink` for the reflector that follows them."""

    def __init__(self, client: Client, identity: Identity) -> None:
        """Nothing known yet."""
        self._client = client
        self._identity = identity
        self._path = f"/api/v1/namespaces/{identity.namespace}/configmaps"
        self._stored: dict[str, _Stored] = {}
        self._list: dict[str, _Stored] = {}
        self._known: dict[AppKey, Inventory] = {}
        """What the applications have, as last read or written: it outlives the ConfigMap's deletion by hand."""
        self._fences: dict[AppKey, str] = {}
        """The fences that we put up."""

    @property
    def target(self) -> Target:
        """What to follow."""
        return Target("inventories", self._path, {"labelSelector": ID_LABEL})

    # --- Sink

    def begin(self) -> None:
        """See `Sink`."""
        self._list = {}

    def listed(self, obj: Object) -> None:
        """See `Sink`."""
        self._list[obj["metadata"]["name"]] = _Stored.of(obj)

    def complete(self, resource_version: int) -> None:
        """See `Sink`. What we wrote after the list was made is newer than the list."""
        written_since = {name: stored for name, stored in self._stored.items() if stored.version > resource_version}
        self._stored, self._list = self._list | written_since, {}

    def changed(self, obj: Object) -> None:
        """See `Sink`."""
        name, new = obj["metadata"]["name"], _Stored.of(obj)
        known = self._stored.get(name)
        if known is None or known.version < new.version:
            self._stored[name] = new

    def deleted(self, obj: Object) -> None:
        """See `Sink`."""
        known = self._stored.get(obj["metadata"]["name"])
        if known is not None and known.uid == obj["metadata"]["uid"]:
            del self._stored[obj["metadata"]["name"]]

    def clear(self) -> None:
        """It is another cluster now."""
        self._stored.clear()
        self._known.clear()
        self._fences.clear()

    # --- the port's part

    def read(self, app: AppKey) -> Inventory:
        """The application's inventory. Raises ObjectError where it is damaged or somebody else's."""
        stored = self._stored.get(parent_ref(self._identity, app).name)
        if stored is None:
            return self._known.get(app, Inventory())
        if stored.content is not None:
            self._known[app] = stored.inventory = decode(self._identity, app, stored.content)
            stored.content = None
        return stored.inventory

    async def write(self, app: AppKey, inventory: Inventory, *, ahead: bool = False) -> None:
        """Stores the inventory, unless that is what is stored; `ahead` of writes also where only our fence is missing.

        Where somebody else has written it meanwhile, the union is stored: too much in an inventory costs a look, too little an
        orphan. Raises ObjectError, ClusterError, and TenureError behind another replica's fence.
        """
        ref = parent_ref(self._identity, app)
        stored = self._stored.get(ref.name)
        basis = self._ours(app) or (stored.fence if stored else "")
        is_known = self.read(app).members == inventory.members and (stored is not None or not inventory.members)
        if is_known and (not ahead or stored is None or stored.fence == self._fence(app, stored, basis)):
            return
        for _ in range(_ATTEMPTS):
            fence = self._fence(app, stored, basis)
            try:
                answer = await self._send(app, inventory, fence, stored)
            except Refusal as refusal:
                if refusal.code not in (404, 409):
                    raise refusal.on(ref, "write inventory") from None
                current = await self._current(app, refusal)
                stored = None if current is None else _Stored.of(current)
                inventory = inventory if current is None else decode(self._identity, app, current) | inventory
            else:
                metadata = answer["metadata"]
                self._stored[ref.name] = _Stored(metadata["uid"], metadata["resourceVersion"], None, inventory, fence)
                self._known[app], self._fences[app] = inventory, fence
                return
        raise ObjectError(
            ref, "write inventory", "Conflict", "somebody else keeps writing it; is there a second gitopsd with this name?"
        )

    def _fence(self, app: AppKey, stored: _Stored | None, basis: str) -> str:
        """What says that we write for the application: a number that grows with each take-over, and our hold.

        `basis` is the newest fence that we know of. Raises TenureError where a newer one stands there: whoever took the
        application over since then has it.
        """
        hold, there = self._identity.tenure.hold(app), stored.fence if stored else ""
        if not hold:
            return ""
        if _number(there) > _number(basis):
            raise TenureError(f"application {app} was taken over by another replica ({FENCE}: {there}): it goes on there")
        return self._ours(app) or f"{_number(there) + 1}/{hold}"

    def _ours(self, app: AppKey) -> str:
        """The fence that we put up since we hold the application; empty where we have not."""
        fence, hold = self._fences.get(app, ""), self._identity.tenure.hold(app)
        return fence if fence.partition("/")[2] == hold else ""

    async def delete(self, app: AppKey) -> None:
        """Deletes the application's inventory object where it is empty, and forgets it in any case."""
        ref = parent_ref(self._identity, app)
        stored = self._stored.get(ref.name)
        if stored is not None and not self.read(app).members:
            guard = {"uid": stored.uid, "resourceVersion": stored.resource_version}
            body = orjson.dumps({"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": guard})
            try:
                await self._client.send(Request("DELETE", f"{self._path}/{ref.name}", "delete", body=body))
                self._stored.pop(ref.name, None)
            except Refusal as refusal:
                if refusal.code not in (404, 409):
                    raise refusal.on(ref, "delete inventory") from None
        self._known.pop(app, None)
        self._fences.pop(app, None)

    async def _send(self, app: AppKey, inventory: Inventory, fence: str, stored: _Stored | None) -> Object:
        obj = encode(self._identity, app, inventory, fence)
        params = {"fieldManager": self._identity.manager}
        if stored is None:
            request = Request("POST", self._path, "create", params, orjson.dumps(obj))
        else:
            metadata = {**obj["metadata"], "resourceVersion": stored.resource_version, "uid": stored.uid}
            request = Request(
                "PUT", f"{self._path}/{metadata['name']}", "update", params, orjson.dumps({**obj, "metadata": metadata})
            )
        answer: Object = (await self._client.send(request)).body
        return answer

    async def _current(self, app: AppKey, refusal: Refusal) -> Object | None:
        """The ConfigMap as it is now, after a conflict or where it or our namespace was missing."""
        name = parent_ref(self._identity, app).name
        if lacks_namespace(refusal):
            try:
                await create_namespace(self._client, self._identity.namespace)
            except Refusal as refused:
                what = f"create namespace {self._identity.namespace} for inventory"
                raise refused.on(parent_ref(self._identity, app), what) from None
        try:
            current: Object = await self._client.get(f"{self._path}/{name}")
        except Refusal as missing:
            if missing.code != 404:  # noqa: PLR2004
                raise missing.on(parent_ref(self._identity, app), "read inventory") from None
            return None
        return current


def _number(fence: str) -> int:
    """Which take-over a fence is of; 0 where there is none, or nothing of ours."""
    number = fence.partition("/")[0]
    return int(number) if number.isascii() and number.isdecimal() else 0

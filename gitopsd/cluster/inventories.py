"""The inventories of one cluster: followed by a watch, written with a guard, lost never."""

from __future__ import annotations

from dataclasses import dataclass, field

import orjson
import structlog

from gitopsd.cluster.client import Client, Request
from gitopsd.cluster.config import Identity
from gitopsd.cluster.inventory_codec import ID_LABEL, decode, encode, parent_ref
from gitopsd.cluster.reflector import Target
from gitopsd.cluster.refusal import Refusal
from gitopsd.model.app import AppKey
from gitopsd.model.errors import ObjectError
from gitopsd.model.plan import Inventory
from gitopsd.model.refs import Object

_ATTEMPTS = 4
_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Stored:
    """An inventory object as the server has it. Its content is read once, when it is asked for, and then let go of."""

    uid: str
    resource_version: str
    content: Object | None
    inventory: Inventory = field(default_factory=Inventory)

    @classmethod
    def of(cls, obj: Object) -> _Stored:
        return cls(obj["metadata"]["uid"], obj["metadata"]["resourceVersion"], obj)

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

    async def write(self, app: AppKey, inventory: Inventory) -> None:
        """Stores the inventory, unless that is what is stored.

        Where somebody else has written it meanwhile, the union is stored: too much in an inventory costs a look, too little an
        orphan. Raises ObjectError and ClusterError.
        """
        ref = parent_ref(self._identity, app)
        stored = self._stored.get(ref.name)
        if self.read(app).members == inventory.members and (stored is not None or not inventory.members):
            return
        for _ in range(_ATTEMPTS):
            try:
                answer = await self._send(app, inventory, stored)
            except Refusal as refusal:
                if refusal.code not in (404, 409):
                    raise refusal.on(ref, "write inventory") from None
                current = await self._current(app, refusal)
                stored = None if current is None else _Stored.of(current)
                inventory = inventory if current is None else decode(self._identity, app, current) | inventory
            else:
                metadata = answer["metadata"]
                self._stored[ref.name] = _Stored(metadata["uid"], metadata["resourceVersion"], None, inventory)
                self._known[app] = inventory
                return
        raise ObjectError(
            ref, "write inventory", "Conflict", "somebody else keeps writing it; is there a second gitopsd with this name?"
        )

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

    async def _send(self, app: AppKey, inventory: Inventory, stored: _Stored | None) -> Object:
        obj = encode(self._identity, app, inventory)
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
        if refusal.code == 404 and "namespaces" in refusal.message:  # noqa: PLR2004
            await self._create_namespace(app)
        try:
            current: Object = await self._client.get(f"{self._path}/{name}")
        except Refusal as missing:
            if missing.code != 404:  # noqa: PLR2004
                raise missing.on(parent_ref(self._identity, app), "read inventory") from None
            return None
        return current

    async def _create_namespace(self, app: AppKey) -> None:
        """Makes our own namespace, where gitopsd runs outside of the cluster and nobody made it."""
        name = self._identity.namespace
        body = orjson.dumps({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        try:
            await self._client.send(Request("POST", "/api/v1/namespaces", "create", body=body))
        except Refusal as refusal:
            if refusal.code != 409:  # noqa: PLR2004
                raise refusal.on(parent_ref(self._identity, app), f"create namespace {name} for inventory") from None
        else:
            _log.warning("created the namespace of the inventories", cluster=self._client.name, namespace=name)

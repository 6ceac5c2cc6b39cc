"""The Leases of gitopsd's replicas (coordination.k8s.io/v1), in its own namespace of its own cluster.

They have a connection of their own: neither a burst of writes nor the adaptive limits keep a renewal waiting.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from gitopsd.cluster.client import Client, Request
from gitopsd.cluster.config import ClusterConfig, Identity, Listener
from gitopsd.cluster.declared import Collection
from gitopsd.cluster.link import Link
from gitopsd.cluster.namespaces import create_namespace, lacks_namespace
from gitopsd.cluster.reflector import Reflector, Target
from gitopsd.cluster.refusal import Refusal
from gitopsd.cluster.sending import CONFLICT, MISSING
from gitopsd.model.app import AppKey
from gitopsd.model.refs import Object, ObjectRef
from gitopsd.model.replicas import Lease, Mode

LABEL = "gitopsd.dev/replica-of"
ADDRESS = "gitopsd.dev/address"
MODE = "gitopsd.dev/mode"
RECKONS = "gitopsd.dev/reckons-with"
TOGETHER = "gitopsd.dev/together"


class Leases:
    """A `gitopsd.daemon.membership.LeasePort` for the replicas of an installation."""

    def __init__(self, config: ClusterConfig, identity: Identity, listener: Listener) -> None:
        """Asks nothing yet."""
        self._client = Client(config, Listener(on_request=listener.on_request))
        self._identity = identity
        self._path = f"/apis/coordination.k8s.io/v1/namespaces/{identity.namespace}/leases"
        self._link = Link(self._client, Listener(), lambda _: None)
        self._collection = Collection(lambda: None)
        self._following: asyncio.Task[None] | None = None
        self._written: dict[str, int] = {}

    def follow(self, on_change: Callable[[], None]) -> None:
        """See `LeasePort`."""
        self._collection.on_change = on_change
        target = Target("Leases", self._path, {"labelSelector": f"{LABEL}={self._identity.installation}"})
        reflector = Reflector(self._client, target, self._collection, self._link)
        self._following = asyncio.create_task(reflector.run(), name="watch Leases")

    async def close(self) -> None:
        """Follows no longer."""
        if self._following:
            self._following.cancel()
            await asyncio.gather(self._following, return_exceptions=True)
        await self._link.close()
        await self._client.close()

    def seen(self) -> tuple[Lease, ...]:
        """See `LeasePort`."""
        return tuple(_decoded(obj) for obj in self._collection.objects.values())

    async def publish(self, lease: Lease) -> None:
        """See `LeasePort`. It goes over the version that we know of, and over no other."""
        try:
            await self._put(lease)
        except Refusal as refusal:
            self._written.pop(lease.name, None)
            if lacks_namespace(refusal):
                await self._create_namespace()
                await self.publish(lease)
            elif refusal.code not in (CONFLICT, MISSING):
                raise refusal.on(self._ref(self._name(lease.name)), "renew") from None

    async def _put(self, lease: Lease) -> None:
        known = max(self._revision_seen(lease.name), self._written.get(lease.name, 0))
        obj = self._encoded(lease, str(known) if known else "")
        answer = await self._client.send(self._request(self._name(lease.name), obj, exists=bool(known)))
        self._written[lease.name] = int(answer.body["metadata"]["resourceVersion"])

    def _revision_seen(self, name: str) -> int:
        return max((int(lease.revision) for lease in self.seen() if lease.name == name), default=0)

    def _request(self, name: str, obj: Object, *, exists: bool) -> Request:
        params = {"fieldManager": self._identity.manager}
        if exists:
            return Request("PUT", f"{self._path}/{name}", "update", params, orjson.dumps(obj))
        return Request("POST", self._path, "create", params, orjson.dumps(obj))

    async def _create_namespace(self) -> None:
        try:
            await create_namespace(self._client, self._identity.namespace)
        except Refusal as refusal:
            raise refusal.on(ObjectRef("", "Namespace", "", self._identity.namespace), "create") from None

    async def withdraw(self, name: str) -> None:
        """See `LeasePort`."""
        revision = max(self._revision_seen(name), self._written.get(name, 0))
        guard = {"resourceVersion": str(revision)}
        body = orjson.dumps({"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": guard})
        try:
            await self._client.send(Request("DELETE", f"{self._path}/{self._name(name)}", "delete", body=body))
        except Refusal as refusal:
            if refusal.code not in (CONFLICT, MISSING):
                raise refusal.on(self._ref(self._name(name)), "delete") from None

    def _name(self, replica: str) -> str:
        return f"gitopsd-{self._identity.installation}-{replica}"

    def _ref(self, name: str) -> ObjectRef:
        return ObjectRef("coordination.k8s.io", "Lease", self._identity.namespace, name)

    def _encoded(self, lease: Lease, revision: str) -> Object:
        annotations = {ADDRESS: lease.address, MODE: lease.mode.value, RECKONS: ",".join(lease.reckons)}
        annotations[TOGETHER] = " ".join(f"{key}={first}" for key, first in sorted(lease.together.items()))
        metadata: dict[str, Any] = {
            "name": self._name(lease.name),
            "namespace": self._identity.namespace,
            "labels": {LABEL: self._identity.installation, "app.kubernetes.io/managed-by": "gitopsd"},
            "annotations": {**annotations, "gitopsd.dev/replica": lease.name},
        }
        if revision:
            metadata["resourceVersion"] = revision
        spec = {
            "holderIdentity": lease.identity,
            "leaseDurationSeconds": lease.duration,
            "acquireTime": lease.acquired,
            "renewTime": lease.renewed,
            "leaseTransitions": lease.transitions,
        }
        return {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec}


def _decoded(obj: Object) -> Lease:
    """A Lease that somebody has tampered with claims nothing it does not say."""
    metadata, spec = obj["metadata"], obj.get("spec") or {}
    annotations: Mapping[str, str] = metadata.get("annotations") or {}
    mode = annotations.get(MODE, "")
    return Lease(
        name=annotations.get("gitopsd.dev/replica", ""),
        identity=spec.get("holderIdentity") or "",
        mode=Mode(mode) if mode in set(Mode) else Mode.SHARDS,
        address=annotations.get(ADDRESS, ""),
        reckons=tuple(filter(None, annotations.get(RECKONS, "").split(","))),
        together=dict(_together(pair) for pair in annotations.get(TOGETHER, "").split()),
        acquired=spec.get("acquireTime") or "",
        renewed=spec.get("renewTime") or "",
        duration=spec.get("leaseDurationSeconds") or 0,
        transitions=spec.get("leaseTransitions") or 0,
        revision=metadata.get("resourceVersion") or "0",
    )


def _together(pair: str) -> tuple[AppKey, AppKey]:
    key, _, first = pair.partition("=")
    (namespace, _, name), (at, _, called) = key.partition("/"), first.partition("/")
    return AppKey(namespace, name), AppKey(at, called)

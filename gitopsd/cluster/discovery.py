"""Discovery: what a cluster serves, from its aggregated discovery documents (two requests, Kubernetes 1.27 and later)."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from gitopsd.cluster.client import Client
from gitopsd.model.errors import ClusterError
from gitopsd.model.refs import GroupKind
from gitopsd.model.surface import Resource, Surface

ACCEPT = ",".join(f"application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList" for version in ("v2", "v2beta1"))

SETTLING_SECONDS = 5.0
"""For how long after a definition changed the server may still tell of its old surface."""

_PAUSE = 0.25  # seconds between two askings


class Discovery:
    """The surface of one cluster, kept until a definition changes."""

    def __init__(self, client: Client) -> None:
        """Asks nothing yet."""
        self._client = client
        self._lock = asyncio.Lock()
        self._surface: Surface | None = None
        self._asked = 0.0
        self._unsettled_until = 0.0

    def changed(self) -> None:
        """A CustomResourceDefinition, an APIService or the server itself has changed."""
        self._unsettled_until = time.monotonic() + SETTLING_SECONDS

    @property
    def unsettled(self) -> bool:
        """Whether the server may soon serve something else than it does now."""
        return time.monotonic() < self._unsettled_until

    async def surface(self, *, fresh: bool = False) -> Surface:
        """The surface; asked for anew where it may have changed. The same object as long as it is the same surface."""
        asked = time.monotonic()
        if self._surface is not None and not fresh and self._asked > self._unsettled_until:
            return self._surface
        async with self._lock:
            # Whoever waited while another asked takes that answer.
            known = self._surface
            if known is not None and (self._asked >= asked or (not fresh and self._asked + _PAUSE > asked)):
                return known
            started = time.monotonic()
            surface = await self._ask()
            self._asked = started
            if known is None or known.digest != surface.digest:
                self._surface = known = surface
            return known

    async def resource(self, api_version: str, kind: str) -> Resource | None:
        """How the kind is served. One that was defined a moment ago is waited for, as long as it may still come."""
        surface = await self.surface()
        found = surface.resource(api_version, kind)
        if found is None:
            found = (await self.surface(fresh=True)).resource(api_version, kind)
        while found is None and self.unsettled:
            await asyncio.sleep(_PAUSE)
            found = (await self.surface()).resource(api_version, kind)
        return found

    async def _ask(self) -> Surface:
        version, core, groups = await asyncio.gather(
            self._client.get("/version"),
            self._client.get("/api", verb="discover", accept=ACCEPT),
            self._client.get("/apis", verb="discover", accept=ACCEPT),
        )
        if core.get("kind") != "APIGroupDiscoveryList" or groups.get("kind") != "APIGroupDiscoveryList":
            raise ClusterError(self._client.name, "it has no aggregated discovery; Kubernetes 1.27 or later is needed")
        return parse_surface(str(version.get("gitVersion") or ""), [*core.get("items", ()), *groups.get("items", ())])


def parse_surface(server_version: str, groups: list[Mapping[str, Any]]) -> Surface:
    """The surface in the items of aggregated discovery; each group's versions come in the server's order of preference."""
    resources: dict[tuple[str, str], Resource] = {}
    preferred: dict[GroupKind, Resource] = {}
    for resource in (resource for group in groups for resource in _resources(group)):
        resources.setdefault((resource.api_version, resource.kind), resource)
        preferred.setdefault(GroupKind(resource.group, resource.kind), resource)
    lines = [(r.api_version, r.kind, r.plural, r.namespaced, sorted(r.verbs)) for r in resources.values()]
    digest = hashlib.sha256(orjson.dumps([server_version, sorted(lines)])).hexdigest()
    return Surface(server_version, digest, resources, preferred)


def _resources(group: Mapping[str, Any]) -> Iterator[Resource]:
    name = str((group.get("metadata") or {}).get("name") or "")
    for version in group.get("versions") or ():
        for entry in version.get("resources") or ():
            served = entry.get("responseKind") or {}
            # A resource may answer with a kind of another group (subresources do); as its own it has none or the group's.
            if served.get("kind") and entry.get("resource"):
                yield Resource(
                    group=name,
                    version=str(version.get("version")),
                    kind=str(served["kind"]),
                    plural=str(entry["resource"]),
                    namespaced=entry.get("scope") == "Namespaced",
                    verbs=frozenset(entry.get("verbs") or ()),
                )

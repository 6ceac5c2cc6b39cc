"""What controllers made of an application's objects, by owner references: listed when somebody asks, for nothing watches it.

A list for each kind of the namespaces, some forty requests. Secrets and ConfigMaps come without their content.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass

from gitopsd.cluster.caller import Caller
from gitopsd.cluster.client import JSON, METADATA_ONLY
from gitopsd.cluster.orphans import listable
from gitopsd.cluster.paths import METADATA_ONLY as WITHOUT_CONTENT
from gitopsd.cluster.paths import collection
from gitopsd.cluster.refusal import Refusal
from gitopsd.model.health import Health
from gitopsd.model.refs import Object, ObjectRef
from gitopsd.model.surface import Resource, Surface
from gitopsd.ports import Offspring

MAX_LISTED = 500
"""Objects of a kind and namespace that are looked at."""
MAX_FOUND = 2000
"""Objects that a tree may have besides those of the application."""


@dataclass(frozen=True, slots=True)
class _Seen:
    ref: ObjectRef
    api_version: str
    owners: tuple[str, ...]
    health: Health


async def offspring(
    caller: Caller, surface: Surface, roots: Mapping[str, ObjectRef], health: Callable[[Object], Health]
) -> tuple[Offspring, ...]:
    """What objects own, by their uids, and what that owns in turn: owners first. Raises ClusterError.

    Of the kinds that the caller may list; those that it may not have no place in the tree.
    """
    namespaces = sorted({ref.namespace for ref in roots.values() if ref.namespace})
    seen = {uid: one for place in namespaces async for uid, one in _listed(caller, surface, place, health)}
    found: dict[str, Offspring] = {}
    owners = dict(roots)
    while owners and len(found) < MAX_FOUND:
        generation = {}
        for uid, one in sorted(seen.items(), key=lambda item: item[1].ref):
            owner = next((owners[owner] for owner in one.owners if owner in owners), None)
            if owner is not None and uid not in found and uid not in roots:
                found[uid] = Offspring(one.ref, one.api_version, owner, one.health)
                generation[uid] = one.ref
        owners = generation
    return tuple(found.values())[:MAX_FOUND]


async def _listed(
    caller: Caller, surface: Surface, namespace: str, health: Callable[[Object], Health]
) -> AsyncIterator[tuple[str, _Seen]]:
    """The objects of a namespace that somebody owns, by uid."""
    for resource in listable(surface):
        content = (resource.api_version, resource.kind) not in WITHOUT_CONTENT
        accept = JSON if content else METADATA_ONLY.replace("PartialObjectMetadata;", "PartialObjectMetadataList;")
        params = {"limit": str(MAX_LISTED)}
        try:
            listed = await caller.get(collection(resource, namespace), params, verb="list", accept=accept)
        except Refusal:
            continue
        for obj in listed.get("items") or ():
            if obj["metadata"].get("ownerReferences"):
                yield obj["metadata"]["uid"], _seen(resource, obj, health)


def _seen(resource: Resource, obj: Object, health: Callable[[Object], Health]) -> _Seen:
    metadata = obj["metadata"]
    ref = ObjectRef(resource.group, resource.kind, metadata.get("namespace", ""), metadata["name"])
    owners = tuple(str(owner.get("uid")) for owner in metadata["ownerReferences"])
    return _Seen(ref, resource.api_version, owners, health({**obj, "apiVersion": resource.api_version, "kind": resource.kind}))

"""Objects of a namespace that nobody answers for: no owner, no application, no other tool, and none that Kubernetes puts there.

Nothing watches them, so they are listed, without their content: some forty requests, now and then, for projects that ask for it.
"""

from __future__ import annotations

from collections.abc import Iterator

from gitopsd.cluster.caller import Caller
from gitopsd.cluster.client import METADATA_ONLY
from gitopsd.cluster.inventory_codec import ID_LABEL
from gitopsd.cluster.paths import collection
from gitopsd.cluster.refusal import Refusal
from gitopsd.cluster.tools import owning_tool
from gitopsd.model.marks import Mark
from gitopsd.model.refs import GroupKind, Object, ObjectRef
from gitopsd.model.surface import Resource, Surface

MAX_LISTED = 5000
"""Objects of a kind that are looked at."""

_PASSING = frozenset(
    {
        GroupKind("", "Event"),
        GroupKind("events.k8s.io", "Event"),
        GroupKind("", "Endpoints"),
        GroupKind("discovery.k8s.io", "EndpointSlice"),
        GroupKind("coordination.k8s.io", "Lease"),
        GroupKind("metrics.k8s.io", "PodMetrics"),
    }
)
"""What comes and goes with other things, though nothing says so."""

_OF_EVERY_NAMESPACE = frozenset({("ServiceAccount", "default"), ("ConfigMap", "kube-root-ca.crt")})
_ACCOUNT = "kubernetes.io/service-account.name"
"""The annotation of a service account's token."""


async def orphans(caller: Caller, surface: Surface, namespace: str) -> frozenset[ObjectRef]:
    """The orphans of a namespace, of the kinds that the caller may list. Raises ClusterError."""
    found: set[ObjectRef] = set()
    for resource in listable(surface):
        accept = METADATA_ONLY.replace("PartialObjectMetadata;", "PartialObjectMetadataList;")
        params = {"limit": str(MAX_LISTED)}
        try:
            listed = await caller.get(collection(resource, namespace), params, verb="list", accept=accept)
        except Refusal:
            continue  # who may not list a kind has no orphans of it either
        found |= {_ref(resource, obj) for obj in listed.get("items") or () if _is_orphan(obj, _ref(resource, obj))}
    return frozenset(found)


def listable(surface: Surface) -> Iterator[Resource]:
    """The kinds in namespaces that can be listed, without what comes and goes with other things."""
    for kind, resource in sorted(surface.preferred.items()):
        if resource.namespaced and "list" in resource.verbs and kind not in _PASSING:
            yield resource


def _ref(resource: Resource, obj: Object) -> ObjectRef:
    metadata = obj["metadata"]
    return ObjectRef(resource.group, resource.kind, metadata.get("namespace", ""), metadata["name"])


def _is_orphan(obj: Object, ref: ObjectRef) -> bool:
    metadata = obj["metadata"]
    if metadata.get("ownerReferences") or (ref.kind, ref.name) in _OF_EVERY_NAMESPACE:
        return False
    if ID_LABEL in (metadata.get("labels") or {}) or _ACCOUNT in (metadata.get("annotations") or {}):
        return False
    return Mark.of(obj) is None and owning_tool(obj, ref) is None

"""The hands of others: people and controllers who change what gitopsd looks after."""

from __future__ import annotations

from gitopsd.cluster.paths import collection, item
from gitopsd.model.refs import Object, ObjectRef
from gitopsd.model.surface import Resource
from localcluster import LocalCluster

_PLURALS = {
    "ConfigMap": ("", "v1", "configmaps"),
    "Secret": ("", "v1", "secrets"),
    "Service": ("", "v1", "services"),
    "Namespace": ("", "v1", "namespaces"),
    "Deployment": ("apps", "v1", "deployments"),
    "CustomResourceDefinition": ("apiextensions.k8s.io", "v1", "customresourcedefinitions"),
    "HorizontalPodAutoscaler": ("autoscaling", "v2", "horizontalpodautoscalers"),
}
_CLUSTER_SCOPED = ("Namespace", "CustomResourceDefinition")


def path_of(ref: ObjectRef) -> str:
    """Where the object is."""
    return item(_resource(ref), ref.namespace, ref.name)


def made(cluster: LocalCluster, obj: Object, manager: str = "hand") -> Object:
    """Creates an object."""
    ref = ObjectRef.of(obj)
    return cluster.api.create(f"{collection(_resource(ref), ref.namespace)}?fieldManager={manager}", obj)


def got(cluster: LocalCluster, ref: ObjectRef) -> Object:
    """The object as it is."""
    return cluster.api.get(path_of(ref))


def patched(cluster: LocalCluster, ref: ObjectRef, patch: Object, manager: str = "hand") -> Object:
    """Merges a patch into an object."""
    return cluster.api.request("PATCH", f"{path_of(ref)}?fieldManager={manager}", patch, "application/merge-patch+json")


def scaled(cluster: LocalCluster, ref: ObjectRef, replicas: int, manager: str = "kubectl") -> None:
    """Scales as `kubectl scale` does, through the subresource."""
    path = f"{path_of(ref)}/scale?fieldManager={manager}"
    cluster.api.request("PATCH", path, {"spec": {"replicas": replicas}}, "application/merge-patch+json")


def applied(cluster: LocalCluster, obj: Object, manager: str) -> Object:
    """Applies on the server's side."""
    path = f"{path_of(ObjectRef.of(obj))}?fieldManager={manager}&force=true"
    return cluster.api.request("PATCH", path, obj, "application/apply-patch+yaml")


def deleted(cluster: LocalCluster, ref: ObjectRef) -> None:
    """Deletes an object."""
    cluster.api.request("DELETE", path_of(ref))


def _resource(ref: ObjectRef) -> Resource:
    group, version, plural = _PLURALS[ref.kind]
    return Resource(group, version, ref.kind, plural, ref.kind not in _CLUSTER_SCOPED)

"""Small makers of the values that planning deals with."""

from __future__ import annotations

from typing import Any

from gitopsd.model.app import App, AppKey, AppSettings, AppSpec, Automated, Destination, Source, SyncPolicy
from gitopsd.model.health import Health, HealthStatus
from gitopsd.model.marks import Mark
from gitopsd.model.plan import DesiredSet, Inventory, Live, Member
from gitopsd.model.refs import GroupKind, Object, ObjectRef
from gitopsd.model.surface import Resource, Surface
from gitopsd.plan.qualify import Marking, qualify

MARKING = Marking("test", "gitopsd")
HEALTHY = Health(HealthStatus.HEALTHY, "")

_SERVED = (
    Resource("", "v1", "ConfigMap", "configmaps", namespaced=True),
    Resource("", "v1", "Secret", "secrets", namespaced=True),
    Resource("", "v1", "Service", "services", namespaced=True),
    Resource("", "v1", "Namespace", "namespaces", namespaced=False),
    Resource("apps", "v1", "Deployment", "deployments", namespaced=True),
    Resource("batch", "v1", "Job", "jobs", namespaced=True),
    Resource("apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions", namespaced=False),
)
SURFACE = Surface(
    "v1.37.2", "s1", {(r.api_version, r.kind): r for r in _SERVED}, {GroupKind(r.group, r.kind): r for r in _SERVED}
)


def app(*options: str, namespace: str = "web", own: AppSettings | None = None, **automated: bool) -> App:
    """An application called argocd/shop with these sync options; `automated` switches on automation; `own` are its settings."""
    policy = SyncPolicy(automated=Automated(**automated) if automated else None, sync_options=options)
    spec = AppSpec(Destination(server="here", namespace=namespace), source=Source("repo", "path"), sync_policy=policy)
    return App(AppKey("argocd", "shop"), spec, settings=own or AppSettings())


def manifest(kind: str = "ConfigMap", name: str = "settings", api: str = "v1", **fields: Any) -> Object:
    """A manifest; `annotations` and `namespace` go into its metadata."""
    metadata = {"name": name} | {key: fields.pop(key) for key in ("annotations", "namespace", "labels") if key in fields}
    return {"apiVersion": api, "kind": kind, "metadata": metadata, **fields}


def wanted(*manifests: Object, of: App | None = None) -> DesiredSet:
    """The desired set of an application that holds these manifests."""
    return qualify(manifests, SURFACE, of or app(), MARKING)


def live(ref: ObjectRef, *, of: App | None = None, **fields: Any) -> Live:
    """A live object that carries the application's own mark, unless `fields` say otherwise."""
    mark = Mark(MARKING.installation, (of or app()).key, ref)
    values: dict[str, Any] = {"uid": f"uid-{ref.name}", "resource_version": "1", "health": HEALTHY, "mark": mark}
    return Live(ref, **(values | fields))


def remembered(*refs: ObjectRef) -> Inventory:
    """An inventory of these objects, with the uids that `live` gives them."""
    return Inventory({ref: Member(ref, "v1", f"uid-{ref.name}") for ref in refs})


def ref(name: str, kind: str = "ConfigMap", namespace: str = "web") -> ObjectRef:
    """A reference in the core group."""
    return ObjectRef("", kind, namespace, name)

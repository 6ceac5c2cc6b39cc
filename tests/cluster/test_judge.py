"""The judge on a real API server: what the server normalises is no drift, what a person takes is."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gitopsd.cluster import Clusters
from gitopsd.model.refs import Object, ObjectRef
from localcluster import LocalCluster
from tests.cluster.hands import patched, scaled
from tests.cluster.world import Heard, application, config_map, deployment, marked, secret, sync
from tests.waiting import until


def _role(namespace: str, **extra: object) -> Object:
    metadata = {"name": "role", "namespace": namespace}
    return {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": metadata, **extra}


def _network_policy(namespace: str) -> Object:
    metadata = {"name": "deny", "namespace": namespace}
    spec = {"podSelector": {}, "ingress": [], "policyTypes": ["Ingress"]}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}


NORMALISED: dict[str, Callable[[str], Object]] = {
    "quantities": lambda ns: deployment(ns, resources={"limits": {"cpu": "1000m", "memory": "1024Mi"}, "requests": {"cpu": 0.5}}),
    "an empty environment value": lambda ns: deployment(ns, env=[{"name": "A", "value": ""}, {"name": "B", "value": "x"}]),
    "empty lists and maps": lambda ns: deployment(ns, env=[], resources={}, command=[]),
    "a null": lambda ns: deployment(ns, livenessProbe=None),
    "defaults of a port": lambda ns: deployment(ns, ports=[{"containerPort": 80}, {"containerPort": 80, "protocol": "UDP"}]),
    "an empty role": _role,
    "rules without groups": lambda ns: _role(ns, rules=[{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]),
    "an empty selector": _network_policy,
    "an empty ConfigMap": config_map,
    "an empty Secret value": lambda ns: secret(ns, key=""),
}


@pytest.mark.parametrize("case", NORMALISED)
async def test_what_the_server_normalises_is_in_sync(case: str, port: Clusters, heard: Heard, namespace: str) -> None:
    """After one write the next pass is in sync without a request; and where nothing is remembered, one dry run says the same."""
    app = application(namespace)
    want = marked(app, NORMALISED[case](namespace))
    await sync(port, app, want)
    heard.asked()
    again = await sync(port, app, want)
    assert (again.trials, heard.asked()) == ({}, [])
    port._clusters["local"]._store.receipts.clear()
    judged = await sync(port, app, want)
    assert judged.trials[want.ref].unchanged
    assert (await sync(port, app, want)).live[want.ref].in_sync


async def test_an_unchanged_pass_asks_nothing(port: Clusters, heard: Heard, namespace: str) -> None:
    """Ten applications of two objects: when all is in sync, passes send no request, also after the controllers did their work."""
    apps = {name: application(f"{namespace}-{name}") for name in "abcdefghij"}
    objects = {
        name: [marked(app, config_map(namespace, name)), marked(app, deployment(namespace, name))] for name, app in apps.items()
    }
    for name, app in apps.items():
        await sync(port, app, *objects[name])
    for name, app in apps.items():
        await port.settle(app, frozenset(one.ref for one in objects[name]), 30)
    heard.asked()
    for name, app in apps.items():
        assert (await sync(port, app, *objects[name])).trials == {}
    assert heard.asked() == []


async def test_a_lost_ownership_is_noticed(cluster: LocalCluster, port: Clusters, heard: Heard, namespace: str) -> None:
    """Replicas edited from 2 to 9 and back to 2 by hand are not in sync: the field is no longer ours. A write takes it back."""
    app, want = application(namespace), marked(application(namespace), deployment(namespace))
    await sync(port, app, want)
    heard.changes.clear()
    scaled(cluster, want.ref, 9)
    scaled(cluster, want.ref, 2)
    await until(lambda: bool(heard.changes))
    done = await sync(port, app, want)
    assert not done.live[want.ref].in_sync
    assert not done.trials[want.ref].unchanged
    assert (await sync(port, app, want)).live[want.ref].in_sync


async def test_a_field_removed_from_git_goes_away(cluster: LocalCluster, port: Clusters, namespace: str) -> None:
    """What we applied once and no longer do is removed by the server."""
    app = application(namespace)
    await sync(port, app, marked(app, config_map(namespace, a="1", b="2")))
    await sync(port, app, marked(app, config_map(namespace, a="1")))
    assert cluster.api.get(f"/api/v1/namespaces/{namespace}/configmaps/settings")["data"] == {"a": "1"}


async def test_fields_of_others_are_left_alone(cluster: LocalCluster, port: Clusters, namespace: str) -> None:
    """An annotation that somebody adds is neither drift nor removed, once it is judged."""
    app, want = application(namespace), marked(application(namespace), deployment(namespace))
    await sync(port, app, want)
    patched(cluster, want.ref, {"metadata": {"annotations": {"example.test/note": "mine"}}})
    done = await sync(port, app, want)
    assert all(trial.unchanged for trial in done.trials.values())
    assert (await sync(port, app, want)).live[want.ref].in_sync


async def test_a_changed_configmap_is_seen_without_its_content(
    cluster: LocalCluster, port: Clusters, heard: Heard, namespace: str
) -> None:
    """ConfigMaps are watched as metadata alone; an edit by hand is told, and judged by a dry run."""
    app, want = application(namespace), marked(application(namespace), config_map(namespace, key="git"))
    await sync(port, app, want)
    heard.changes.clear()
    patched(cluster, want.ref, {"data": {"key": "hand"}})
    await until(lambda: (app.key, want.ref) in heard.changes)
    done = await sync(port, app, want)
    before = done.trials[want.ref].before
    assert before is not None
    assert before["data"] == {"key": "hand"}
    assert cluster.api.get(f"/api/v1/namespaces/{namespace}/configmaps/settings")["data"] == {"key": "git"}


async def test_a_definition_that_changes_voids_the_receipts_of_its_group(
    cluster: LocalCluster, port: Clusters, heard: Heard, namespace: str
) -> None:
    """A new default in a schema may change what the server makes of an object: those are judged anew, others are not."""
    group = f"{namespace}.example.test"
    _define(cluster, group, {})
    app = application(namespace)
    widget = marked(
        app, {"apiVersion": f"{group}/v1", "kind": "Widget", "metadata": {"name": "w", "namespace": namespace}, "spec": {}}
    )
    other = marked(app, config_map(namespace))
    await port.surface(app, fresh=True)
    await sync(port, app, widget, other)
    assert {live.in_sync for live in (await sync(port, app, widget, other)).live.values()} == {True}
    known = port._clusters["local"]._definitions.epoch(group, "")
    patch = {"spec": {"versions": [_version({"size": {"type": "integer", "default": 3}})]}}
    patched(cluster, ObjectRef("apiextensions.k8s.io", "CustomResourceDefinition", "", f"widgets.{group}"), patch)
    await until(lambda: port._clusters["local"]._definitions.epoch(group, "") != known)
    live = (await sync(port, app, widget, other)).live
    assert (live[widget.ref].in_sync, live[other.ref].in_sync) == (False, True)


def _version(properties: Object) -> Object:
    spec = {"type": "object", "properties": properties}
    schema = {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}}
    return {"name": "v1", "served": True, "storage": True, "schema": schema}


def _define(cluster: LocalCluster, group: str, properties: Object) -> None:
    names = {"kind": "Widget", "plural": "widgets", "singular": "widget"}
    spec = {"group": group, "names": names, "scope": "Namespaced", "versions": [_version(properties)]}
    cluster.api.create(
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", {"metadata": {"name": f"widgets.{group}"}, "spec": spec}
    )

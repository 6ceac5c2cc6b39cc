"""Watches on a real API server: what is told, what is not, and what an event may mean."""

from __future__ import annotations

import asyncio

from gitopsd.cluster import Clusters
from gitopsd.model.health import HealthStatus
from gitopsd.model.marks import OWNER_ANNOTATION, PART_OF_LABEL
from gitopsd.model.plan import Action, Step
from gitopsd.model.refs import ObjectRef
from localcluster import LocalCluster
from tests.cluster.hands import deleted, got, made, patched, path_of, scaled
from tests.cluster.world import Heard, application, config_map, deployment, marked, service, sync, wanted
from tests.waiting import until


async def test_our_own_writes_are_no_news(port: Clusters, heard: Heard, namespace: str) -> None:
    """What we write ourselves is not told; what another application does is not told to this one."""
    app, other = application(namespace), application(f"{namespace}-other")
    for data in ("1", "2", "3"):
        await sync(port, app, marked(app, config_map(namespace, key=data)), marked(app, service(namespace)))
    last = marked(other, config_map(namespace, "last"))
    await sync(port, other, last)
    patched_by_hand = application(namespace)
    assert patched_by_hand.key == app.key
    # Namespaces of tests before this one may still be going.
    assert [ref for _, ref in heard.changes if ref.namespace == namespace and ref.kind in ("ConfigMap", "Service")] == []


async def test_a_scaled_deployment_is_told(cluster: LocalCluster, port: Clusters, heard: Heard, namespace: str) -> None:
    """A change of what we applied is told by app and object."""
    app, want = application(namespace), marked(application(namespace), deployment(namespace))
    await sync(port, app, want)
    await port.settle(app, frozenset({want.ref}), 30)
    heard.changes.clear()
    scaled(cluster, want.ref, 5)
    await until(lambda: (app.key, want.ref) in heard.changes)
    heard.asked()
    live = (await port.observe(app, wanted(want), await port.inventory(app)))[want.ref]
    # What the watch brought is looked at, and nothing asked for.
    assert (live.in_sync, heard.asked()) == (False, [])
    assert live.object
    assert live.object["spec"] == got(cluster, want.ref)["spec"]


async def test_a_deleted_object_is_told_and_made_again(
    cluster: LocalCluster, port: Clusters, heard: Heard, namespace: str
) -> None:
    """A deletion is told; the next pass finds the object gone by asking once."""
    app, want = application(namespace), marked(application(namespace), service(namespace))
    await sync(port, app, want)
    deleted(cluster, want.ref)
    await until(lambda: (app.key, want.ref) in heard.changes)
    done = await sync(port, app, want)
    assert want.ref not in done.live
    assert done.trials[want.ref].before is None
    assert got(cluster, want.ref)["metadata"]["uid"] == done.written[want.ref].uid


async def test_a_removed_label_is_no_deletion(cluster: LocalCluster, port: Clusters, heard: Heard, namespace: str) -> None:
    """To the watch it looks like one; the next pass asks, finds the object, and gives the label back to the same object."""
    app, want = application(namespace), marked(application(namespace), service(namespace))
    first = await sync(port, app, want)
    patched(cluster, want.ref, {"metadata": {"labels": {PART_OF_LABEL: None}}})
    await until(lambda: (app.key, want.ref) in heard.changes)
    done = await sync(port, app, want)
    assert done.live[want.ref].uid == first.written[want.ref].uid == done.written[want.ref].uid
    assert PART_OF_LABEL in got(cluster, want.ref)["metadata"]["labels"]
    assert (await sync(port, app, want)).live[want.ref].in_sync


async def test_a_removed_annotation_is_told(cluster: LocalCluster, port: Clusters, heard: Heard, namespace: str) -> None:
    """An object that lost its mark is told to the application that it was marked for."""
    app, want = application(namespace), marked(application(namespace), service(namespace))
    await sync(port, app, want)
    patched(cluster, want.ref, {"metadata": {"annotations": {OWNER_ANNOTATION: None}}})
    await until(lambda: (app.key, want.ref) in heard.changes)
    assert (await port.observe(app, wanted(want), await port.inventory(app)))[want.ref].mark is None


async def test_copies_of_labels_are_nobodys(cluster: LocalCluster, port: Clusters, heard: Heard, namespace: str) -> None:
    """EndpointSlices take their Service's labels, the mark's among them: they are not the application's, and not told."""
    app = application(namespace)
    slices = {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4", "endpoints": []}
    own = marked(app, {**slices, "metadata": {"name": "own", "namespace": namespace}})
    await sync(port, app, marked(app, service(namespace)), marked(app, deployment(namespace)), own)
    path = f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices?labelSelector={PART_OF_LABEL}"
    await until(lambda: len(cluster.api.get(path)["items"]) == 2)
    done = await sync(port, app, marked(app, service(namespace)), marked(app, deployment(namespace)), own)
    assert {live.ref.name for live in done.live.values() if live.ref.kind == "EndpointSlice"} == {"own"}
    copies = [entry for entry in heard.changes if entry[1].kind == "EndpointSlice" and entry[1].name != "own"]
    assert copies == []


async def test_health_is_waited_for(port: Clusters, namespace: str) -> None:
    """`settle` ends when the Deployment is available, by the watch alone."""
    app, want = application(namespace), marked(application(namespace), deployment(namespace))
    await sync(port, app, want)
    health = await port.settle(app, frozenset({want.ref}), 60)
    assert health[want.ref].status is HealthStatus.HEALTHY


async def test_a_deadline_ends_the_wait(port: Clusters, namespace: str) -> None:
    """What does not become healthy is given as it is when the time is over."""
    app = application(namespace)
    want = marked(app, deployment(namespace, resources={"requests": {"cpu": "5000"}}))
    await sync(port, app, want)
    health = await port.settle(app, frozenset({want.ref}), 0.5)
    assert health[want.ref].status is HealthStatus.PROGRESSING


async def test_a_deletion_with_finalizers_is_waited_for(cluster: LocalCluster, port: Clusters, namespace: str) -> None:
    """A prune ends when the deletion was accepted; the object is then seen being deleted, until its finalizers are done."""
    app = application(namespace)
    manifest = config_map(namespace)
    manifest["metadata"]["finalizers"] = ["example.test/wait"]
    want = marked(app, manifest)
    await sync(port, app, want)
    inventory = await port.inventory(app)
    live = (await port.observe(app, wanted(), inventory))[want.ref]
    await port.write(app, Step(want.ref, Action.PRUNE, "", live=live))
    assert (await port.observe(app, wanted(), inventory))[want.ref].deleting
    waiting = asyncio.ensure_future(port.settle(app, frozenset({want.ref}), 30))
    patched(cluster, want.ref, {"metadata": {"finalizers": None}})
    await until(lambda: want.ref not in port._clusters["local"]._store.tables["v1", "ConfigMap"].entries)
    assert await port.observe(app, wanted(), inventory) == {}
    waiting.cancel()


async def test_watches_follow_need(cluster: LocalCluster, port: Clusters, namespace: str) -> None:
    """A kind is watched as long as an application needs it, in the version that Git declares."""
    app, other = application(namespace), application(f"{namespace}-other")
    await sync(port, app, marked(app, config_map(namespace)), marked(app, service(namespace)))
    await sync(port, other, marked(other, service(namespace, "other")))
    tables = port._clusters["local"]._store.tables
    assert tables.keys() == {("v1", "ConfigMap"), ("v1", "Service")}
    await sync(port, app)
    await port.forget(app)
    assert tables.keys() == {("v1", "Service")}
    await sync(port, other)
    await port.forget(other)
    assert tables.keys() == set()


async def test_a_new_kind_and_its_object_in_one_pass(port: Clusters, heard: Heard, namespace: str) -> None:
    """A definition and an object of it: as soon as the definition is settled its kind is served, and watched from a write on."""
    app, group = application(namespace), f"{namespace}.example.test"
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    spec = {
        "group": group,
        "names": {"kind": "Gadget", "plural": "gadgets"},
        "scope": "Namespaced",
        "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}],
    }
    manifest = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"gadgets.{group}"},
    }
    definition = marked(app, {**manifest, "spec": spec})
    gadget = marked(app, {"apiVersion": f"{group}/v1", "kind": "Gadget", "metadata": {"name": "g", "namespace": namespace}})
    assert await port.observe(app, wanted(definition, gadget), await port.inventory(app)) == {}
    await port.write(app, Step(definition.ref, Action.CREATE, "", definition))
    settled = await port.settle(app, frozenset({definition.ref}), 30)
    assert settled[definition.ref].status is HealthStatus.HEALTHY
    create = Step(gadget.ref, Action.CREATE, "", gadget)
    assert (await port.dry_run(app, create)).after is not None
    await port.write(app, create)
    live = await port.observe(app, wanted(definition, gadget), await port.inventory(app))
    assert {ref.kind: found.in_sync for ref, found in live.items()} == {"CustomResourceDefinition": True, "Gadget": True}
    heard.changes.clear()
    again = await port.dry_run(app, Step(gadget.ref, Action.CONFIGURE, "", gadget, live[gadget.ref]))
    assert again.unchanged


async def test_an_unlabelled_object_is_no_ones_until_it_is_taken(cluster: LocalCluster, port: Clusters, namespace: str) -> None:
    """An object that exists without our label is found by the dry run of its creation, and read whole."""
    app = application(namespace)
    made(cluster, config_map(namespace, key="theirs"))
    done = await sync(port, app, marked(app, config_map(namespace, key="ours")))
    ref = ObjectRef("", "ConfigMap", namespace, "settings")
    assert done.trials[ref].before is not None
    assert cluster.api.get(path_of(ref))["data"] == {"key": "ours"}

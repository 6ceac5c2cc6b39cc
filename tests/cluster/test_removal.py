"""Deletions on a real API server: applications taken away around their hooks, and objects that are let go of."""

from __future__ import annotations

from gitopsd.model.app import AppSettings
from gitopsd.model.deletion import Deletion
from gitopsd.model.marks import OWNER_ANNOTATION, PART_OF_LABEL
from gitopsd.model.plan import Inventory
from gitopsd.model.record import Phase, Trigger, TriggerKind
from gitopsd.model.refs import ObjectRef
from gitopsd.waiting import Course
from localcluster import LocalCluster
from tests.cluster.hands import got, made, path_of
from tests.cluster.syncing import Syncing, syncing
from tests.cluster.test_order import hook, jobs, named, waved
from tests.cluster.world import config_map, deployment
from tests.reconciling import WATCH
from tests.waiting import until


async def deleted(world: Syncing, deletion: Deletion) -> tuple[Phase, str]:
    """One attempt to take the application away."""
    record = await world.reconciler.delete(world.app, deletion, Trigger(TriggerKind.SPEC), Course())
    return record.phase, record.message


async def test_an_application_is_taken_away(cluster: LocalCluster, namespace: str) -> None:
    """Hooks run before and after, pods are gone with their Deployment, a bystander stays, and the inventory went last."""
    async with syncing(cluster, namespace) as world:
        made(cluster, config_map(namespace, "bystander"))
        before, after = named("before", hook(namespace, "PreDelete")), hook(namespace, "PostDelete")
        record = await world.push(before, after, deployment(namespace), waved(config_map(namespace), 1))
        assert record.phase is Phase.SUCCEEDED, record.message
        assert jobs(cluster, namespace) == {}
        assert await deleted(world, Deletion(cascade=True)) == (Phase.SUCCEEDED, "2 hooks run, 2 pruned")
        assert cluster.api.get(f"/apis/apps/v1/namespaces/{namespace}/deployments")["items"] == []
        await until(lambda: jobs(cluster, namespace) == {})
        names = {entry["metadata"]["name"] for entry in cluster.api.get(f"/api/v1/namespaces/{namespace}/configmaps")["items"]}
        assert names - {"kube-root-ca.crt"} == {"bystander"}
        assert await world.port.inventory(world.app) == Inventory()


async def test_a_deletion_that_a_finalizer_holds_is_named_and_goes_on(cluster: LocalCluster, namespace: str) -> None:
    """At the deadline; the inventory still knows it, and the next attempt ends when the finalizer does."""
    async with syncing(cluster, namespace, own=AppSettings(health_timeout=3)) as world:
        stuck = config_map(namespace, "stuck")
        stuck["metadata"]["finalizers"] = ["example.test/never"]
        await world.push(stuck)
        phase, message = await deleted(world, Deletion(cascade=True))
        assert (phase, "held by example.test/never" in message) == (Phase.FAILED, True)
        ref = ObjectRef("", "ConfigMap", namespace, "stuck")
        assert ref in (await world.port.inventory(world.app)).members
        cluster.api.request("PATCH", path_of(ref), {"metadata": {"finalizers": None}}, "application/merge-patch+json")
        assert (await deleted(world, Deletion(cascade=True)))[0] is Phase.SUCCEEDED


async def test_objects_are_let_go_of(cluster: LocalCluster, namespace: str) -> None:
    """Detached by a prune, or by a deletion without cascade: they stay, without our marks, and are nobody's."""
    async with syncing(cluster, namespace) as world:
        leaving = config_map(namespace, "leaving")
        leaving["metadata"]["annotations"] = {"client.lifecycle.config.k8s.io/deletion": "detach"}
        await world.push(leaving, config_map(namespace, "other"))
        record = await world.push(config_map(namespace, "other"))
        assert record.phase is Phase.SUCCEEDED, record.message
        assert not (await world.reconciler.reconcile(world.app, WATCH)).attempted
        assert await deleted(world, Deletion(cascade=False)) == (Phase.SUCCEEDED, "1 left in place")
        for name in ("leaving", "other"):
            metadata = got(cluster, ObjectRef("", "ConfigMap", namespace, name))["metadata"]
            assert PART_OF_LABEL not in metadata.get("labels", {})
            assert OWNER_ANNOTATION not in metadata.get("annotations", {})


async def test_what_takes_data_with_it_waits(cluster: LocalCluster, namespace: str) -> None:
    """A claim that left Git stays until a person has confirmed it."""
    async with syncing(cluster, namespace) as world:
        spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, "storageClassName": "none"}
        metadata = {"name": "data", "namespace": namespace, "annotations": {"argocd.argoproj.io/ignore-healthcheck": "true"}}
        claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec}
        await world.push(claim, config_map(namespace))
        record = await world.push(config_map(namespace), trigger=Trigger(TriggerKind.MANUAL))
        assert [r.message for r in record.results] == ["not in Git; waits for confirmation: gitopsd confirm-prune shop"]
        assert cluster.api.get(f"/api/v1/namespaces/{namespace}/persistentvolumeclaims/data")["metadata"]["name"] == "data"

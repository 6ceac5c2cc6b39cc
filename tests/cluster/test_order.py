"""Hooks, waves and prunes on a real API server with its controllers: Jobs run, Deployments become available."""

from __future__ import annotations

from typing import Any

from gitopsd.model.app import AppSettings
from gitopsd.model.record import Phase, ResultStatus, SyncStatus
from gitopsd.model.refs import Object, ObjectRef
from localcluster import LocalCluster
from tests.cluster.hands import got, path_of
from tests.cluster.syncing import syncing
from tests.cluster.world import config_map, deployment
from tests.reconciling import WATCH
from tests.waiting import until


def hook(namespace: str, phases: str, policies: str = "", **spec: Any) -> Object:
    """A Job that is a hook and generates its names."""
    annotations = {"argocd.argoproj.io/hook": phases} | ({"argocd.argoproj.io/hook-delete-policy": policies} if policies else {})
    pod = {"restartPolicy": "Never", "containers": [{"name": "main", "image": "example.test/job:1"}]}
    metadata = {"namespace": namespace, "annotations": annotations, "generateName": f"{phases.lower().replace(',', '-')}-"}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": {"template": {"spec": pod}, **spec}}


def named(name: str, job: Object) -> Object:
    """The hook under a fixed name."""
    metadata = {key: value for key, value in job["metadata"].items() if key != "generateName"}
    return job | {"metadata": metadata | {"name": name}}


def waved(obj: Object, wave: int) -> Object:
    """The object in a wave."""
    return obj | {"metadata": obj["metadata"] | {"annotations": {"argocd.argoproj.io/sync-wave": str(wave)}}}


def jobs(cluster: LocalCluster, namespace: str) -> dict[str, Object]:
    """The Jobs that are there, by name."""
    found = cluster.api.get(f"/apis/batch/v1/namespaces/{namespace}/jobs")["items"]
    return {job["metadata"]["name"]: job for job in found}


async def test_hooks_run_to_their_end(cluster: LocalCluster, namespace: str) -> None:
    """A Job with a name, one that the TTL controller would collect at once, one that is deleted after it."""
    async with syncing(cluster, namespace) as world:
        migrate = named("migrate", hook(namespace, "PreSync"))
        brief = named("brief", hook(namespace, "PreSync", "HookFailed", ttlSecondsAfterFinished=0))
        report = hook(namespace, "PostSync", "HookSucceeded")
        objects = (migrate, brief, report, config_map(namespace))
        record = await world.push(*objects)
        assert (record.phase, record.sync) == (Phase.SUCCEEDED, SyncStatus.SYNCED), record.message
        assert [r.ref.kind for r in record.results] == ["Job", "Job", "ConfigMap", "Job"]
        found = jobs(cluster, namespace)
        assert "migrate" in found
        assert "finalizers" not in found["migrate"]["metadata"]
        # Its deletion takes its pods along first.
        await until(lambda: not any(name.startswith("postsync-") for name in jobs(cluster, namespace)))
        assert not (await world.reconciler.reconcile(world.app, WATCH)).attempted
        again = await world.push(*objects[:-1], config_map(namespace, changed="yes"))
        assert again.phase is Phase.SUCCEEDED, again.message
        assert jobs(cluster, namespace)["migrate"]["metadata"]["uid"] != found["migrate"]["metadata"]["uid"]


async def test_a_hook_left_with_its_finalizer_is_replaced(cluster: LocalCluster, namespace: str) -> None:
    """A crash in the middle of a hook, or Argo CD before us, leaves it: the next sync takes the finalizer away itself."""
    async with syncing(cluster, namespace) as world:
        migrate = named("migrate", hook(namespace, "PreSync"))
        await world.push(migrate, config_map(namespace))
        ref = ObjectRef("batch", "Job", namespace, "migrate")
        path = f"/apis/batch/v1/namespaces/{namespace}/jobs/migrate"
        held = {"metadata": {"finalizers": ["argocd.argoproj.io/hook-finalizer"]}}
        left = cluster.api.request("PATCH", path, held, "application/merge-patch+json")
        record = await world.push(migrate, config_map(namespace, key="2"))
        assert record.phase is Phase.SUCCEEDED, record.message
        assert jobs(cluster, namespace)[ref.name]["metadata"]["uid"] != left["metadata"]["uid"]


async def test_a_wave_waits_for_the_one_before(cluster: LocalCluster, namespace: str) -> None:
    """A Deployment has to be available before what depends on it; one that can't be scheduled ends the sync, with its reason."""
    async with syncing(cluster, namespace, own=AppSettings(health_timeout=3)) as world:
        too_large = deployment(namespace, "large", resources={"requests": {"cpu": "5000"}})
        after = waved(config_map(namespace, "after"), 1)
        record = await world.push(deployment(namespace), too_large, after)
        assert record.phase is Phase.FAILED
        assert f"the next wave waits in vain: after 3 s Deployment/{namespace}/large is Progressing" in record.message
        assert {r.ref.name: r.status for r in record.results}["after"] is ResultStatus.PENDING
        record = await world.push(deployment(namespace), after)
        assert record.phase is Phase.SUCCEEDED, record.message
        assert got(cluster, ObjectRef("", "ConfigMap", namespace, "after"))


async def test_a_prune_that_does_not_end_holds_up_what_goes_after_it(cluster: LocalCluster, namespace: str) -> None:
    """Waves go in the other direction; a finalizer that nobody serves is named at the deadline, and what it shields stays."""
    async with syncing(cluster, namespace, own=AppSettings(health_timeout=3)) as world:
        stuck = waved(config_map(namespace, "stuck"), 1)
        stuck["metadata"]["finalizers"] = ["example.test/never"]
        await world.push(config_map(namespace, "first"), stuck, config_map(namespace, "kept"))
        record = await world.push(config_map(namespace, "kept"))
        assert "in vain: after 3 s" in record.message
        assert "held by example.test/never" in record.message
        assert got(cluster, ObjectRef("", "ConfigMap", namespace, "first"))
        ref = ObjectRef("", "ConfigMap", namespace, "stuck")
        cluster.api.request("PATCH", path_of(ref), {"metadata": {"finalizers": None}}, "application/merge-patch+json")
        record = await world.push(config_map(namespace, "kept", key="2"))
        assert record.phase is Phase.SUCCEEDED, record.message
        assert (await world.port.inventory(world.app)).members.keys() == {ObjectRef("", "ConfigMap", namespace, "kept")}

"""Hooks and waves, as a whole: what runs when, what is waited for, and what becomes of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gitopsd.model.app import AppSettings
from gitopsd.model.errors import ObjectError
from gitopsd.model.health import Health, HealthStatus
from gitopsd.model.hooks import HOOK_FINALIZER
from gitopsd.model.plan import Action
from gitopsd.model.record import Phase, ResultStatus, SyncStatus, Trigger, TriggerKind
from gitopsd.model.refs import Object, ObjectRef
from tests.plan.builders import app, manifest, ref
from tests.reconciling import WATCH, World

RETRY = Trigger(TriggerKind.RETRY)
MANUAL = Trigger(TriggerKind.MANUAL)
FAILED = Health(HealthStatus.DEGRADED, "exit code 1")
BUSY = Health(HealthStatus.PROGRESSING, "1 active")


def hook(name: str, phases: str, policies: str = "", wave: int = 0, **fields: Any) -> Object:
    """A Job that is a hook."""
    said = {"argocd.argoproj.io/hook": phases, "argocd.argoproj.io/sync-wave": str(wave)}
    said |= {"argocd.argoproj.io/hook-delete-policy": policies} if policies else {}
    return manifest("Job", name, api="batch/v1", annotations=said, **fields)


def job(name: str) -> ObjectRef:
    """Its reference."""
    return ObjectRef("batch", "Job", "web", name)


def wave(name: str, number: int, **annotations: str) -> Object:
    """A ConfigMap of a wave."""
    return manifest(name=name, annotations={"argocd.argoproj.io/sync-wave": str(number)} | annotations)


async def test_phases_and_waves_run_in_order() -> None:
    """PreSync hooks by wave, then the waves, negative ones first, with Sync hooks among them, then PostSync."""
    world = World()
    objects = [wave("late", 5), wave("early", -1), wave("middle", 0), hook("within", "Sync", wave=2)]
    world.git.push("c1", hook("after", "PostSync"), hook("second", "PreSync", wave=1), hook("first", "PreSync"), *objects)
    record = await world.reconcile()
    assert [r.ref.name for r in record.results] == ["first", "second", "early", "middle", "within", "late", "after"]
    assert record.message == "4 hooks run, 3 created"


async def test_one_object_may_run_in_several_phases() -> None:
    """It is made anew for each, and both runs are in the record."""
    world = World()
    world.git.push("c1", hook("twice", "PreSync,PostSync"), manifest())
    record = await world.reconcile()
    assert [(r.ref.name, r.message) for r in record.results] == [
        ("twice", "PreSync hook"),
        ("settings", "not in the cluster"),
        ("twice", "PostSync hook"),
    ]
    assert len({r.uid for r in record.results}) == 3


@pytest.mark.parametrize(
    ("policies", "health", "stays"),
    [
        ("", None, True),
        ("HookSucceeded", None, False),
        ("HookSucceeded", FAILED, True),
        ("HookFailed", None, True),
        ("HookFailed", FAILED, False),
        ("BeforeHookCreation,HookFailed,HookSucceeded", None, False),
    ],
)
async def test_delete_policies(policies: str, health: Health | None, *, stays: bool) -> None:
    """Each says when the hook's object goes; one that stays has lost the finalizer that held it until its end was seen."""
    world = World()
    if health:
        world.cluster.healths[job("migrate")] = health
    world.git.push("c1", hook("migrate", "PreSync", policies), manifest())
    record = await world.reconcile()
    assert (job("migrate") in world.cluster.objects) is stays
    assert record.phase is (Phase.FAILED if health else Phase.SUCCEEDED)
    if stays:
        assert "finalizers" not in world.cluster.objects[job("migrate")]["metadata"]


async def test_a_hook_is_made_anew_with_each_sync() -> None:
    """BeforeHookCreation, the default; drift that is healed runs no hooks, a person's sync does."""
    world = World()
    world.git.push("c1", hook("migrate", "PreSync"), manifest(data={"a": "1"}))
    await world.reconcile()
    first = world.cluster.objects[job("migrate")]["metadata"]["uid"]
    world.change(ref("settings"), data={"a": "2"})
    assert (await world.reconcile(WATCH)).message == "1 configured"
    assert world.cluster.objects[job("migrate")]["metadata"]["uid"] == first
    await world.reconcile(MANUAL)
    assert world.cluster.objects[job("migrate")]["metadata"]["uid"] != first


async def test_a_hook_never_replaces_what_is_not_its_own_run() -> None:
    """Something else has the hook's name: nothing is written, and it stays."""
    world = World()
    world.cluster.put(manifest("Job", "migrate", api="batch/v1", namespace="web"))
    world.git.push("c1", hook("migrate", "PreSync"), manifest())
    record = await world.reconcile()
    assert "Job/web/migrate: HookNameTaken" in record.message
    assert world.names() == {"Job/web/migrate"}


async def test_hooks_may_generate_their_names() -> None:
    """Each run has a name of its own, is in the inventory under it, and is neither drift nor pruned with the next commit."""
    world = World()
    nameless = hook("", "PostSync")
    nameless["metadata"] = {"annotations": nameless["metadata"]["annotations"], "generateName": "report-"}
    world.git.push("c1", nameless, manifest(data={"a": "1"}))
    await world.reconcile()
    world.clock.advance(60)
    world.git.push("c2", nameless, manifest(data={"a": "2"}))
    record = await world.reconcile()
    runs = {r for r in world.cluster.objects if r.kind == "Job"}
    assert len(runs) == 2
    assert all(r.name.startswith("report-") and r.name.endswith("-postsync") for r in runs)
    assert runs < world.cluster.inventories[world.app.key].members.keys()
    assert record.sync is SyncStatus.SYNCED
    assert not (await world.reconcile(WATCH)).attempted


async def test_skip_is_never_applied() -> None:
    """The object stands in Git, and that is all."""
    world = World()
    world.git.push("c1", hook("example", "Skip"), manifest())
    record = await world.reconcile()
    assert (world.names(), record.sync) == ({"ConfigMap/web/settings"}, SyncStatus.SYNCED)


async def test_a_failed_hook_stops_the_sync_and_sync_fail_hooks_run() -> None:
    """What comes after it is not reached; the record has the hook's own reason; a sync that succeeds runs no SyncFail hook."""
    world = World()
    world.cluster.healths[job("migrate")] = FAILED
    world.git.push("c1", hook("migrate", "PreSync"), hook("clean", "SyncFail", "HookSucceeded"), manifest())
    record = await world.reconcile()
    assert record.message == "partly applied: Job/web/migrate is Degraded: exit code 1"
    assert {r.ref.name: r.status for r in record.results} == {
        "migrate": ResultStatus.SYNCED,
        "settings": ResultStatus.PENDING,
        "clean": ResultStatus.SYNCED,
    }
    world.cluster.healths.clear()
    record = await world.reconcile(RETRY)
    assert [r.ref.name for r in record.results] == ["migrate", "settings"]


async def test_a_failed_hook_after_the_sync_runs_again_with_the_retry() -> None:
    """All objects are in sync, and the sync failed all the same: a look does nothing, the retry runs the hook."""
    world = World()
    world.cluster.healths[job("test")] = FAILED
    world.git.push("c1", hook("test", "PostSync"), manifest())
    assert (await world.reconcile()).phase is Phase.FAILED
    assert not (await world.reconcile(WATCH)).attempted
    assert (await world.reconcile(RETRY)).phase is Phase.FAILED
    world.cluster.healths.clear()
    assert (await world.reconcile(RETRY)).phase is Phase.SUCCEEDED
    assert not (await world.reconcile(RETRY)).attempted


async def test_a_wait_has_a_deadline_and_names_what_it_waits_for() -> None:
    """With the reason of each object; the next wave is not reached."""
    world = World(app=app(prune=True, own=AppSettings(health_timeout=30)))
    world.cluster.healths |= {ref("a"): BUSY, ref("b"): Health(HealthStatus.SUSPENDED, "paused")}
    world.git.push("c1", manifest(name="a"), manifest(name="b"), wave("next", 1))
    record = await world.reconcile()
    waited = "ConfigMap/web/a is Progressing: 1 active; ConfigMap/web/b is Suspended: paused"
    assert record.message == f"partly applied: the next wave waits in vain: after 30 s {waited}"
    assert "ConfigMap/web/next" not in world.names()


async def test_a_wave_waits_for_what_was_there_already() -> None:
    """After a wave that took too long the retry does not pass it by, although nothing of it is left to write."""
    world = World()
    world.cluster.healths[ref("first")] = BUSY
    world.git.push("c1", wave("first", 0), wave("second", 1))
    await world.reconcile()
    await world.reconcile(RETRY)
    assert world.names() == {"ConfigMap/web/first"}
    world.cluster.healths.clear()
    await world.reconcile(RETRY)
    assert world.names() == {"ConfigMap/web/first", "ConfigMap/web/second"}


async def test_health_can_be_ignored() -> None:
    """Such an object holds up no wave, and does not count for the application."""
    world = World()
    world.cluster.healths[ref("first")] = FAILED
    world.git.push("c1", wave("first", 0, **{"argocd.argoproj.io/ignore-healthcheck": "true"}), wave("second", 1))
    record = await world.reconcile()
    assert (record.phase, record.health.status) == (Phase.SUCCEEDED, HealthStatus.HEALTHY)


async def test_hooks_are_tried_before_anything_is_written() -> None:
    """Invariant 1 holds for them too, and a look asks nothing about them."""
    world = World()
    refusal = ObjectError(job("test"), "dry-run", "Forbidden", "denied")
    world.cluster.failures["dry_run", job("test")] = refusal
    world.git.push("c1", hook("test", "PostSync"), manifest())
    assert "nothing was written: Job/web/test: Forbidden: denied" in (await world.reconcile()).message
    world.cluster.failures.clear()
    await world.reconcile(RETRY)
    await world.reconcile(WATCH)
    assert world.cluster.called("dry_run", "write") == []


async def test_what_is_pruned_last_waits_for_the_rest() -> None:
    """PruneLast, said by the application or by the object: only when all that is new is healthy."""
    world = World(app=app("PruneLast=true", prune=True))
    world.git.push("c1", manifest(name="old"))
    await world.reconcile()
    world.cluster.healths[ref("new")] = BUSY
    world.git.push("c2", manifest(name="new"))
    await world.reconcile()
    assert world.names() == {"ConfigMap/web/new", "ConfigMap/web/old"}
    world.cluster.healths.clear()
    record = await world.reconcile(RETRY)
    assert world.names() == {"ConfigMap/web/new"}
    assert [r.action for r in record.results] == [Action.PRUNE]


async def test_a_hook_is_held_while_it_runs() -> None:
    """The finalizer keeps it from being collected before its end was seen."""
    world = World()
    sent: list[Object] = []
    write = world.cluster.write

    async def spy(of: Any, step: Any) -> Any:
        sent.append(json.loads(step.desired.body)["metadata"])
        return await write(of, step)

    world.cluster = type("Spied", (type(world.cluster),), {"write": lambda _, *asked: spy(*asked)})(objects=world.cluster.objects)
    world.restart()
    world.git.push("c1", hook("migrate", "PreSync"))
    await world.reconcile(MANUAL)
    assert [metadata.get("finalizers") for metadata in sent] == [[HOOK_FINALIZER], None]

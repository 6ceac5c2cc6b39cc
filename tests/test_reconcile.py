"""The sentence, as a whole: from what Git holds to what the cluster has, and a record of it."""

from __future__ import annotations

import asyncio

import pytest

from gitopsd.model.app import AppSettings
from gitopsd.model.errors import ClusterError, ObjectError, Place, RenderError, SourceError
from gitopsd.model.health import Health, HealthStatus
from gitopsd.model.record import DriftOutcome, Phase, ResultStatus, SyncStatus, Trigger, TriggerKind
from tests.plan.builders import app, manifest, ref
from tests.reconciling import POLL, WATCH, World

MANUAL = Trigger(TriggerKind.MANUAL, actor="ann")


async def test_a_commit_goes_live_and_is_recorded() -> None:
    """Objects are created, and the record names trigger, revision, author and each object."""
    world = World()
    world.git.push("c1", manifest(name="a"), manifest(name="b"))
    record = await world.reconcile()
    assert world.names() == {"ConfigMap/web/a", "ConfigMap/web/b"}
    assert (record.phase, record.sync, record.health.status) == (Phase.SUCCEEDED, SyncStatus.SYNCED, HealthStatus.HEALTHY)
    assert (record.revision, record.commits[0].author, record.trigger.kind) == ("c1", "Ada", TriggerKind.POLL)
    assert [(str(r.ref), r.status) for r in record.results] == [
        ("ConfigMap/web/a", ResultStatus.SYNCED),
        ("ConfigMap/web/b", ResultStatus.SYNCED),
    ]
    assert len(world.history.records) == 1


async def test_a_pass_without_change_asks_and_remembers_nothing() -> None:
    """Everything in sync: neither dry run nor write, and no record."""
    world = World()
    world.git.push("c1", manifest())
    await world.reconcile()
    record = await world.reconcile(WATCH)
    assert world.cluster.called("dry_run", "write") == []
    assert (record.sync, record.attempted) == (SyncStatus.SYNCED, False)
    assert len(world.history.records) == 1


async def test_what_left_git_is_pruned_and_a_bystander_stays() -> None:
    """Only what this application made goes."""
    world = World()
    world.git.push("c1", manifest(name="a"), manifest(name="b"))
    await world.reconcile()
    world.cluster.put(manifest(name="bystander", namespace="web"))
    world.git.push("c2", manifest(name="a"))
    record = await world.reconcile()
    assert world.names() == {"ConfigMap/web/a", "ConfigMap/web/bystander"}
    assert [(str(r.ref), r.status) for r in record.results] == [("ConfigMap/web/b", ResultStatus.PRUNED)]
    assert ref("b") not in world.cluster.inventories[world.app.key].members


async def test_a_commit_that_can_not_be_rendered_changes_nothing() -> None:
    """Live stays, the record and its condition name the file; it is remembered once; the next commit mends it."""
    world = World()
    world.git.push("c1", manifest())
    await world.reconcile()
    error = RenderError("missing.yaml does not exist", Place("ops/kustomization.yaml", 1, field="resources[1]"))
    world.git.push("c2", failure=error)
    record = await world.reconcile()
    await world.reconcile()
    assert world.names() == {"ConfigMap/web/settings"}
    assert (record.phase, record.sync, record.revision) == (Phase.FAILED, SyncStatus.UNKNOWN, "c2")
    assert record.conditions[0].message == "ops/kustomization.yaml:1: resources[1]: missing.yaml does not exist"
    assert len(world.history.records) == 2
    world.git.push("c3", manifest(data={"a": "1"}))
    assert (await world.reconcile()).sync is SyncStatus.SYNCED


@pytest.mark.parametrize("where", ["git", "cluster"])
async def test_what_can_not_be_reached_deletes_nothing(where: str) -> None:
    """Neither a dead repository nor a dead cluster is an empty one."""
    world = World()
    world.git.push("c1", manifest())
    await world.reconcile()
    if where == "git":
        world.git.unreachable = SourceError("refused", "repo")
    else:
        world.cluster.down = "refused"
    record = await world.reconcile()
    assert (record.phase, record.sync) == (Phase.ERROR, SyncStatus.UNKNOWN)
    assert "refused" in record.message
    assert world.names() == {"ConfigMap/web/settings"}


async def test_a_refused_dry_run_writes_nothing_at_all() -> None:
    """Invariant 1: one refusal stops the whole set, each refused object is named with the server's words."""
    world = World()
    world.git.push("c1", manifest(name="a"), manifest(name="b"))
    refusal = ObjectError(ref("b"), "dry-run", "Forbidden", "denied by policy")
    world.cluster.failures["dry_run", ref("b")] = refusal
    record = await world.reconcile()
    assert world.names() == set()
    assert world.cluster.called("write") == []
    assert (record.phase, record.sync) == (Phase.FAILED, SyncStatus.OUT_OF_SYNC)
    assert "nothing was written: ConfigMap/web/b: Forbidden: denied by policy" in record.message


async def test_a_write_that_fails_after_all_is_said() -> None:
    """A dry run is no transaction: the record says "partly applied", what was written, and what was not reached."""
    world = World()
    service = manifest("Service", "c")
    world.git.push("c1", manifest(name="a"), manifest(name="b"), service)
    world.cluster.failures["write", ref("b")] = ObjectError(ref("b"), "apply", "QuotaExceeded", "no room")
    record = await world.reconcile()
    assert record.phase is Phase.FAILED
    assert record.message.startswith("partly applied: ConfigMap/web/b: apply failed (QuotaExceeded)")
    assert [r.status for r in record.results] == [ResultStatus.SYNCED, ResultStatus.SYNC_FAILED, ResultStatus.PENDING]
    del world.cluster.failures["write", ref("b")]
    again = await world.reconcile(Trigger(TriggerKind.RETRY))
    assert (again.phase, again.sync) == (Phase.SUCCEEDED, SyncStatus.SYNCED)
    assert [str(r.ref) for r in again.results] == ["ConfigMap/web/b", "Service/web/c"]


async def test_a_namespace_in_the_set_comes_before_what_lives_in_it() -> None:
    """Steps that can't pass their dry run before the namespace is there are deferred, not refused."""
    world = World(app=app(prune=True, namespace="new"))
    world.git.push("c1", manifest(name="a"), manifest("Namespace", "new"))
    record = await world.reconcile()
    assert (record.phase, record.sync) == (Phase.SUCCEEDED, SyncStatus.SYNCED)
    assert [str(r) for r in world.cluster.called("write")] == ["Namespace/new", "ConfigMap/new/a"]


async def test_a_namespace_that_nobody_makes_is_a_refusal() -> None:
    """The server's reason is passed on."""
    world = World(app=app(prune=True, namespace="nowhere"))
    world.git.push("c1", manifest())
    record = await world.reconcile()
    assert 'namespaces "nowhere" not found' in record.message
    assert world.names() == set()


async def test_create_namespace_makes_it_and_never_owns_it() -> None:
    """It is no member of the inventory, so it is never pruned."""
    world = World(app=app("CreateNamespace=true", namespace="new", prune=True))
    world.git.push("c1", manifest())
    assert (await world.reconcile()).sync is SyncStatus.SYNCED
    assert {str(r) for r in world.cluster.inventories[world.app.key].members} == {"ConfigMap/new/settings"}


async def test_drift_is_recorded_and_healed() -> None:
    """A change by hand goes back, and the drift says what was changed."""
    world = World()
    world.git.push("c1", manifest(data={"replicas": "2"}))
    await world.reconcile()
    world.change(ref("settings"), data={"replicas": "9"})
    record = await world.reconcile(WATCH)
    assert world.cluster.objects[ref("settings")]["data"] == {"replicas": "2"}
    (drift,) = record.drifts
    assert (drift.change.field, drift.change.before, drift.change.after) == ("data.replicas", "9", "2")
    assert drift.outcome is DriftOutcome.HEALED
    assert record.attempted


async def test_a_deleted_object_comes_back() -> None:
    """That is drift too: of the whole object."""
    world = World()
    world.git.push("c1", manifest())
    await world.reconcile()
    world.delete(ref("settings"))
    record = await world.reconcile(WATCH)
    assert world.names() == {"ConfigMap/web/settings"}
    assert [(drift.change.field, drift.change.operation) for drift in record.drifts] == [("", "Delete")]


async def test_without_self_heal_drift_is_reported() -> None:
    """It counts as OutOfSync, and nothing is written; a new commit still goes live."""
    world = World(app=app(prune=True))
    world.git.push("c1", manifest(data={"a": "1"}))
    await world.reconcile()
    world.change(ref("settings"), data={"a": "2"})
    record = await world.reconcile(WATCH)
    assert world.cluster.called("write") == []
    assert (record.sync, record.drifts[0].outcome) == (SyncStatus.OUT_OF_SYNC, DriftOutcome.REPORTED)
    world.git.push("c2", manifest(data={"a": "3"}))
    assert (await world.reconcile()).sync is SyncStatus.SYNCED


async def test_drift_can_be_reported_only() -> None:
    """`gitopsd.dev/drift: report` keeps what somebody changed, and shows it."""
    world = World(app=app(prune=True, self_heal=True, own=AppSettings(report_drift=True)))
    world.git.push("c1", manifest(data={"a": "1"}))
    await world.reconcile()
    world.change(ref("settings"), data={"a": "2"})
    record = await world.reconcile(WATCH)
    assert (record.sync, record.drifts[0].outcome) == (SyncStatus.OUT_OF_SYNC, DriftOutcome.REPORTED)


async def test_without_automation_only_a_person_syncs() -> None:
    """A poll only looks; a manual sync writes, and names who asked."""
    world = World(app=app())
    world.git.push("c1", manifest())
    assert (await world.reconcile()).sync is SyncStatus.OUT_OF_SYNC
    assert world.names() == set()
    record = await world.reconcile(MANUAL)
    assert (record.sync, record.trigger.actor) == (SyncStatus.SYNCED, "ann")


async def test_a_dry_run_writes_nothing() -> None:
    """The plan is shown, and not remembered."""
    world = World()
    world.git.push("c1", manifest())
    record = await world.reconcile(Trigger(TriggerKind.MANUAL, dry_run=True))
    assert [(str(r.ref), r.status) for r in record.results] == [("ConfigMap/web/settings", ResultStatus.PENDING)]
    assert world.names() == set()
    assert world.history.records == {}


async def test_a_failed_sync_waits_for_its_retry() -> None:
    """Watch events in between don't hammer the server with a write that it refuses."""
    world = World()
    world.git.push("c1", manifest())
    world.cluster.failures["dry_run", ref("settings")] = ObjectError(ref("settings"), "dry-run", "Invalid", "no")
    await world.reconcile()
    assert not (await world.reconcile(WATCH)).attempted
    assert (await world.reconcile(Trigger(TriggerKind.RETRY))).attempted


async def test_another_applications_object_is_refused_and_named() -> None:
    """Two applications that want one object: the second is told about the first."""
    world = World()
    world.git.push("c1", manifest())
    await world.reconcile()
    first, world.app = world.app, app(prune=True)
    world.app = type(first)(type(first.key)("argocd", "other"), world.app.spec)
    record = await world.reconcile()
    assert "application argocd/shop owns it, and argocd/other wants it too" in record.message
    assert record.phase is Phase.FAILED


async def test_an_unowned_object_is_adopted() -> None:
    """Found by the dry run of its creation, and taken over with all that Git says of it."""
    world = World()
    world.cluster.put(manifest(namespace="web", data={"old": "1"}))
    world.git.push("c1", manifest(data={"new": "1"}))
    record = await world.reconcile()
    assert record.sync is SyncStatus.SYNCED
    assert "taken over" in record.results[0].message


async def test_health_is_that_of_the_worst_object() -> None:
    """And the record says which object it is."""
    world = World()
    world.git.push("c1", manifest(name="a"), manifest(name="b"))
    world.cluster.healths[ref("b")] = Health(HealthStatus.DEGRADED, "crashes")
    record = await world.reconcile()
    assert (record.sync, record.health.status) == (SyncStatus.SYNCED, HealthStatus.DEGRADED)
    assert "ConfigMap/web/b: crashes" in record.health.message


async def test_a_restart_goes_on_where_it_was() -> None:
    """Nothing is written again, and drift is still drift: the history remembers what was synced last."""
    world = World()
    world.git.push("c1", manifest(data={"a": "1"}))
    await world.reconcile()
    world.restart()
    assert not (await world.reconcile(Trigger(TriggerKind.START))).attempted
    assert world.cluster.called("write") == []
    world.change(ref("settings"), data={"a": "2"})
    assert (await world.reconcile(WATCH)).drifts[0].outcome is DriftOutcome.HEALED


async def test_hooks_run_before_and_after() -> None:
    """PreSync before anything else, PostSync at the end; and a hook alone is no reason for a sync."""
    world = World()
    hooks = [
        manifest("Job", phase.lower(), api="batch/v1", annotations={"argocd.argoproj.io/hook": phase})
        for phase in ("PostSync", "PreSync")
    ]
    world.git.push("c1", *hooks, manifest())
    record = await world.reconcile()
    assert record.phase is Phase.SUCCEEDED
    assert list(dict.fromkeys(r.name for r in world.cluster.called("write") if r)) == ["presync", "settings", "postsync"]
    assert [str(state.ref) for state in record.resources] == ["ConfigMap/web/settings"]
    assert not (await world.reconcile(WATCH)).attempted


async def test_a_wave_that_degrades_stops_the_sync() -> None:
    """The next wave is not reached, and the reason is the object's own."""
    world = World()
    world.cluster.healths[ref("first")] = Health(HealthStatus.DEGRADED, "crashes")
    world.git.push("c1", manifest(name="first"), manifest(name="second", annotations={"argocd.argoproj.io/sync-wave": "1"}))
    record = await world.reconcile()
    assert record.message == "partly applied: ConfigMap/web/first is Degraded: crashes"
    assert world.names() == {"ConfigMap/web/first"}


async def test_a_terminated_sync_is_closed_in_the_history() -> None:
    """What a person ends, or the end of the daemon, leaves no record under way."""
    world = World()
    world.git.push("c1", manifest())
    started = asyncio.Event()

    async def never(*_: object) -> None:
        started.set()
        await asyncio.Event().wait()

    world.cluster = type("Hanging", (type(world.cluster),), {"write": never})(objects=world.cluster.objects)
    world.restart()
    task = asyncio.create_task(world.reconcile())
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    (record,) = world.history.records.values()
    assert (record.phase, record.finished is not None) == (Phase.FAILED, True)


async def test_a_secret_is_never_in_a_record() -> None:
    """Neither old nor new value; the change itself is visible."""
    world = World()
    world.git.push("c1", manifest("Secret", "s", stringData={"password": "hunter2-old"}))
    await world.reconcile()
    world.git.push("c2", manifest("Secret", "s", stringData={"password": "hunter2-new"}))
    record = await world.reconcile()
    assert [change.field for change in record.results[0].changes] == ["data.password"]
    assert "hunter2" not in str(record)
    assert "aHVudGVyMi" not in str(record)


async def test_cluster_errors_during_an_apply_are_said() -> None:
    """The cluster goes away half-way: the record says how far it came."""
    world = World()
    world.git.push("c1", manifest(name="a"), manifest("Service", "b"))
    world.cluster.failures["write", ref("b", "Service")] = ClusterError("fake", "gone")
    record = await world.reconcile()
    assert record.message == "partly applied: cluster fake: gone"
    assert world.history.records[1].phase is Phase.FAILED


@pytest.mark.parametrize("trigger", [POLL, MANUAL])
async def test_skipping_a_prune_is_out_of_sync_but_no_reason_to_sync(trigger: Trigger) -> None:
    """Without prune what left Git stays, is shown, and does not make the daemon sync for ever."""
    world = World(app=app(self_heal=True))
    world.git.push("c1", manifest(name="a"), manifest(name="b"))
    await world.reconcile()
    world.git.push("c2", manifest(name="a"))
    record = await world.reconcile(trigger)
    assert record.sync is SyncStatus.OUT_OF_SYNC
    assert record.attempted == (trigger is MANUAL)
    assert "ConfigMap/web/b" in world.names()

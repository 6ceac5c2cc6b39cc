"""What a project permits, seen from the whole pass."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from gitopsd.model.project import UNRESTRICTED
from gitopsd.model.record import Phase, SyncStatus, Trigger, TriggerKind
from tests.plan.builders import manifest
from tests.plan.test_confine import project
from tests.reconciling import World

MANUAL = Trigger(TriggerKind.MANUAL, actor="ann")


def restricted(world: World, **spec: Any) -> None:
    """The application's project is one with this spec from now on."""
    world.app = replace(world.app, project=project(**spec))


async def test_an_application_that_its_project_refuses() -> None:
    """Nothing is fetched, asked or changed, whoever asks; the condition is Argo CD's, and what is mended goes on by itself."""
    world = World()
    restricted(world, sourceRepos=["https://elsewhere/*"])
    world.git.push("c1", manifest())
    for trigger in (Trigger(TriggerKind.POLL), MANUAL):
        record = await world.reconcile(trigger)
        assert (record.phase, record.sync, record.commits) == (Phase.ERROR, SyncStatus.UNKNOWN, ())
        (condition,) = record.conditions
        assert condition.type == "InvalidSpecError"
        assert condition.message == "project web does not permit the repository repo: add it to its sourceRepos"
    assert world.cluster.calls == []
    restricted(world)
    assert (await world.reconcile()).sync is SyncStatus.SYNCED


async def test_a_commit_with_an_object_that_its_project_refuses() -> None:
    """Nothing of it is written, what it permits neither; what was live stays."""
    world = World()
    restricted(world)
    world.git.push("c1", manifest(name="a"))
    await world.reconcile()
    world.git.push("c2", manifest(name="a", data={"key": "2"}), manifest(name="b", namespace="kube-system"))
    restricted(world, destinations=[{"server": "*", "namespace": "web"}])
    record = await world.reconcile()
    assert record.phase is Phase.FAILED
    assert "nothing was written: ConfigMap/kube-system/b" in record.message
    assert "project web does not permit the namespace kube-system" in record.message
    assert world.names() == {"ConfigMap/web/a"}
    assert world.cluster.called("write") == []


async def test_rules_hold_for_the_commit_that_is_live_already() -> None:
    """A rule that is made stricter is noticed with the next pass, though Git has not moved."""
    world = World()
    world.git.push("c1", manifest())
    assert world.app.project is UNRESTRICTED
    assert (await world.reconcile()).sync is SyncStatus.SYNCED
    restricted(world, namespaceResourceWhitelist=[])
    record = await world.reconcile()
    assert (record.sync, world.names()) == (SyncStatus.OUT_OF_SYNC, {"ConfigMap/web/settings"})


async def test_what_left_git_and_is_permitted_no_longer_stays() -> None:
    """It is not pruned, and why it is out of sync is a condition; what a sync would do is told as it is."""
    world = World()
    world.git.push("c1", manifest(name="a"), manifest(name="b"))
    await world.reconcile()
    restricted(world, namespaceResourceWhitelist=[])
    preview = await world.reconcile(Trigger(TriggerKind.MANUAL, dry_run=True))
    assert preview.message.startswith("nothing would be written: ConfigMap/web/a: NotPermitted: project web does not permit it")
    assert preview.message.endswith("(and 1 more)")
    world.git.push("c2")
    record = await world.reconcile()
    assert (record.sync, world.names()) == (SyncStatus.OUT_OF_SYNC, {"ConfigMap/web/a", "ConfigMap/web/b"})
    (condition,) = record.conditions
    assert condition.type == "PruneSkipped"
    assert condition.message.startswith("ConfigMap/web/a: not in Git; left in place: project web does not permit it: add ")
    assert condition.message.endswith(" to its namespaceResourceWhitelist (and 1 more)")


def window(kind: str, **fields: Any) -> dict[str, Any]:
    """A window for every application, that opens at ten in the evening for eight hours."""
    return {"kind": kind, "schedule": "0 22 * * *", "duration": "8h", "applications": ["*"]} | fields


async def test_a_sync_waits_for_its_window() -> None:
    """What differs is shown and left; a person who asks is refused; when the window turns, it is done without another commit.

    What is refused was no sync: nothing that is judged by the last one is told so.
    """
    world = World()
    world.clock.time = datetime(2026, 3, 2, 23, 0, tzinfo=UTC)
    restricted(world, syncWindows=[window("deny")])
    world.git.push("c1", manifest())
    record = await world.reconcile()
    assert (record.sync, record.attempted, world.names()) == (SyncStatus.OUT_OF_SYNC, False, set())
    (condition,) = record.conditions
    assert (condition.type, condition.message) == (
        "SyncWindow",
        'the deny window "0 22 * * *" of project default denies syncs until 2026-03-03 06:00 UTC',
    )
    record = await world.reconcile(MANUAL)
    assert (record.phase, record.refused, world.names()) == (Phase.FAILED, True, set())
    assert record.message.startswith("nothing was written: the deny window")
    assert (record.id, await world.history.last(world.app.key)) == ("1", None)
    world.clock.time = datetime(2026, 3, 3, 6, 1, tzinfo=UTC)
    record = await world.reconcile(Trigger(TriggerKind.WINDOW))
    assert (record.phase, record.conditions, world.names()) == (Phase.SUCCEEDED, (), {"ConfigMap/web/settings"})


async def test_a_person_may_sync_where_the_window_says_so() -> None:
    """With manualSync a closed window holds what happens by itself, and nobody who asks."""
    world = World()
    world.clock.time = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
    restricted(world, syncWindows=[window("allow", manualSync=True)])
    world.git.push("c1", manifest())
    assert not (await world.reconcile()).attempted
    assert (await world.reconcile(MANUAL)).phase is Phase.SUCCEEDED

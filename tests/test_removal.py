"""Taking an application away: in which order, what stays, and what a crash in the middle leaves to the next attempt."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gitopsd.model.app import App
from gitopsd.model.deletion import Deletion
from gitopsd.model.errors import ObjectError, RenderError
from gitopsd.model.health import Health, HealthStatus
from gitopsd.model.plan import Action
from gitopsd.model.record import Phase, ResultStatus, SyncRecord, Trigger, TriggerKind
from gitopsd.model.refs import Object
from gitopsd.waiting import Course
from tests.plan.builders import app, manifest, ref
from tests.reconciling import World
from tests.test_hooks import hook, job, wave

CASCADE = Deletion(cascade=True, by="ann")


async def delete(world: World, deletion: Deletion = CASCADE, of: App | None = None) -> SyncRecord:
    """One attempt."""
    world.cluster.calls.clear()
    return await world.reconciler.delete(of or world.app, deletion, Trigger(TriggerKind.SPEC), Course())


async def synced(*objects: Object, of: App | None = None) -> World:
    """A world in which these are live, and a bystander."""
    world = World(app=of) if of else World()
    world.cluster.put(manifest(name="bystander", namespace="web"))
    world.git.push("c1", *objects)
    await world.reconcile()
    return world


async def test_objects_go_in_mirrored_order_between_the_hooks() -> None:
    """PreDelete, the highest wave first, PostDelete; neither hooks nor inventory are left, and the bystander is."""
    world = await synced(hook("after", "PostDelete"), hook("before", "PreDelete"), wave("a", 0), wave("b", 2), wave("c", 1))
    assert world.names() == {f"ConfigMap/web/{name}" for name in ("a", "b", "c", "bystander")}
    record = await delete(world)
    assert [r.ref.name for r in record.results] == ["before", "b", "c", "a", "after"]
    assert record.phase is Phase.SUCCEEDED
    assert world.names() == {"ConfigMap/web/bystander"}
    assert world.app.key not in world.cluster.inventories
    assert (await delete(world)).phase is Phase.SUCCEEDED


async def test_without_cascade_objects_stay_as_nobodys() -> None:
    """Another application may have them without asking."""
    world = await synced(manifest(name="a"))
    record = await delete(world, Deletion(cascade=False))
    assert [(r.action, r.status) for r in record.results] == [(Action.DETACH, ResultStatus.SYNCED)]
    assert "ConfigMap/web/a" in world.names()
    world.app = replace(world.app, key=type(world.app.key)("argocd", "other"))
    assert (await world.reconcile()).phase is Phase.SUCCEEDED


@pytest.mark.parametrize("by", ["object", "application"])
async def test_delete_false(by: str) -> None:
    """What says so stays, without our marks; the rest goes."""
    said = {"argocd.argoproj.io/sync-options": "Delete=false"} if by == "object" else {}
    of = app(*(["Delete=false"] if by == "application" else []), prune=True, self_heal=True)
    sure = {"argocd.argoproj.io/sync-options": "Delete=true"}
    world = await synced(manifest(name="a", annotations=said), manifest(name="b", annotations=sure), of=of)
    assert (await delete(world)).phase is Phase.SUCCEEDED
    assert world.names() == {"ConfigMap/web/a", "ConfigMap/web/bystander"}
    assert "gitopsd.dev/owner" not in world.cluster.objects[ref("a")]["metadata"]["annotations"]


async def test_delete_confirm_waits_for_a_person() -> None:
    """A finalizer is not enough; the inventory stays until it is said."""
    world = await synced(manifest(name="a", annotations={"argocd.argoproj.io/sync-options": "Delete=confirm"}))
    record = await delete(world, Deletion(cascade=True))
    assert record.message == "ConfigMap/web/a waits for confirmation: gitopsd delete shop --cascade"
    assert record.conditions[0].type == "DeletionError"
    assert ref("a") in world.cluster.inventories[world.app.key].members
    assert (await delete(world)).phase is Phase.SUCCEEDED


async def test_what_is_not_ours_any_more_stays() -> None:
    """Every deletion passes `can_prune`: an object that lost its mark, or was made anew by somebody, is nobody's to delete."""
    world = await synced(manifest(name="a"), manifest(name="b"))
    world.cluster.put(manifest(name="a", namespace="web"))
    record = await delete(world)
    assert record.phase is Phase.SUCCEEDED
    assert world.names() == {"ConfigMap/web/a", "ConfigMap/web/bystander"}


async def test_a_refusal_deletes_nothing() -> None:
    """The server's dry run decides over deletions too."""
    world = await synced(manifest(name="a"), manifest(name="b"))
    world.cluster.failures["dry_run", ref("b")] = ObjectError(ref("b"), "dry-run of the deletion", "Forbidden", "protected")
    record = await delete(world)
    assert "nothing was written: ConfigMap/web/b: Forbidden: protected" in record.message
    assert world.cluster.called("write") == []


async def test_a_failed_hook_holds_the_deletion_up() -> None:
    """Its reason is said, and the next attempt runs it again."""
    world = await synced(hook("backup", "PreDelete"), manifest(name="a"))
    world.cluster.healths[job("backup")] = Health(HealthStatus.DEGRADED, "exit code 1")
    assert "Job/web/backup is Degraded: exit code 1" in (await delete(world)).message
    assert "ConfigMap/web/a" in world.names()
    world.cluster.healths.clear()
    assert (await delete(world)).phase is Phase.SUCCEEDED
    assert world.names() == {"ConfigMap/web/bystander"}


@pytest.mark.parametrize("insists", [True, False])
async def test_hooks_that_can_not_be_rendered(*, insists: bool) -> None:
    """There are none, unless a finalizer says that there have to be."""
    world = await synced(manifest(name="a"))
    world.git.push("c2", failure=RenderError("is broken"))
    finalizers = ("pre-delete-finalizer.argocd.argoproj.io",) if insists else ()
    record = await delete(world, of=replace(world.app, finalizers=finalizers))
    assert record.phase is (Phase.ERROR if insists else Phase.SUCCEEDED)
    assert ("ConfigMap/web/a" in world.names()) is insists

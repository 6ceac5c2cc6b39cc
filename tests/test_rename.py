"""An application under a new name takes the objects of the old one along; nobody else's."""

from __future__ import annotations

from dataclasses import replace

from gitopsd.model.app import AppKey
from gitopsd.model.record import Phase, SyncRecord, Trigger, TriggerKind
from gitopsd.waiting import Course
from tests.plan.builders import manifest, ref
from tests.reconciling import World

OLD, NEW = AppKey("argocd", "shop"), AppKey("argocd", "store")


async def renamed(world: World, *left: AppKey) -> SyncRecord:
    """The first pass under the new name."""
    app = replace(world.app, key=NEW)
    return await world.reconciler.reconcile(app, Trigger(TriggerKind.SPEC), Course(has_left=frozenset(left)))


async def test_objects_come_along() -> None:
    """They are the very same objects, in the new inventory, and not in the old one, which is gone."""
    world = World()
    world.git.push("c1", manifest(name="a"), manifest(name="b"))
    await world.reconcile()
    uid = world.cluster.objects[ref("a")]["metadata"]["uid"]
    record = await renamed(world, OLD)
    assert (record.phase, record.warnings) == (Phase.SUCCEEDED, ())
    assert world.cluster.objects[ref("a")]["metadata"]["uid"] == uid
    assert world.cluster.inventories.keys() == {NEW}
    assert not (await renamed(world, OLD)).attempted


async def test_what_nobody_wants_is_named() -> None:
    """It stays where it is, and in the old inventory."""
    world = World()
    world.git.push("c1", manifest(name="a"), manifest(name="b"))
    await world.reconcile()
    world.git.push("c2", manifest(name="a"))
    record = await renamed(world, OLD)
    assert record.warnings == ("application argocd/shop is no more, and has left 1 objects behind: ConfigMap/web/b",)
    assert world.names() == {"ConfigMap/web/a", "ConfigMap/web/b"}
    assert world.cluster.inventories[OLD].members.keys() == {ref("b")}


async def test_an_application_that_is_still_there_keeps_its_objects() -> None:
    """As before: refused, and both are named."""
    world = World()
    world.git.push("c1", manifest(name="a"))
    await world.reconcile()
    record = await renamed(world)
    assert "application argocd/shop owns it, and argocd/store wants it too" in record.message

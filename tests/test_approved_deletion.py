"""Argo CD's way to confirm deletions: an annotation with a time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from gitopsd.model.record import Trigger, TriggerKind
from tests.plan.builders import manifest
from tests.reconciling import World

CLAIM = manifest("PersistentVolumeClaim", "data")


@pytest.mark.parametrize(("after", "goes"), [(60.0, True), (-60.0, False), (None, False)])
async def test_an_approval_is_for_what_waited_before(after: float | None, *, goes: bool) -> None:
    """One that is older than the wait approved something else; what is no time approves nothing."""
    world = World()
    world.git.push("c1", CLAIM, manifest(name="a"))
    await world.reconcile()
    world.git.push("c2", manifest(name="a"))
    await world.reconcile()
    assert "PersistentVolumeClaim/web/data" in world.names()
    time = "yes" if after is None else (world.clock.now() + timedelta(seconds=after)).isoformat()
    world.app = replace(world.app, annotations={"argocd.argoproj.io/deletion-approved": time})
    await world.reconcile(Trigger(TriggerKind.SPEC))
    assert ("PersistentVolumeClaim/web/data" not in world.names()) is goes


async def test_what_a_sync_leaves_waiting_is_what_is_confirmed() -> None:
    """A confirmation right after a sync that pruned something else as well is for what is left, as the next look finds it."""
    world = World()
    world.git.push("c1", CLAIM, manifest(name="a"), manifest(name="b"))
    await world.reconcile()
    world.git.push("c2", manifest(name="a"))
    synced = await world.reconcile()
    assert world.names() >= {"PersistentVolumeClaim/web/data"}
    assert "ConfigMap/web/b" not in world.names()
    assert synced.candidates
    assert (await world.reconcile()).candidates == synced.candidates

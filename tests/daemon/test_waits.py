"""Syncs that wait: for health, with a newer commit on its way, and for other applications."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace

import pytest

from gitopsd.daemon.agent import Agent
from gitopsd.model.app import App, AppKey, AppSettings
from gitopsd.model.health import Health, HealthStatus
from gitopsd.model.record import Condition, Phase, SyncStatus, Trigger, TriggerKind
from gitopsd.model.refs import Object, ObjectRef
from gitopsd.model.status import AppStatus
from tests.fakes import FakeCluster
from tests.plan.builders import app, manifest, ref
from tests.reconciling import World
from tests.serving import named
from tests.waiting import until

MANUAL = Trigger(TriggerKind.MANUAL, actor="ann")
BUSY = Health(HealthStatus.PROGRESSING, "0 of 1 ready")


@dataclass(slots=True)
class PatientCluster(FakeCluster):
    """Its second look at what is not healthy lasts until `move` is set."""

    move: asyncio.Event = field(default_factory=asyncio.Event)
    looks: int = 0

    async def settle(self, app: App, refs: frozenset[ObjectRef], deadline: float) -> Mapping[ObjectRef, Health]:
        healths = await FakeCluster.settle(self, app, refs, deadline)
        if deadline and any(health.status is HealthStatus.PROGRESSING for health in healths.values()):
            self.looks += 1
            if self.looks > 1:
                await self.move.wait()
        return healths


@dataclass(slots=True)
class Room:
    """An agent at work."""

    world: World
    cluster: PatientCluster
    agent: Agent

    def push(self, commit: str, *objects: Object) -> None:
        """A commit arrives."""
        self.world.git.push(commit, *objects)
        self.agent.trigger([self.world.app.key], TriggerKind.POLL)

    def status(self, name: str = "shop") -> AppStatus:
        """How an application stands."""
        return self.agent.find(name)

    async def until_waiting(self) -> None:
        """Returns when a sync waits for health, and has said so."""
        await until(lambda: self.cluster.looks > 1)


@contextlib.asynccontextmanager
async def room(*others: App, of: App | None = None) -> AsyncIterator[Room]:
    """The room, with `of` (it prunes and heals) and `others`, and nothing in Git."""
    cluster = PatientCluster()
    world = World(app=of or app(prune=True, self_heal=True), cluster=cluster)
    agent = Agent(world.reconciler, workers=2)
    agent.adopt({one.key: one for one in (world.app, *others)}, {})
    working = asyncio.create_task(agent.run())
    await until(lambda: not agent.queue and not agent._passes)
    try:
        yield Room(world, cluster, agent)
    finally:
        cluster.move.set()
        working.cancel()
        await asyncio.wait({working})
        await agent.drain(5)


def waved(name: str, wave: int, **data: str) -> Object:
    """A ConfigMap of a wave."""
    return manifest(name=name, annotations={"argocd.argoproj.io/sync-wave": str(wave)}, data=data)


async def test_a_sync_says_what_it_waits_for() -> None:
    """In the message of the operation under way, as long as it waits."""
    async with room() as found:
        found.cluster.healths[ref("a")] = BUSY
        found.push("c1", waved("a", 0), waved("b", 1))
        await found.until_waiting()
        running = found.status().running
        assert running is not None
        assert running.message == "the next wave waits: ConfigMap/web/a is Progressing: 0 of 1 ready"


async def test_a_newer_commit_supersedes_a_sync_that_waits() -> None:
    """The running one ends and says so, no hook of failure runs, and the next goes on by itself."""
    async with room() as found:
        found.cluster.healths[ref("a")] = BUSY
        clean = manifest("Job", "clean", api="batch/v1", annotations={"argocd.argoproj.io/hook": "SyncFail"})
        found.push("c1", waved("a", 0), waved("b", 1), clean)
        await found.until_waiting()
        found.cluster.healths.clear()
        found.push("c2", waved("a", 0, fixed="yes"), waved("b", 1), clean)
        await until(lambda: found.status().settled and found.status().revision == "c2")
        first, second = found.world.history.records.values()
        assert (first.phase, first.message, second.phase) == (Phase.FAILED, "superseded by c2", Phase.SUCCEEDED)
        assert found.world.names() == {"ConfigMap/web/a", "ConfigMap/web/b"}


@pytest.mark.parametrize(
    ("trigger", "automated"),
    [(MANUAL, True), (replace(MANUAL, revision="c1"), True), (MANUAL, False)],
    ids=["asked for", "asked for by revision", "no automation"],
)
async def test_what_a_person_asked_for(trigger: Trigger, *, automated: bool) -> None:
    """It is superseded while it waits, unless a revision was named, or nobody would go on with the newer one."""
    async with room(of=app(prune=True, self_heal=True) if automated else app()) as found:
        found.cluster.healths[ref("a")] = BUSY
        found.world.git.push("c1", waved("a", 0), waved("b", 1))
        operation = found.agent.sync(found.world.app.key, trigger)
        await found.until_waiting()
        found.cluster.healths.clear()
        found.push("c2", waved("a", 0, fixed="yes"), waved("b", 1))
        await until(lambda: not found.agent._superseding._asked)
        found.cluster.move.set()
        record = await operation.done
        superseded = automated and not trigger.revision
        assert record.message.startswith("superseded by c2") is superseded


async def test_a_commit_that_changes_nothing_supersedes_nothing() -> None:
    """It is another commit, and asks for the same; one that can't be rendered is no reason either."""
    async with room() as found:
        found.cluster.healths[ref("a")] = BUSY
        found.push("c1", waved("a", 0), waved("b", 1))
        await found.until_waiting()
        found.push("c2", waved("a", 0), waved("b", 1))
        await until(lambda: not found.agent._superseding._asked)
        found.cluster.healths.clear()
        found.cluster.move.set()
        await until(lambda: found.status().settled)
        assert [record.message for record in found.world.history.records.values()] == ["2 created"]


async def test_a_wait_can_be_terminated() -> None:
    """As any sync can."""
    async with room() as found:
        found.cluster.healths[ref("a")] = BUSY
        found.push("c1", waved("a", 0), waved("b", 1))
        await found.until_waiting()
        assert found.agent.terminate(found.world.app.key)
        await until(lambda: found.status().running is None and found.status().operation is not None)
        assert found.world.history.records[1].message.startswith("terminated")


def needing(name: str, *needs: str) -> App:
    """An application that depends on others; it has its objects in a namespace of its own."""
    return replace(named(app(prune=True, self_heal=True), "argocd", name), settings=AppSettings(depends_on=needs))


async def test_an_application_waits_for_another() -> None:
    """Until that is Synced and Healthy; a condition says why; then it goes on by itself."""
    async with room(needing("later", "shop")) as found:
        found.cluster.healths[ref("a")] = BUSY
        adopt = manifest(name="a", annotations={"gitopsd.dev/adopt": "true"})
        found.world.git.push("c1", adopt)
        found.agent.trigger([AppKey("argocd", "shop"), AppKey("argocd", "later")], TriggerKind.POLL)
        await until(lambda: any(c.type == "DependencyNotReady" for c in found.status("later").conditions))
        await until(lambda: not found.agent._passes)
        why = "waits for application argocd/shop, which is Synced and Progressing"
        assert found.status("later").conditions == (Condition("DependencyNotReady", why),)
        assert found.status("later").sync is SyncStatus.OUT_OF_SYNC
        found.cluster.healths.clear()
        found.agent.trigger([AppKey("argocd", "shop")], TriggerKind.WATCH)
        await until(lambda: found.status("later").sync is SyncStatus.SYNCED)
        assert found.status("later").conditions == ()


async def test_a_sync_that_was_asked_for_waits_too() -> None:
    """It shows why, can be terminated, goes on when its turn has come, and is given up in the end."""
    async with room(needing("later", "nobody")) as found:
        key = AppKey("argocd", "later")
        operation = found.agent.sync(key, MANUAL)
        await until(lambda: operation.record.message == "waits for application argocd/nobody, which there is none of")
        assert found.status("later").running is operation.record
        assert found.agent.terminate(key)
        again = found.agent.sync(key, MANUAL)
        await until(lambda: "nobody" in again.record.message)
        found.agent._give_up(again)
        record = await again.done
        assert (record.phase, record.message) == (Phase.FAILED, f"in vain: {operation.record.message}")
        assert found.status("later").running is None
        last = found.agent.sync(key, MANUAL)
        await until(lambda: "nobody" in last.record.message)
        nobody = named(app(prune=True, self_heal=True), "argocd", "nobody")
        found.agent.adopt({one.app.key: one.app for one in found.agent.statuses()} | {nobody.key: nobody}, {})
        assert (await last.done).phase is Phase.SUCCEEDED


async def test_applications_in_a_circle_are_refused_by_name() -> None:
    """Each says which circle; what only depends on one of them just waits."""
    async with room(needing("a", "b"), needing("b", "a"), needing("c", "a")) as found:
        for name in ("a", "b"):
            condition = found.status(name).problems["dependencies"]
            assert condition.type == "InvalidSpecError"
            assert {"argocd/a", "argocd/b"} <= set(condition.message.replace(":", "").split())
        assert "dependencies" not in found.status("c").problems
        assert found.agent._reason_to_wait(AppKey("argocd", "a")).startswith("gitopsd.dev/depends-on: ")

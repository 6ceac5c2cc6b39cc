"""The agent: statuses, operations, and workers that outlive what goes wrong in a pass."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

import pytest
from structlog.testing import capture_logs

from gitopsd.daemon.agent import Agent
from gitopsd.daemon.healing import FREE
from gitopsd.daemon.operations import NoSuchApplicationError, OperationConflictError, StoppingError
from gitopsd.model.app import App, Destination
from gitopsd.model.errors import ClusterError, ObjectError, StorageError
from gitopsd.model.plan import Step
from gitopsd.model.record import Condition, Phase, SyncRecord, SyncStatus, Trigger, TriggerKind
from gitopsd.model.status import AppStatus
from gitopsd.model.surface import Surface
from gitopsd.ports import Written
from tests.fakes import FakeCluster
from tests.fakes_history import FakeHistory
from tests.plan.builders import app, manifest, ref
from tests.reconciling import World
from tests.serving import named
from tests.waiting import until

MANUAL = Trigger(TriggerKind.MANUAL, actor="ann")


@dataclass(slots=True)
class GatedCluster(FakeCluster):
    """Writes wait until the gate is open; `broken` is raised by every look."""

    gate: asyncio.Event = field(default_factory=asyncio.Event)
    broken: Exception | None = None

    async def write(self, app: App, step: Step) -> Written:
        self.calls.append(("waits", step.ref))
        await self.gate.wait()
        return await FakeCluster.write(self, app, step)

    def _call(self, name: str, *args: object) -> None:
        if self.broken:
            raise self.broken
        FakeCluster._call(self, name, *args)  # type: ignore[arg-type]


@dataclass(slots=True)
class Room:
    """An agent at work over a world with one application, whose ConfigMap `a` waits for the gate."""

    world: World
    cluster: GatedCluster
    agent: Agent
    passed: list[SyncRecord]
    seen: list[AppStatus]

    @property
    def status(self) -> AppStatus:
        """How the application stands."""
        return self.agent.find("shop")

    async def quiet(self) -> None:
        """Returns when there is nothing left to do."""
        await until(lambda: not self.agent.queue and not self.agent._passes)

    async def poll(self) -> None:
        """A pass, whole."""
        self.agent.trigger([self.world.app.key], TriggerKind.POLL)
        await self.quiet()

    async def writing(self) -> None:
        """Returns when a sync waits for the gate."""
        await until(lambda: bool(self.cluster.called("waits")))


@contextlib.asynccontextmanager
async def room(of: App | None = None, *, open_gate: bool = True, push: bool = True, adopted: bool = True) -> AsyncIterator[Room]:
    """The room, its first pass over if the gate is open; not `adopted` it has no application yet."""
    cluster = GatedCluster()
    world = World(app=of or app(prune=True, self_heal=True), cluster=cluster)
    if push:
        world.git.push("c1", manifest(name="a"))
    if open_gate:
        cluster.gate.set()
    passed: list[SyncRecord] = []
    seen: list[AppStatus] = []
    agent = Agent(world.reconciler, (lambda record, _: passed.append(record),), (seen.append,), workers=2)
    agent.adopt({world.app.key: world.app} if adopted else {}, {})
    working = asyncio.create_task(agent.run())
    found = Room(world, cluster, agent, passed, seen)
    try:
        if open_gate:
            await found.quiet()
        yield found
    finally:
        working.cancel()
        await asyncio.wait({working})
        await agent.drain(5)


async def test_an_application_is_looked_at_when_it_comes_and_when_it_changes() -> None:
    """A start, then a pass for the changed document; the same document again is no news."""
    async with room() as found:
        key, changed = found.world.app.key, replace(found.world.app, annotations={"a": "b"})
        found.agent.adopt({key: changed}, {})
        found.agent.adopt({key: changed}, {})
        await found.quiet()
        assert [record.trigger.kind for record in found.passed] == [TriggerKind.START, TriggerKind.SPEC]
        assert found.status.app is changed
        assert found.status.sync is SyncStatus.SYNCED


async def test_a_broken_document_is_said_and_its_last_good_version_goes_on() -> None:
    """The condition goes when the document is mended."""
    async with room() as found:
        key = found.world.app.key
        found.agent.adopt({key: found.world.app}, {key: "apps/shop.yaml:3: spec.project: is missing"})
        assert found.status.problems["document"] == Condition("InvalidSpecError", "apps/shop.yaml:3: spec.project: is missing")
        assert found.status.sync is SyncStatus.SYNCED
        found.agent.adopt({key: found.world.app}, {})
        assert found.status.problems == {}


async def test_names() -> None:
    """A bare name is looked for in all namespaces, and has to be clear."""
    one = app()
    async with room() as found:
        found.agent.adopt({key.key: key for key in (one, named(one, "team", "shop"), named(one, "team", "web"))}, {})
        assert found.agent.find("web").app.key.namespace == "team"
        assert found.agent.find("team/shop").app.key.namespace == "team"
        with pytest.raises(NoSuchApplicationError, match="say argocd/shop or team/shop"):
            found.agent.find("shop")
        for name in ("nothing", "argocd/web", "", "/", "a/b/c"):
            with pytest.raises(NoSuchApplicationError):
                found.agent.find(name)


async def test_a_bug_in_a_pass_stays_in_that_pass() -> None:
    """The log has the trace, the status the condition UnknownError; another application is not concerned; it is tried again."""
    async with room() as found:
        found.cluster.broken = ZeroDivisionError("s3cr3t")
        with capture_logs() as logs:
            await found.poll()
        assert [(line["log_level"], line["application"], bool(line["exc_info"])) for line in logs] == [
            ("error", "argocd/shop", True)
        ]
        (condition,) = found.status.conditions
        assert condition.type == "UnknownError"
        assert "ZeroDivisionError" in condition.message
        assert "s3cr3t" not in condition.message
        assert found.status.operation is not None
        assert found.status.operation.phase is Phase.ERROR
        assert found.world.app.key in found.agent._retries.waiting
        found.cluster.broken = None
        await found.poll()
        assert (found.status.sync, found.status.conditions, found.agent._retries.waiting) == (SyncStatus.SYNCED, (), {})


async def test_a_look_in_between_takes_no_retry_away() -> None:
    """A failed sync waits for its retry whatever the watches tell meanwhile; once it is in sync there is none."""
    async with room(push=False) as found:
        found.world.git.push("c1", manifest(name="a"))
        found.cluster.failures["dry_run", ref("a")] = ObjectError(ref("a"), "dry-run", "Invalid", "no")
        await found.poll()
        assert found.world.app.key in found.agent._retries.waiting
        found.agent.trigger([found.world.app.key], TriggerKind.WATCH)
        await found.quiet()
        assert not found.passed[-1].attempted
        assert found.world.app.key in found.agent._retries.waiting
        found.cluster.failures.clear()
        found.agent.trigger([found.world.app.key], TriggerKind.RETRY)
        await found.quiet()
        assert (found.status.sync, found.agent._retries.waiting) == (SyncStatus.SYNCED, {})


async def test_a_fight_is_fought_slowly() -> None:
    """Somebody who changes an object back each time is healed at once for a while, and then with pauses."""
    async with room() as found:
        await found.quiet()
        for number in range(FREE):
            found.world.change(ref("a"), data={"by": f"hand {number}"})
            found.agent.trigger([found.world.app.key], TriggerKind.WATCH)
            await found.quiet()
            assert "by" not in found.cluster.objects[ref("a")].get("data", {})
        found.world.change(ref("a"), data={"by": "the other controller"})
        found.agent.trigger([found.world.app.key], TriggerKind.WATCH)
        found.agent.trigger([found.world.app.key], TriggerKind.WATCH)
        assert (len(found.agent.queue), len(found.agent._fights._looks)) == (0, 1)
        assert found.status.problems["fight"].type == "ContestedResourceWarning"
        found.agent._fights._go_on(found.world.app.key)
        await found.quiet()
        assert "by" not in found.cluster.objects[ref("a")].get("data", {})


async def test_a_bug_in_the_middle_of_a_sync_closes_its_record() -> None:
    """What history has as Running does not stay so until the next start."""
    async with room(push=False) as found:
        found.world.git.push("c1", manifest(name="a"))
        found.cluster.gate.clear()
        found.agent.trigger([found.world.app.key], TriggerKind.POLL)
        await found.writing()
        found.cluster.broken = RuntimeError("after the write")
        found.cluster.gate.set()
        with capture_logs():
            await found.quiet()
        assert [record.phase for record in found.world.history.records.values()] == [Phase.ERROR]
        assert found.status.running is None


async def test_a_history_that_fails_is_a_condition() -> None:
    """A full disk ends no worker; it is said without a trace, and tried again."""

    class Full(FakeHistory):
        async def last(self, _: object) -> None:
            raise StorageError("the disk is full")

    world = World(app=app(prune=True), history=Full())
    agent = Agent(world.reconciler, workers=1)
    agent.adopt({world.app.key: world.app}, {})
    working = asyncio.create_task(agent.run())
    with capture_logs() as logs:
        await until(lambda: bool(agent.find("shop").conditions))
    assert agent.find("shop").conditions == (Condition("StorageError", "the disk is full"),)
    assert logs == []
    assert not working.done()
    working.cancel()
    await asyncio.wait({working})
    await agent.drain(0)


async def test_a_listener_that_fails_ends_nothing() -> None:
    """The others are told, and the next pass is made."""

    def broken(*_: object) -> None:
        raise ValueError("no")

    async with room() as found:
        found.agent.listeners = (broken, *found.agent.listeners)
        found.agent.watchers = (broken, *found.agent.watchers)
        with capture_logs() as logs:
            await found.poll()
            await found.poll()
        assert len(found.passed) == 3
        assert {line["event"] for line in logs} == {"a listener failed"}


async def test_an_attempted_sync_shows_while_it_runs() -> None:
    """From its first write, with its id, whoever caused it; a pass that only looks never does."""
    async with room(open_gate=False) as found:
        await found.writing()
        running = found.status.running
        assert running is not None
        assert (running.phase, running.id, running.trigger.kind) == (Phase.RUNNING, "1", TriggerKind.START)
        assert not found.status.settled
        found.cluster.gate.set()
        await found.quiet()
        found.seen.clear()
        await found.poll()
        assert all(status.running is None for status in found.seen)
        assert found.status.settled


async def test_a_request_shows_from_then_on() -> None:
    """Before its turn has come, so that whoever asks after the request never sees the sync before it as the last one."""
    async with room(app(), open_gate=False) as found:
        operation = found.agent.sync(found.world.app.key, MANUAL)
        assert found.status.running is operation.record
        await found.writing()
        assert found.status.running is not operation.record
        found.cluster.gate.set()
        record = await operation.done
        assert (record.phase, found.status.operation) == (Phase.SUCCEEDED, record)
        assert found.agent.find("shop").running is None


async def test_one_operation_at_a_time() -> None:
    """The same request joins, whoever it is; another one is refused; afterwards there is room again."""
    async with room(app(), open_gate=False) as found:
        key = found.world.app.key
        first = found.agent.sync(key, MANUAL)
        assert found.agent.sync(key, replace(MANUAL, actor="bob")) is first
        with pytest.raises(OperationConflictError):
            found.agent.sync(key, replace(MANUAL, prune=True))
        found.cluster.gate.set()
        await first.done
        await found.quiet()
        assert found.agent.sync(key, replace(MANUAL, prune=True)) is not first
        await found.quiet()


async def test_a_sync_that_waits_can_be_given_up() -> None:
    """Its turn never comes; what else had triggered the application is not lost, and a new request is not mixed up with it."""
    async with room(app()) as found:
        key = found.world.app.key
        await found.quiet()
        found.agent.trigger([key], TriggerKind.POLL)
        operation = found.agent.sync(key, MANUAL)
        assert found.agent.terminate(key)
        assert operation.done.cancelled()
        assert found.status.running is None
        again = found.agent.sync(key, replace(MANUAL, actor="bob"))
        assert (await again.done).trigger.actor == "bob"
        assert len(found.world.history.records) == 1


async def test_a_terminated_sync_is_failed_and_not_begun_again_by_a_look() -> None:
    """What was written stays; automation waits for its retry, as after any failure, and the next request goes on."""
    async with room(open_gate=False) as found:
        key = found.world.app.key
        await found.writing()
        assert found.agent.terminate(key)
        await found.quiet()
        operation = found.status.operation
        assert operation is not None
        assert (operation.phase, operation.message, found.status.running) == (Phase.FAILED, "terminated", None)
        assert found.world.history.records[1].phase is Phase.FAILED
        found.cluster.gate.set()
        await found.poll()
        assert found.world.names() == set()
        assert (await found.agent.sync(key, MANUAL).done).phase is Phase.SUCCEEDED


async def test_a_look_is_not_terminated() -> None:
    """There is nothing to end where nothing is asked for and nothing written."""
    async with room() as found:
        assert not found.agent.terminate(found.world.app.key)


async def test_an_application_that_goes_takes_its_sync_along() -> None:
    """Who waits for it learns that; it may come back as if it had never been there."""
    async with room(app(), open_gate=False) as found:
        key = found.world.app.key
        under_way = found.agent.sync(key, MANUAL)
        await found.writing()
        assert found.agent.adopt({}, {}) == (key,)
        assert under_way.done.cancelled()
        assert found.agent.statuses() == ()
        found.agent.adopt({key: found.world.app}, {})
        assert found.status.running is None
        assert found.status.operation is None
        found.cluster.gate.set()
        await found.quiet()
        assert found.status.sync is SyncStatus.OUT_OF_SYNC
        assert found.agent._passes == {}


async def test_a_dry_run_leaves_no_trace() -> None:
    """Neither the status nor the retries know of it, whatever it finds."""
    async with room() as found:
        before = found.status
        found.world.git.push("c2", failure=ClusterError("west", "refused"))
        operation = found.agent.sync(before.app.key, replace(MANUAL, dry_run=True))
        assert found.status.running is None
        assert (await operation.done).phase is Phase.ERROR
        await found.quiet()
        assert (found.status, found.agent._retries.waiting) == (before, {})
        assert found.world.history.records.keys() == {1}


async def test_a_preview_beside_a_sync() -> None:
    """It waits for nobody and disturbs nobody."""
    async with room(open_gate=False) as found:
        await found.writing()
        record = await found.agent.preview(found.world.app.key)
        assert [step.action for step in record.results] == ["create"]
        assert found.status.running is not None
        found.cluster.gate.set()


async def test_the_end_lets_a_sync_finish_and_gives_up_what_waits() -> None:
    """No pass begins any more, no request is taken; one that had begun is finished."""
    async with room(open_gate=False) as found:
        key = found.world.app.key
        found.agent.workers = 1
        await found.writing()
        other = named(found.world.app, "team", "other")
        found.agent.adopt({key: found.world.app, other.key: other}, {})
        found.agent.trigger([key], TriggerKind.POLL)
        waiting = found.agent.sync(key, MANUAL)
        ending = asyncio.create_task(found.agent.drain(30))
        await asyncio.sleep(0)
        with pytest.raises(StoppingError):
            found.agent.sync(other.key, MANUAL)
        found.cluster.gate.set()
        await ending
        assert found.world.names() == {"ConfigMap/web/a"}
        assert found.agent._retries.waiting == {}
        assert waiting.done.cancelled()


async def test_the_end_does_not_wait_for_ever() -> None:
    """What is still under way after the grace is ended between two writes, and recorded as such."""
    async with room(open_gate=False) as found:
        await found.writing()
        await found.agent.drain(0.0)
        assert found.world.history.records[1].phase is Phase.FAILED
        assert found.world.history.records[1].message.startswith("terminated")


@dataclass(slots=True)
class TwoClusters(FakeCluster):
    """One that answers, and one called `dead` that never does."""

    def doubt(self, app: App) -> str:
        return app.spec.destination.name

    async def surface(self, app: App, *, fresh: bool = False) -> Surface:
        if app.spec.destination.name == "dead":
            await asyncio.Event().wait()
        return await FakeCluster.surface(self, app, fresh=fresh)


async def test_a_dead_cluster_holds_up_only_its_own() -> None:
    """Though many applications wait for a cluster that does not answer, one of another is synced."""
    world = World(cluster=TwoClusters())
    world.git.push("c1", manifest())
    agent = Agent(world.reconciler, workers=4)
    spec = replace(world.app.spec, destination=Destination(name="dead", namespace="web"))
    dead = [named(replace(world.app, spec=spec), "dead", str(number)) for number in range(20)]
    agent.adopt({one.key: one for one in (*dead, world.app)}, {})
    working = asyncio.create_task(agent.run())
    await until(lambda: agent.find("shop").settled)
    working.cancel()
    await asyncio.wait({working})
    await agent.drain(0)

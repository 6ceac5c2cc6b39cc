"""Syncs that people ask for and that fail: how they are tried again, and what ends that. In virtual time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace

import pytest

from gitopsd.daemon.agent import Agent
from gitopsd.daemon.operations import Operation, OperationConflictError
from gitopsd.daemon.orders import Orders
from gitopsd.model.app import Backoff, Retry
from gitopsd.model.errors import ObjectError
from gitopsd.model.record import Phase, SyncRecord, Trigger, TriggerKind
from tests.plan.builders import app, manifest, ref
from tests.reconciling import World
from tests.virtual import in_no_time
from tests.waiting import until

PATIENT = Trigger(TriggerKind.MANUAL, actor="ann", retry=Retry(2, backoff=Backoff("10s", 3, "20s")))
REFUSAL = ObjectError(ref("a"), "create", "Forbidden", "not today")


@dataclass(slots=True)
class Desk:
    """An agent at work over an application that only people sync, whose object the server refuses."""

    world: World
    agent: Agent
    orders: Orders
    synced: list[tuple[float, SyncRecord]]

    def ask(self, trigger: Trigger = PATIENT) -> Operation:
        """A person's sync."""
        return self.agent.sync(self.world.app.key, trigger)

    async def failed(self, tries: int = 1) -> None:
        """Returns when so many tries have failed."""
        await until(lambda: len(self.synced) >= tries)

    def mend(self) -> None:
        """The server refuses nothing any more."""
        self.world.cluster.failures.clear()

    @property
    def tries(self) -> list[tuple[int, Phase]]:
        """How often each sync had been tried before, and what came of it."""
        return [(record.trigger.retries, record.phase) for _, record in self.synced]

    @property
    def shown(self) -> str:
        """What stands in the status of the sync under way, empty where none is."""
        running = self.agent.find("shop").running
        return running.message if running else ""


@contextlib.asynccontextmanager
async def desk() -> AsyncIterator[Desk]:
    """The desk, its first pass over."""
    world = World(app=replace(app(), spec=replace(app().spec, sync_policy=replace(app().spec.sync_policy, automated=None))))
    world.git.push("c1", manifest(name="a"))
    world.cluster.failures["dry_run", ref("a")] = REFUSAL
    synced: list[tuple[float, SyncRecord]] = []
    loop = asyncio.get_running_loop()
    agent = Agent(world.reconciler, (lambda record, _: synced.append((loop.time(), record)) if record.attempted else None,))
    agent.adopt({world.app.key: world.app}, {})
    working = asyncio.create_task(agent.run())
    try:
        yield Desk(world, agent, Orders(agent, world.history, world.git, world.clock), synced)
    finally:
        working.cancel()
        await asyncio.wait({working})
        await agent.drain(5)


def at_the_desk(work: Callable[[Desk], Awaitable[None]]) -> None:
    """Does `work` there, in no time."""

    async def through() -> None:
        async with desk() as found:
            await work(found)

    in_no_time(through())


def test_it_is_tried_again_until_it_succeeds() -> None:
    """As it was asked for, once its back-off is over: who waits for it gets what came of it in the end."""

    async def work(here: Desk) -> None:
        operation = here.ask()
        await here.failed()
        assert here.shown.startswith("nothing was written: ConfigMap/web/a: ")
        assert "; tried again at 12:00:" in here.shown
        assert here.shown.endswith(" UTC (retry 1)")
        here.mend()
        record = await operation.done
        assert (record.phase, record.trigger) == (Phase.SUCCEEDED, replace(PATIENT, retries=1))
        assert (here.tries, here.shown) == ([(0, Phase.FAILED), (1, Phase.SUCCEEDED)], "")

    at_the_desk(work)


def test_the_limit_ends_it() -> None:
    """Two more tries, with delays that grow up to the maximum (a quarter of each may be chance)."""

    async def work(here: Desk) -> None:
        record = await here.ask().done
        await here.failed(3)
        assert (record.phase, record.trigger.retries, here.shown) == (Phase.FAILED, 2, "")
        assert here.tries == [(0, Phase.FAILED), (1, Phase.FAILED), (2, Phase.FAILED)]
        first, second, third = (when for when, _ in here.synced)
        assert 7.5 <= second - first <= 10
        assert 15 <= third - second <= 20

    at_the_desk(work)


def test_without_a_policy_of_its_own_it_is_over() -> None:
    """Who waits for it gets the failure; the application's policy is for what it does by itself."""

    async def work(here: Desk) -> None:
        record = await here.ask(replace(PATIENT, retry=None)).done
        assert (record.phase, here.shown) == (Phase.FAILED, "")
        await asyncio.sleep(1000)
        assert here.tries == [(0, Phase.FAILED)]

    at_the_desk(work)


def test_a_newer_operation_takes_its_place() -> None:
    """While it waits, not while it runs; the same once more is the same one."""

    async def work(here: Desk) -> None:
        operation = here.ask()
        with pytest.raises(OperationConflictError):
            here.ask(replace(PATIENT, prune=True))
        await here.failed()
        assert here.ask() is operation
        here.mend()
        newer = here.ask(replace(PATIENT, prune=True))
        assert (await operation.done).phase is Phase.FAILED
        assert (await newer.done).phase is Phase.SUCCEEDED
        await asyncio.sleep(1000)
        assert here.tries == [(0, Phase.FAILED), (0, Phase.SUCCEEDED)]

    at_the_desk(work)


async def terminated(here: Desk) -> None:
    """A person ends it."""
    assert here.agent.terminate(here.world.app.key)


async def suspended(here: Desk) -> None:
    """A person has nothing written any more."""
    await here.orders.suspend(here.world.app, "ann")


async def deleted(here: Desk) -> None:
    """The application is gone."""
    here.agent.adopt({}, {})


@pytest.mark.parametrize("end", [terminated, suspended, deleted])
def test_an_order_ends_it(end: Callable[[Desk], Awaitable[None]]) -> None:
    """Who waits for it learns at once that it is over, and nothing comes after."""

    async def work(here: Desk) -> None:
        operation = here.ask()
        await here.failed()
        here.mend()
        await end(here)
        assert operation.done.done()
        assert operation.done.cancelled() or operation.done.result().phase is Phase.FAILED
        await asyncio.sleep(1000)
        assert here.tries == [(0, Phase.FAILED)]
        assert not here.agent.knows(here.world.app.key) or not here.shown

    at_the_desk(work)


def test_looks_leave_it_alone() -> None:
    """What is seen meanwhile, or can't be, is no try."""

    async def work(here: Desk) -> None:
        here.ask()
        await here.failed()
        here.world.cluster.down = "gone"
        here.agent.trigger([here.world.app.key], TriggerKind.POLL)
        await asyncio.sleep(1)
        here.world.cluster.down = ""
        here.agent.trigger([here.world.app.key], TriggerKind.WATCH)
        await asyncio.sleep(1000)
        assert [tries for tries, _ in here.tries if tries] == [1, 2]

    at_the_desk(work)


def test_another_sync_takes_its_place() -> None:
    """What comes by itself, of a newer commit: the operation has failed."""

    async def work(here: Desk) -> None:
        operation = here.ask()
        await here.failed()
        automated = replace(here.world.app, spec=replace(here.world.app.spec, sync_policy=app(prune=True).spec.sync_policy))
        here.world.app = automated
        here.world.git.push("c2", manifest(name="b"))
        here.agent.adopt({automated.key: automated}, {})
        assert (await operation.done).phase is Phase.FAILED
        await asyncio.sleep(1000)
        assert here.tries == [(0, Phase.FAILED), (0, Phase.SUCCEEDED)]

    at_the_desk(work)


@pytest.mark.parametrize(("refresh", "commits"), [(False, ["c1", "c1"]), (True, ["c1", "c2"])])
def test_the_commit_that_it_names_unless_the_newest_is_wanted(refresh: bool, commits: list[str]) -> None:
    """`retry.refresh`, as in Argo CD."""

    async def work(here: Desk) -> None:
        operation = here.ask(replace(PATIENT, revision="c1", retry=replace(Retry(2), refresh=refresh)))
        await here.failed()
        here.mend()
        here.world.git.push("c2", manifest(name="b"))
        await operation.done
        assert [record.revision for _, record in here.synced] == commits

    at_the_desk(work)

"""Two hundred applications and an outage of ten minutes, in virtual time: who asks how often, and what comes afterwards."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from itertools import pairwise

from gitopsd.daemon.agent import Agent
from gitopsd.model.app import App, AppKey
from gitopsd.model.errors import SourceError
from gitopsd.model.record import SyncStatus, TriggerKind
from gitopsd.model.surface import Surface
from tests.fakes import FakeCluster
from tests.plan.builders import app, manifest
from tests.reconciling import World
from tests.virtual import in_no_time
from tests.waiting import until

COUNT = 200
WORKERS = 16
OUTAGE = 600.0
LATENCY = 0.1
"""Seconds that a cluster takes to answer, or not to."""


@dataclass(slots=True)
class Counting(FakeCluster):
    """A cluster that notes when each application asks for it, and how many do at once."""

    asked: dict[AppKey, list[float]] = field(default_factory=dict)
    busy: int = 0
    busiest: int = 0

    async def surface(self, app: App, *, fresh: bool = False) -> Surface:
        self.asked.setdefault(app.key, []).append(asyncio.get_running_loop().time())
        self.busy += 1
        self.busiest = max(self.busiest, self.busy)
        try:
            await asyncio.sleep(LATENCY)
            return await FakeCluster.surface(self, app, fresh=fresh)
        finally:
            self.busy -= 1

    def counted_anew(self) -> dict[AppKey, list[float]]:
        """Who asked when, since it was counted last."""
        asked, self.asked, self.busiest = self.asked, {}, 0
        return asked


@dataclass(slots=True)
class Crowd:
    """An agent with many applications, each with a ConfigMap in a namespace of its own."""

    world: World
    cluster: Counting
    agent: Agent

    @property
    def keys(self) -> list[AppKey]:
        """Of all applications."""
        return [status.app.key for status in self.agent.statuses()]

    def synced(self) -> bool:
        """Whether all are, and nothing is left to do."""
        idle = not self.agent.queue and not self.agent._passes
        return idle and all(status.sync is SyncStatus.SYNCED and not status.conditions for status in self.agent.statuses())


@contextlib.asynccontextmanager
async def crowd() -> AsyncIterator[Crowd]:
    """All are in sync."""
    cluster = Counting()
    world = World(cluster=cluster)
    world.git.push("c1", manifest(name="a"))
    agent = Agent(world.reconciler, workers=WORKERS)
    apps = [replace(app(namespace=f"n{n}", prune=True), key=AppKey("argocd", f"app-{n}")) for n in range(COUNT)]
    cluster.put(*(manifest("Namespace", one.spec.destination.namespace) for one in apps))
    agent.adopt({one.key: one for one in apps}, {})
    working = asyncio.create_task(agent.run())
    found = Crowd(world, cluster, agent)
    try:
        await until(found.synced)
        cluster.counted_anew()
        yield found
    finally:
        working.cancel()
        await asyncio.wait({working})
        await agent.drain(5)


def patience(asked: list[float]) -> list[float]:
    """By how much each try was later than it may be at the earliest: a quarter before 1, 2, 4 ... 30 seconds are over."""
    return [later - earlier - 0.75 * min(30.0, 2.0**tries) for tries, (earlier, later) in enumerate(pairwise(asked))]


def busiest_second(asked: dict[AppKey, list[float]], since: float) -> int:
    """The most tries in one second of those after `since`."""
    return max(Counter(int(when) for times in asked.values() for when in times if when >= since).values())


def test_a_cluster_that_comes_back_is_not_overrun() -> None:
    """During the outage no try comes before its time, and they spread; after it, everybody asks once, as many at once as ever."""

    async def outage() -> None:
        async with crowd() as all_:
            begun = asyncio.get_running_loop().time()
            all_.cluster.down = "it can't be reached"
            all_.world.git.push("c2", manifest(name="a", data={"k": "v"}))
            all_.agent.trigger(all_.keys, TriggerKind.POLL)
            await asyncio.sleep(OUTAGE)
            await until(lambda: not all_.agent._passes)
            assert all_.cluster.busiest <= WORKERS / 4
            tries = all_.cluster.counted_anew()
            assert len(tries) == COUNT
            assert min(late for asked in tries.values() for late in patience(asked)) >= 0
            assert max(map(len, tries.values())) <= 6 + OUTAGE / 22.5
            # On the average a second sees COUNT / 26 of them.
            assert busiest_second(tries, begun + OUTAGE / 2) <= COUNT / 5

            all_.cluster.down = ""
            all_.agent.trigger(all_.keys, TriggerKind.WATCH)  # as the return of a cluster does
            await until(all_.synced)
            assert all_.cluster.busiest <= WORKERS
            assert Counter(map(len, all_.cluster.counted_anew().values())) == {1: COUNT}
            assert all_.agent._retries.waiting == {}
            await asyncio.sleep(3600)
            assert all_.cluster.asked == {}

    in_no_time(outage())


def test_a_repository_that_comes_back_has_everybody_looked_at_once() -> None:
    """Tries in between ask the cluster nothing, come no earlier than they may, and are over with the first look after it."""

    async def outage() -> None:
        async with crowd() as all_:
            all_.world.git.unreachable = SourceError("it can't be reached", "repo")
            all_.agent.trigger(all_.keys, TriggerKind.POLL)
            await asyncio.sleep(OUTAGE)
            assert all_.cluster.asked == {}
            assert {status.sync for status in all_.agent.statuses()} == {SyncStatus.UNKNOWN}
            all_.world.git.unreachable = None
            all_.agent.trigger(all_.keys, TriggerKind.POLL)  # as a poll does that works again
            await until(all_.synced)
            assert all_.cluster.busiest <= WORKERS
            assert Counter(map(len, all_.cluster.counted_anew().values())) == {1: COUNT}
            assert all_.agent._retries.waiting == {}

    in_no_time(outage())

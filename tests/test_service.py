"""The life of the daemon: it starts in order, and ends in order when it is told to."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from gitopsd.daemon.agent import Agent
from gitopsd.daemon.orders import Orders
from gitopsd.daemon.queue import WorkQueue
from gitopsd.daemon.timers import Polling, Timers
from gitopsd.model.app import App, AppKey
from gitopsd.model.errors import ConfigError
from gitopsd.model.plan import Step
from gitopsd.model.record import Phase, SyncRecord, Trigger
from gitopsd.ports import Written
from gitopsd.service import Addresses, Service
from gitopsd.web.control import Check, Control, Pushes
from tests.fakes import FakeCluster
from tests.fakes_history import FakeHistory
from tests.plan.builders import manifest
from tests.reconciling import POLL, World
from tests.waiting import until


@dataclass(slots=True)
class Told:
    """In which order the parts came and went."""

    order: list[str] = field(default_factory=list)


@dataclass(slots=True)
class TellingHistory(FakeHistory):
    """A history that tells when it is asked for what was interrupted."""

    told: Told = field(default_factory=Told)

    async def interrupted(self, apps: Collection[AppKey] | None = None) -> tuple[SyncRecord, ...]:
        self.told.order.append("interrupted")
        return await FakeHistory.interrupted(self, apps)


@dataclass(slots=True)
class GatedCluster(FakeCluster):
    """Writes wait until the gate is open."""

    gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def write(self, app: App, step: Step) -> Written:
        self.calls.append(("waits", step.ref))
        await self.gate.wait()
        return await FakeCluster.write(self, app, step)


def free_port() -> int:
    """A port that nobody listened at a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


@dataclass(slots=True)
class Daemon:
    """A service over fakes. Git holds a ConfigMap whose write waits for the cluster's gate."""

    told: Told = field(default_factory=Told)
    api: int = field(default_factory=free_port)
    metrics: int = field(default_factory=free_port)
    cluster: GatedCluster = field(default_factory=GatedCluster)
    world: World = field(init=False)
    service: Service = field(init=False)

    def __post_init__(self) -> None:
        history = TellingHistory(told=self.told)
        self.world = World(cluster=self.cluster, history=history)
        self.world.git.push("c1", manifest(name="a"))
        agent = Agent(self.world.reconciler, workers=2)
        timers = Timers(agent, self.world.git, Polling(3600, 0), self._scan)
        control = Control(
            agent,
            Orders(agent, history, self.world.git, self.world.clock),
            history,
            timers.refresh,
            self._checks,
            lambda _: (b"", "text/plain"),
            self.world.explainer.explain,
            Pushes(lambda _: None, timers.pushed, self.world.clock.now),
        )
        addresses = Addresses(f"127.0.0.1:{self.api}", f"127.0.0.1:{self.metrics}")
        self.service = Service(addresses, agent, timers, control, history, self._scan, self._close)

    async def _scan(self) -> None:
        if "scan" not in self.told.order:
            self.told.order.append("scan")
        self.service.agent.adopt({self.world.app.key: self.world.app}, {})

    async def _checks(self) -> tuple[Check, ...]:
        return ()

    async def _close(self) -> None:
        records = [record.phase.value for record in self.world.history.records.values()]
        self.told.order += [*records, f"listening: {answers(self.api)}", "closed"]

    async def asked(self, path: str) -> bytes:
        """What the API answers."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.api)
        writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        return answer


def answers(port: int) -> bool:
    """Whether somebody listens there."""
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


@asynccontextmanager
async def running(daemon: Daemon) -> AsyncIterator[asyncio.Task[None]]:
    """The daemon runs and listens; whatever the test does, it ends."""
    running = asyncio.create_task(daemon.service.run())
    await until(lambda: running.done() or (answers(daemon.api) and answers(daemon.metrics)))
    try:
        yield running
    finally:
        daemon.cluster.gate.set()
        if not running.done():
            os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.gather(running, return_exceptions=True)


@pytest.mark.parametrize("name", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_in_order(name: signal.Signals) -> None:
    """A sync under way is finished, then the listeners go, then the ports are closed; nothing is left Running."""
    daemon = Daemon()
    async with running(daemon) as service:
        await until(lambda: bool(daemon.cluster.called("waits")))
        os.kill(os.getpid(), name)
        await until(lambda: daemon.service.agent.stopping)
        assert not service.done()
        assert b"200 OK" in await daemon.asked("/healthz")
        assert b'"phase":"Running"' in await daemon.asked("/api/v1/applications/shop")
        daemon.cluster.gate.set()
        await service
    assert daemon.told.order == ["interrupted", "scan", "Succeeded", "listening: False", "closed"]
    assert daemon.world.names() == {"ConfigMap/web/a"}
    assert not answers(daemon.metrics)


async def test_an_event_stream_does_not_hold_up_the_end() -> None:
    """Who follows is let go."""
    daemon = Daemon()
    daemon.cluster.gate.set()
    async with running(daemon) as service:
        following = asyncio.create_task(daemon.asked("/api/v1/events"))
        await until(lambda: daemon.service.control.events.followers == 1)
        os.kill(os.getpid(), signal.SIGTERM)
        await service
        assert b"text/event-stream" in await following


async def test_what_a_crash_interrupted_is_said_at_the_next_start() -> None:
    """Its record is closed before anything new begins."""
    daemon = Daemon()
    first = SyncRecord(daemon.world.app.key, POLL, Phase.RUNNING, "", daemon.world.clock.now())
    await daemon.world.history.begin(first)
    async with running(daemon):
        assert daemon.world.history.records[1].phase is Phase.ERROR


async def test_a_port_that_is_taken_is_one_sentence() -> None:
    """Nothing has begun by then, and what was opened is closed."""
    daemon = Daemon()
    sentence = f"can't listen at 127.0.0.1:{daemon.metrics}: .*; see server.listen"
    with socket.create_server(("127.0.0.1", daemon.metrics)), pytest.raises(ConfigError, match=sentence):
        await daemon.service.run()
    assert daemon.told.order == ["listening: False", "closed"]


async def test_a_start_that_fails_closes_what_was_opened() -> None:
    """The error is the caller's."""
    daemon = Daemon()

    async def scan() -> None:
        raise ConfigError("apps/ is no folder")

    daemon.service.scan = scan
    with pytest.raises(ConfigError, match="no folder"):
        await daemon.service.run()
    assert daemon.told.order[-1] == "closed"
    assert not answers(daemon.api)


class BrokenQueue(WorkQueue):
    """A queue that is out of order."""

    async def get(self) -> tuple[AppKey, Trigger]:
        raise RuntimeError("can't happen")


async def test_a_worker_that_dies_ends_the_daemon() -> None:
    """What can't happen is no reason to go on half: it ends in order, with the error, and whoever watches it starts it anew."""
    daemon = Daemon()
    daemon.service.agent.queue = BrokenQueue()
    with pytest.raises(ExceptionGroup, match="unhandled errors"):
        await daemon.service.run()
    assert daemon.told.order[-2:] == ["listening: False", "closed"]

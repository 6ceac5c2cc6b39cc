"""The life of the daemon: start, run until told to end, end in order."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

import structlog
import uvicorn
from starlette.types import ASGIApp

from gitopsd.daemon.agent import Agent
from gitopsd.daemon.timers import Timers
from gitopsd.model.errors import ConfigError
from gitopsd.ports import HistoryPort
from gitopsd.web.app import create_app, create_probes
from gitopsd.web.control import Control

GRACE = 25.0
"""Seconds that syncs under way get to end by themselves: less than the 30 s that a kubelet waits."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the two listeners listen, as `host:port`."""

    api: str
    metrics: str


@dataclass(slots=True)
class Service:
    """The parts that have a life, and the order in which they come and go. `close` ends the ports."""

    addresses: Addresses
    agent: Agent
    timers: Timers
    control: Control
    history: HistoryPort
    scan: Callable[[], Awaitable[None]]
    close: Callable[[], Awaitable[None]]

    async def run(self) -> None:
        """Runs until SIGTERM or SIGINT; then no operation is cut in half, and the next start goes on where this one was."""
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, stop.set)
        servers = [_server(create_app(self.control), self.addresses.api), _server(create_probes(self.control), self.addresses.metrics)]
        try:
            for record in await self.history.interrupted():
                _log.warning("a sync was interrupted by the end of gitopsd", application=str(record.app), revision=record.revision)
            await self.scan()
            await self._serve(servers, stop)
        finally:
            await self.close()

    async def _serve(self, servers: list[_Server], stop: asyncio.Event) -> None:
        serving = [asyncio.create_task(server.serve()) for server in servers]
        working = asyncio.create_task(self.agent.run())
        self.timers.start()
        stopped = asyncio.create_task(stop.wait())
        _log.info("gitopsd runs", api=self.addresses.api, metrics=self.addresses.metrics)
        try:
            ended, _ = await asyncio.wait({stopped, working, *serving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopped.cancel()
            self.timers.stop()
            working.cancel()
            _log.info("gitopsd ends; syncs under way are finished first")
            await self.agent.drain(GRACE)
            for server in servers:
                server.should_exit = True
            await asyncio.gather(working, *serving, return_exceptions=True)
        for task in ended - {stopped}:
            task.result()


class _Server(uvicorn.Server):
    """A listener that leaves the signals to us."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """The service ends all parts in its own order."""
        yield


def _server(app: ASGIApp, address: str) -> _Server:
    host, _, port = address.rpartition(":")
    if not port.isdigit():
        raise ConfigError(f"server address {address!r} is no host:port")
    config = uvicorn.Config(
        app, host=host.strip("[]"), port=int(port), log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=5
    )
    return _Server(config)

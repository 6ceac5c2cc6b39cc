"""The life of the daemon: start, run until told to end, end in order."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog
import uvicorn

from gitopsd.daemon.agent import Agent
from gitopsd.daemon.sharing import Sharing
from gitopsd.daemon.timers import Timers
from gitopsd.model.errors import ConfigError
from gitopsd.ports import HistoryPort
from gitopsd.web.app import create_app, create_probes
from gitopsd.web.control import Control

if TYPE_CHECKING:
    from starlette.types import ASGIApp

GRACE = 25.0
"""Seconds that syncs under way get to end by themselves: less than the 30 s that a kubelet waits."""

_SIGNALS = (signal.SIGTERM, signal.SIGINT)

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
    sharing: Sharing | None = None
    """With other replicas, where there are any."""

    async def run(self) -> None:
        """Runs until SIGTERM or SIGINT; then no operation is cut in half, and the next start goes on where this one was.

        Raises ConfigError where an address can't be listened at.
        """
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for name in _SIGNALS:
            loop.add_signal_handler(name, stop.set)
        try:
            with listening(self.addresses.api) as api, listening(self.addresses.metrics) as metrics:
                for record in () if self.sharing else await self.history.interrupted():
                    _log.warning(
                        "a sync was interrupted by the end of gitopsd", application=str(record.app), revision=record.revision
                    )
                await self.scan()
                servers = {_server(create_app(self.control)): api, _server(create_probes(self.control)): metrics}
                await self._serve(servers, stop)
        finally:
            await self.close()
            for name in _SIGNALS:
                loop.remove_signal_handler(name)

    async def _serve(self, servers: Mapping[_Server, socket.socket], stop: asyncio.Event) -> None:
        """Comes in this order: listeners, workers, timers; and goes in the other."""
        serving = [asyncio.create_task(server.serve([bound])) for server, bound in servers.items()]
        working = asyncio.create_task(self.agent.run())
        sharing = [asyncio.create_task(self.sharing.run())] if self.sharing else []
        stopped = asyncio.create_task(stop.wait())
        try:
            self.timers.start()
            _log.info("gitopsd runs", api=self.addresses.api, metrics=self.addresses.metrics)
            ended, _ = await asyncio.wait({stopped, working, *sharing, *serving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopped.cancel()
            self.timers.stop()
            working.cancel()
            await asyncio.wait({working})  # no pass begins after this
            _log.info("gitopsd ends; syncs under way are finished first")
            await self.agent.drain(GRACE)
            await self._leave(sharing)
            self.control.events.close()
            for server in servers:
                server.should_exit = True
            await asyncio.wait(serving)
        for task in ended - {stopped}:
            task.result()

    async def _leave(self, sharing: Sequence[asyncio.Task[None]]) -> None:
        """Nothing of ours is worked on any more: other replicas may take over."""
        for task in sharing:
            task.cancel()
            await asyncio.wait({task})
        if self.sharing:
            await self.sharing.leave()


class _Server(uvicorn.Server):
    """A listener that leaves the signals to us."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """The service ends all parts in its own order."""
        yield


def _server(app: ASGIApp) -> _Server:
    return _Server(
        uvicorn.Config(app, log_config=None, access_log=False, server_header=False, lifespan="off", timeout_graceful_shutdown=5)
    )


def listening(address: str) -> socket.socket:
    """A socket that listens at `host:port`; raises ConfigError that says why it can't.

    It is made before anything else begins, as the port may be that of another gitopsd.
    """
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    if not port.isdecimal():
        raise ConfigError(f"server address {address!r} is no host:port")
    try:
        return socket.create_server((host, int(port)), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except (OSError, OverflowError) as error:
        raise ConfigError(f"can't listen at {address}: {error}; see server.listen and server.metrics") from error

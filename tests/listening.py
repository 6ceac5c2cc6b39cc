"""The API of a served world on a real port of the loopback, for what speaks HTTP: commands."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import uvicorn

from tests.serving import Served, serving
from tests.waiting import until

_Answer = TypeVar("_Answer")


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@dataclass(frozen=True, slots=True)
class Listening:
    """A world behind an address. The world lives in a thread of its own: whoever touches it does so by `do`."""

    address: str
    served: Served
    loop: asyncio.AbstractEventLoop

    def do(self, work: Callable[[Served], Awaitable[_Answer]]) -> _Answer:
        """Does something to the world, where it lives."""

        async def there() -> _Answer:
            return await work(self.served)

        return asyncio.run_coroutine_threadsafe(there(), self.loop).result()


@contextlib.contextmanager
def listening(make: Callable[[], Served] = Served) -> Iterator[Listening]:
    """The world that `make` makes, at work and listening, until the block ends."""
    bound = socket.create_server(("127.0.0.1", 0))
    ready = threading.Event()
    known: list[Listening] = []
    servers: list[_Server] = []

    async def live() -> None:
        async with serving(make()) as served:
            config = uvicorn.Config(served.app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=1)
            server = _Server(config)
            servers.append(server)
            known.append(Listening(f"http://127.0.0.1:{bound.getsockname()[1]}", served, asyncio.get_running_loop()))
            serve = asyncio.create_task(server.serve([bound]))
            await until(lambda: server.started)
            ready.set()
            await serve
            served.events.close()

    thread = threading.Thread(target=lambda: asyncio.run(live()), daemon=True)
    thread.start()
    assert ready.wait(30)
    try:
        yield known[0]
    finally:
        servers[0].should_exit = True
        thread.join()

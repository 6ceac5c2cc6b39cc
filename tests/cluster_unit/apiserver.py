"""A server of a few lines that answers as told, for what a real API server does too rarely to be tested with."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web
from aiohttp.test_utils import TestServer

from gitopsd.cluster.client import Client
from gitopsd.cluster.config import ClusterConfig, Listener
from tests.waiting import until

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


def saying(status: int, body: str, **headers: str) -> Answer:
    """An answer that is always the same."""

    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status, text=body, headers={name.replace("_", "-"): value for name, value in headers.items()})

    return answer


def in_turn(*answers: Answer) -> Answer:
    """One answer after the other; the last one again and again."""
    left = list(answers)

    async def answer(request: web.Request) -> web.StreamResponse:
        return await (left.pop(0) if len(left) > 1 else left[0])(request)

    return answer


def streaming(*lines: str, end: bool = True) -> Answer:
    """A stream of lines, which then ends, or stays open."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for line in lines:
            await response.write(line.encode() + b"\n")
        if not end:
            await until(lambda: request.transport is None or request.transport.is_closing())
        return response

    return answer


@asynccontextmanager
async def serving(answer: Answer, folder: Path, listener: Listener | None = None) -> AsyncIterator[Client]:
    """A client of a server that answers so."""
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", answer)
    async with TestServer(application) as server:
        kubeconfig = folder / "kubeconfig"
        kubeconfig.write_text(minimal_kubeconfig(str(server.make_url("")).rstrip("/")))
        client = Client(ClusterConfig("toy", kubeconfig=str(kubeconfig)), listener or Listener())
        try:
            yield client
        finally:
            await client.close()


def minimal_kubeconfig(server: str, users: Iterable[str] = ()) -> str:
    """A kubeconfig for `server` with the lines of its one user."""
    user = "\n".join(f"    {line}" for line in users) or "    {}"
    return f"""
current-context: main
contexts:
- name: main
  context: {{cluster: main, user: main}}
clusters:
- name: main
  cluster: {{server: "{server}"}}
users:
- name: main
  user:
{user}
"""

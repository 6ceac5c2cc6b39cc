"""The HTTP face over an agent over fakes, and a client that speaks ASGI with it: no socket, no thread, no port."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from gitopsd.daemon.agent import Agent
from gitopsd.daemon.orders import Orders
from gitopsd.daemon.returns import Returns
from gitopsd.model.app import App, AppKey
from gitopsd.model.record import TriggerKind
from gitopsd.web.app import create_app
from gitopsd.web.control import Check, Control, Pushes
from gitopsd.web.elsewhere import Others
from gitopsd.web.events import Events
from tests.fakes_prometheus import FakePrometheus
from tests.plan.builders import manifest
from tests.reconciling import World
from tests.waiting import until

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message

API = "/api/v1/applications"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; the names of headers are small."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The document."""
        return json.loads(self.body)

    @property
    def problem(self) -> str:
        """The sentence of a problem document, which the answer has to be."""
        assert self.headers["content-type"] == "application/problem+json"
        document = self.json
        title = HTTPStatus(self.status).phrase
        assert (document["type"], document["status"], document["title"]) == ("about:blank", self.status, title)
        assert document["instance"].startswith("/")
        assert document["detail"]
        return str(document["detail"])


async def call(
    app: ASGIApp, method: str, target: str, body: Any = None, headers: Mapping[str, str] | None = None, *, chunk: int = 1 << 16
) -> Answer:
    """One request; a `body` that is not bytes is sent as JSON, in pieces of `chunk` bytes.

    What the application raises after it has answered is swallowed, as a server does.
    """
    path, _, query = target.partition("?")
    sent = {"content-type": "application/json"} | {name.lower(): value for name, value in (headers or {}).items()}
    data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    pieces = [data[at : at + chunk] for at in range(0, len(data), chunk)] or [b""]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in sent.items()],
        "client": ("127.0.0.1", 1),
        "server": ("gitopsd", 80),
    }
    messages: list[Message] = []

    async def receive() -> Message:
        if not pieces:
            await asyncio.Event().wait()  # the client stays, and says no more
        return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

    async def send(message: Message) -> None:
        messages.append(message)

    try:
        await app(scope, receive, send)
    except Exception:
        if not messages:
            raise
    start = messages[0]
    received = {name.decode(): value.decode("latin-1") for name, value in start["headers"]}
    return Answer(start["status"], received, b"".join(message.get("body", b"") for message in messages[1:]))


@dataclass(slots=True)
class Served:
    """A world, an agent that works on it, and its API. `checks` are what readiness says, `token` what requests must show."""

    world: World = field(default_factory=World)
    apps: tuple[App, ...] = ()
    token: str | None = None
    checks: tuple[Check, ...] = (Check("history", ok=True),)
    events: Events = field(default_factory=Events)
    prometheus: FakePrometheus = field(default_factory=FakePrometheus)
    refreshed: list[tuple[AppKey, bool]] = field(default_factory=list)
    secrets: dict[str, bytes] = field(default_factory=dict)
    """Of webhooks, by the kind of server."""
    pushed: list[str] = field(default_factory=list)
    """The URLs that pushes named."""
    others: Others | None = None
    """The other replicas."""
    agent: Agent = field(init=False)
    returns: Returns = field(init=False)
    app: ASGIApp = field(init=False)

    def __post_init__(self) -> None:
        world = self.world
        self.agent = Agent(
            world.reconciler, (self.events.passed,), (self.events.changed,), workers=2, ordered=dict(world.history.ordered)
        )
        orders = Orders(self.agent, world.history, world.git, world.clock)
        self.returns = Returns(orders, self.prometheus)
        control = Control(
            self.agent,
            orders,
            world.history,
            self._refresh,
            self._checks,
            self._metrics,
            world.explainer.explain,
            self.pushes,
            self.events,
            lambda: self.token,
            self.others,
        )
        self.app = create_app(control)

    @property
    def key(self) -> AppKey:
        """The application that the world has."""
        return self.world.app.key

    async def call(self, method: str, target: str, body: Any = None, **headers: str) -> Answer:
        """One request; the underscores of header names are dashes."""
        return await call(self.app, method, target, body, {name.replace("_", "-"): value for name, value in headers.items()})

    async def get(self, target: str, **headers: str) -> Answer:
        """One GET."""
        return await self.call("GET", target, **headers)

    @property
    def pushes(self) -> Pushes:
        """What webhooks are given."""
        return Pushes(self.secrets.get, self._pushed, self.world.clock.now)

    def _pushed(self, urls: Collection[str]) -> int:
        self.pushed += urls
        return len(urls)

    async def quiet(self) -> None:
        """Returns when there is nothing left to do."""
        await until(lambda: not (self.agent.queue or self.agent._passes or self.returns._judging))

    async def push(self, commit: str, *names: str) -> None:
        """A commit of ConfigMaps, which is then synced."""
        self.world.git.push(commit, *(manifest(name=name) for name in names))
        self.agent.trigger([status.app.key for status in self.agent.statuses()], TriggerKind.POLL)
        await self.quiet()

    async def _refresh(self, key: AppKey, *, hard: bool = False) -> None:
        self.refreshed.append((key, hard))

    async def _checks(self) -> tuple[Check, ...]:
        return self.checks

    def _metrics(self, accept: str) -> tuple[bytes, str]:
        return b"gitopsd_queue_depth 0.0\n", accept or "text/plain; version=0.0.4"


@contextlib.asynccontextmanager
async def serving(served: Served | None = None) -> AsyncIterator[Served]:
    """A served world at work: its first passes are over. Without `apps` it has the one of the world."""
    served = served or Served()
    apps = served.apps or (served.world.app,)
    served.agent.adopt({app.key: app for app in apps}, {})
    working = asyncio.create_task(served.agent.run())
    await served.quiet()
    try:
        yield served
    finally:
        working.cancel()
        await asyncio.wait({working})
        await served.returns.close()
        await served.agent.drain(5)


def named(app: App, namespace: str, name: str) -> App:
    """The same application by another name."""
    return replace(app, key=AppKey(namespace, name))

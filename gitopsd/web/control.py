"""What the routes are given."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime

from gitopsd.daemon.agent import Agent
from gitopsd.daemon.orders import Orders
from gitopsd.daemon.timers import Refresh
from gitopsd.explainer import Explanation
from gitopsd.model.app import App
from gitopsd.model.refs import ObjectRef
from gitopsd.ports import HistoryQueries
from gitopsd.web.elsewhere import Others
from gitopsd.web.events import Events


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that readiness depends on. `message` says what is wrong, or how it stands."""

    name: str
    ok: bool
    message: str = ""


@dataclass(frozen=True, slots=True)
class Pushes:
    """What pushes of Git servers need.

    `secret` gives the secret of a kind of server, None where none of its pushes is taken; raises ConfigError where it can't be
    read. `arrived` has the repositories asked that stand under one of these URLs, and gives how many those are.
    """

    secret: Callable[[str], bytes | None]
    arrived: Callable[[Collection[str]], int]
    now: Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Control:
    """The daemon as its HTTP face sees it.

    `metrics` takes the Accept header and gives body and content type. `token` gives the bearer token that requests must show,
    None where none is asked for; raises ConfigError where it can't be read, and then nobody is let in.
    """

    agent: Agent
    orders: Orders
    history: HistoryQueries
    refresh: Refresh
    checks: Callable[[], Awaitable[tuple[Check, ...]]]
    metrics: Callable[[str], tuple[bytes, str]]
    explain: Callable[[App, str, ObjectRef, str], Awaitable[Explanation]]
    """Takes an application, a revision, an object and a field: see `Explainer.explain`."""
    pushes: Pushes
    events: Events = field(default_factory=Events)
    token: Callable[[], str | None] = field(default=lambda: None)
    others: Others | None = None
    """The other replicas, where there are any."""

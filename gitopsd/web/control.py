"""What the routes are given."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from gitopsd.daemon.agent import Agent
from gitopsd.model.app import AppKey
from gitopsd.model.record import Drift, SyncRecord


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that readiness depends on. `message` says what is wrong, or how it stands."""

    name: str
    ok: bool
    message: str = ""


class HistoryReader(Protocol):
    """What the API reads of the history; cursors are opaque."""

    async def records(self, app: AppKey, *, limit: int, cursor: str | None) -> tuple[tuple[SyncRecord, ...], str | None]:
        """Records, newest first, without results; and the cursor of the next page."""

    async def get(self, app: AppKey, record_id: str) -> SyncRecord | None:
        """One record with all it holds."""

    async def drift(self, app: AppKey, *, limit: int, cursor: str | None) -> tuple[tuple[Drift, ...], str | None]:
        """Recorded drift, newest first; and the cursor of the next page."""


@dataclass(frozen=True, slots=True)
class Control:
    """The daemon as its HTTP face sees it. `token` gives the bearer token that requests must show, None where none is asked for."""

    agent: Agent
    history: HistoryReader
    refresh: Callable[[AppKey], Awaitable[None]]
    checks: Callable[[], Awaitable[tuple[Check, ...]]]
    metrics: Callable[[], bytes]
    token: Callable[[], str | None] = field(default=lambda: None)

"""Passes under way, and when one of them is not worth waiting for any more."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from gitopsd.model.app import App
from gitopsd.model.record import SyncRecord, Trigger
from gitopsd.reconcile import Reconciler
from gitopsd.waiting import Course


@dataclass(slots=True)
class Pass:
    """A pass under way."""

    trigger: Trigger
    task: asyncio.Task[SyncRecord]
    course: Course

    @property
    def begun(self) -> SyncRecord | None:
        """Its record once it writes."""
        return self.course.record


@dataclass(slots=True)
class Superseding:
    """Ends syncs that wait while Git has moved on. What a person asked for by revision or by object is left to end by itself."""

    reconciler: Reconciler
    _asked: set[asyncio.Task[None]] = field(default_factory=set)

    def ask(self, app: App, under_way: Pass | None) -> None:
        """Something may be newer than the sync under way: it is looked into, beside it."""
        if under_way and under_way.begun and app.automated and not (under_way.trigger.revision or under_way.trigger.resources):
            task = asyncio.create_task(self._look(app, under_way.course, under_way.begun))
            self._asked.add(task)
            task.add_done_callback(self._asked.discard)

    async def _look(self, app: App, course: Course, begun: SyncRecord) -> None:
        if commit := await self.reconciler.newer(app, begun):
            course.supersede(commit)

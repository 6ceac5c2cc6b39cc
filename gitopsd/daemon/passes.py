"""Passes under way, and when one of them is not worth waiting for any more."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field, replace

import structlog

from gitopsd.model.app import App
from gitopsd.model.errors import GitopsdError
from gitopsd.model.record import Condition, Phase, SyncRecord, Trigger
from gitopsd.reconcile import Reconciler
from gitopsd.waiting import Course

_log = structlog.get_logger()


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


async def carried_out(reconciler: Reconciler, app: App, trigger: Trigger, course: Course) -> SyncRecord:
    """One pass. What should not happen, happens to one application, for once: the worker goes on, and it is tried again."""
    clock, history = reconciler.ports.clock, reconciler.ports.history
    started = clock.now()
    try:
        if app.deletion:
            return await reconciler.delete(app, app.deletion, trigger, course)
        return await reconciler.reconcile(app, trigger, course)
    except GitopsdError as error:
        condition = Condition(error.condition, str(error))
    except Exception as error:  # noqa: BLE001 - whatever it is, it concerns this application alone
        _log.exception("an error in gitopsd itself", application=str(app.key))
        what = f"an error in gitopsd itself ({type(error).__name__}); its log has the details"
        condition = Condition(GitopsdError.condition, what)
    record = course.record or SyncRecord(app.key, trigger, Phase.RUNNING, "", started, attempted=not trigger.dry_run)
    record = replace(record, phase=Phase.ERROR, message=condition.message, finished=clock.now(), conditions=(condition,))
    if record.id:
        with contextlib.suppress(GitopsdError):  # the history may be what failed: its next start closes the record
            await history.record(record)
    return record

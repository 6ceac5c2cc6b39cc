"""What people ask of the agent: syncs, and why one can't be."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from gitopsd.daemon.retry import Retries
from gitopsd.model.app import AppKey
from gitopsd.model.errors import GitopsdError
from gitopsd.model.record import Phase, SyncRecord, Trigger
from gitopsd.model.status import AppStatus

WAITS = "waits for its turn"


class OperationConflictError(GitopsdError):
    """Another operation is under way for this application."""


class NoSuchApplicationError(GitopsdError):
    """No application has this name, or several have it in different namespaces."""


class RefusedError(GitopsdError):
    """What was asked for can't be done as things stand; says how to go on."""


class StoppingError(GitopsdError):
    """gitopsd is about to end, and begins nothing new."""


@dataclass(slots=True)
class Operation:
    """A sync that a person asked for. `done` ends with its record, or is cancelled when the operation is terminated.

    `record` is how it shows while it waits: for its turn, or, where it has `failed`, to be tried again.
    """

    trigger: Trigger
    record: SyncRecord
    done: asyncio.Future[SyncRecord]
    failed: SyncRecord | None = None

    def asks(self, trigger: Trigger) -> bool:
        """Whether `trigger` asks for the same, whoever it is."""
        return replace(self.trigger, actor="", retries=0) == replace(trigger, actor="", retries=0)

    def rest(self, failed: SyncRecord, trigger: Trigger, until: datetime) -> None:
        """It has failed, and is tried again then."""
        message = f"{failed.message}; tried again at {until:%H:%M:%S} UTC (retry {trigger.retries})"
        self.trigger, self.failed = trigger, failed
        self.record = replace(failed, id="", trigger=trigger, phase=Phase.RUNNING, finished=None, message=message)


@dataclass(slots=True)
class Operations:
    """The syncs that people have asked for and that have not ended: at most one for each application."""

    now: Callable[[], datetime]
    retries: Retries
    asked: dict[AppKey, Operation] = field(default_factory=dict)

    def get(self, key: AppKey) -> Operation | None:
        """The one of an application, if there is one."""
        return self.asked.get(key)

    def begin(self, key: AppKey, trigger: Trigger) -> Operation:
        """One that waits for its turn."""
        record = SyncRecord(key, trigger, Phase.RUNNING, WAITS, self.now())
        self.asked[key] = Operation(trigger, record, asyncio.get_running_loop().create_future())
        return self.asked[key]

    def passed(self, status: AppStatus, record: SyncRecord) -> None:
        """A pass is over: what failed may be tried again, and its operation goes on; that of another gives way to a sync."""
        if record.trigger.dry_run:
            return
        self.retries.passed(status.app, record, status.operation)
        operation, again = self.asked.get(record.app), self.retries.waiting.get(record.app)
        if operation and operation.trigger is record.trigger and again and again.trigger.retry:
            operation.rest(record, again.trigger, self.now() + timedelta(seconds=again.delay))
        elif operation and not (again and operation.trigger is again.trigger):
            self.give_way(record.app)

    def give_way(self, key: AppKey) -> None:
        """One that was to be tried again is not: something else comes before that."""
        operation = self.asked.get(key)
        if operation and operation.failed:
            self.end(key, operation.failed)
            self.retries.cancel(key, operation.trigger)

    def line_up(self, key: AppKey) -> None:
        """One that was to be tried again waits for its turn."""
        operation = self.asked.get(key)
        if operation and operation.failed:
            operation.failed, operation.record = None, SyncRecord(key, operation.trigger, Phase.RUNNING, WAITS, self.now())

    def end(self, key: AppKey, record: SyncRecord) -> None:
        """It has come to `record`: whoever waits for it learns that."""
        self.asked.pop(key).done.set_result(record)

    def give_up(self, key: AppKey) -> None:
        """What it waited for has not come."""
        waits = self.asked[key].record
        self.end(key, replace(waits, phase=Phase.FAILED, message=f"in vain: {waits.message}", finished=self.now()))

    def withdraw(self, key: AppKey) -> Operation | None:
        """Whoever waits for it, if there is one, learns that it will not come to an end."""
        operation = self.asked.pop(key, None)
        if operation:
            operation.done.cancel()
            self.retries.cancel(key, operation.trigger)
        return operation

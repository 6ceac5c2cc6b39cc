"""What people ask of the agent: syncs, and why one can't be."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

from gitopsd.model.app import AppKey
from gitopsd.model.errors import GitopsdError
from gitopsd.model.record import Phase, SyncRecord, Trigger

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

    `record` is how it shows while it waits for its turn.
    """

    trigger: Trigger
    record: SyncRecord
    done: asyncio.Future[SyncRecord]

    def asks(self, trigger: Trigger) -> bool:
        """Whether `trigger` asks for the same, whoever it is."""
        return replace(self.trigger, actor="") == replace(trigger, actor="")


@dataclass(slots=True)
class Operations:
    """The syncs that people have asked for and that have not ended: at most one for each application."""

    now: Callable[[], datetime]
    asked: dict[AppKey, Operation] = field(default_factory=dict)

    def get(self, key: AppKey) -> Operation | None:
        """The one of an application, if there is one."""
        return self.asked.get(key)

    def begin(self, key: AppKey, trigger: Trigger) -> Operation:
        """One that waits for its turn."""
        record = SyncRecord(key, trigger, Phase.RUNNING, WAITS, self.now())
        self.asked[key] = Operation(trigger, record, asyncio.get_running_loop().create_future())
        return self.asked[key]

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
        return operation

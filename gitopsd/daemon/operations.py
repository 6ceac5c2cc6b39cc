"""What people ask of the agent: syncs, and why one can't be."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from gitopsd.model.errors import GitopsdError
from gitopsd.model.record import SyncRecord, Trigger


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

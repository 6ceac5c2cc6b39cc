"""The waits of a sync: each has a deadline and says whom it waits for, and why; all can be followed and ended from outside."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field, replace

from gitopsd.model.app import App, AppKey
from gitopsd.model.health import Health, HealthStatus
from gitopsd.model.record import SyncRecord
from gitopsd.model.refs import ObjectRef
from gitopsd.ports import ClusterPort

SLICE = 2.0
"""Seconds after which a wait says anew whom it still waits for."""

_NAMED = 3
"""Objects that a wait names; of the others it gives the number."""

_GONE = frozenset(HealthStatus) - {HealthStatus.PROGRESSING}
"""How a pruned object shows that it is gone: not there, or not going any more, as it is somebody's new one of that name."""


class StoppedError(Exception):
    """The rest of the plan is not carried out; says why."""


class UnhealthyError(StoppedError):
    """Something that was waited for is Degraded or gone, or has not become Healthy in time."""


class SupersededError(StoppedError):
    """There is a newer commit."""


@dataclass(slots=True)
class Course:
    """A sync under way as others see and steer it.

    `on_record` is told of its record before its first write, and whenever it waits for something else, which the message then
    says. `holds_back` is asked before a sync why it has to wait for others, and `held_back` is what it said. `has_left` are
    applications that are no more: what they had may be taken over. `supersede` ends the sync at its next wait, or at the one that
    it is in.
    """

    on_record: Callable[[SyncRecord], None] = lambda _: None
    record: SyncRecord | None = None
    holds_back: Callable[[], str] = lambda: ""
    held_back: str = ""
    has_left: Container[AppKey] = frozenset()
    newer: str = ""
    _called: asyncio.Event = field(default_factory=asyncio.Event)

    def begin(self, record: SyncRecord) -> None:
        """The sync is about to write."""
        self.record = record
        self.on_record(record)

    def tell(self, message: str) -> None:
        """It waits."""
        if self.record and self.record.message != message:
            self.begin(replace(self.record, message=message))

    def supersede(self, commit: str) -> None:
        """There is a newer commit: whatever the sync waits for is not worth waiting for any more."""
        self.newer = commit
        self._called.set()

    async def superseded(self) -> None:
        """Returns when there is a newer commit."""
        await self._called.wait()


@dataclass(slots=True)
class Wait:
    """One wait. `why` says who waits; `healths` are the last that were seen."""

    app: App
    cluster: ClusterPort
    course: Course
    why: str
    deadline: float
    healths: Mapping[ObjectRef, Health] = field(default_factory=dict)

    async def until_healthy(self, refs: frozenset[ObjectRef]) -> None:
        """Ends when all are Healthy; one that is Degraded or gone, the deadline, or a newer commit stops the sync."""
        await self._until(refs, (HealthStatus.HEALTHY,))

    async def until_gone(self, refs: frozenset[ObjectRef]) -> None:
        """Ends when all are gone, as `until_healthy` does otherwise."""
        await self._until(refs, _GONE)

    async def _until(self, refs: frozenset[ObjectRef], ends: Container[HealthStatus]) -> None:
        left = self.deadline
        while refs:
            self.healths = await self._settled(refs, min(left, SLICE))
            waited = {ref: health for ref, health in sorted(self.healths.items()) if health.status not in ends}
            if not waited:
                return
            for ref, health in waited.items():
                if health.status in (HealthStatus.DEGRADED, HealthStatus.MISSING):
                    raise UnhealthyError(f"{ref} is {_state(health)}")
            left -= SLICE
            if left <= 0:
                raise UnhealthyError(f"{self.why} in vain: after {self.deadline:g} s {_named(waited)}")
            self.course.tell(f"{self.why}: {_named(waited)}")

    async def _settled(self, refs: frozenset[ObjectRef], seconds: float) -> Mapping[ObjectRef, Health]:
        """The healths as they are then; raises SupersededError as soon as there is a newer commit."""
        settling = asyncio.ensure_future(self.cluster.settle(self.app, refs, seconds))
        called = asyncio.ensure_future(self.course.superseded())
        try:
            await asyncio.wait({settling, called}, return_when=asyncio.FIRST_COMPLETED)
            if called.done():
                raise SupersededError(f"superseded by {self.course.newer}")
            return settling.result()
        finally:
            for task in (settling, called):
                task.cancel()


def _state(health: Health) -> str:
    return f"{health.status}: {health.message}" if health.message else str(health.status)


def _named(waited: Mapping[ObjectRef, Health]) -> str:
    first = list(waited.items())[:_NAMED]
    more = f" (and {len(waited) - _NAMED} more)" if len(waited) > _NAMED else ""
    return "; ".join(f"{ref} is {_state(health)}" for ref, health in first) + more

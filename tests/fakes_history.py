"""A history in memory: what `gitopsd.history.History` promises, without a database. The same contract tests run on both."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from gitopsd.history import is_worth_keeping, tells_of_drift
from gitopsd.model.app import AppKey
from gitopsd.model.health import Health
from gitopsd.model.plan import Summary
from gitopsd.model.receipt import Receipt
from gitopsd.model.record import Condition, Drift, DriftOutcome, Phase, SyncRecord
from gitopsd.model.refs import ObjectRef
from gitopsd.model.standing import Order, Standing
from gitopsd.ports import Page

Item = TypeVar("Item")


@dataclass(slots=True)
class FakeClock:
    """A clock that stands still until it is moved."""

    time: datetime = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
    seconds: float = 0.0

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return self.seconds

    def advance(self, seconds: float) -> None:
        """Lets time pass."""
        self.time += timedelta(seconds=seconds)
        self.seconds += seconds


@dataclass(slots=True)
class FakeHistory:
    """Everything is kept for ever. `kept` are the receipts, by judge."""

    clock: FakeClock = field(default_factory=FakeClock)
    records: dict[int, SyncRecord] = field(default_factory=dict)
    drift: dict[int, Drift] = field(default_factory=dict)
    ordered: dict[AppKey, Standing] = field(default_factory=dict)
    kept: dict[str, dict[ObjectRef, Receipt]] = field(default_factory=dict)

    async def begin(self, record: SyncRecord) -> SyncRecord:
        return self._insert(record)

    async def record(self, record: SyncRecord) -> SyncRecord:
        if tells_of_drift(record):
            self._store_drift(record)
        if not is_worth_keeping(record):
            return record
        if record.id and (known := self.records.get(int(record.id))):
            if known.phase is Phase.RUNNING:
                self.records[int(record.id)] = _kept(record)
            return record
        return self._insert(record)

    def _insert(self, record: SyncRecord) -> SyncRecord:
        number = len(self.records) + 1
        record = replace(record, id=str(number))
        self.records[number] = _kept(record)
        return record

    def _store_drift(self, record: SyncRecord) -> None:
        now = record.finished or record.started
        known = {
            _identity(drift): number for number, drift in self.drift.items() if drift.app == record.app and drift.until is None
        }
        for drift in record.drifts:
            until = now if drift.outcome is DriftOutcome.HEALED else drift.until
            number = known.pop(_identity(drift), None)
            first = self.drift[number] if number else drift
            self.drift[number or len(self.drift) + 1] = replace(first, outcome=drift.outcome, until=until)
        for number in known.values():
            self.drift[number] = replace(self.drift[number], until=now)

    async def last(self, app: AppKey) -> SyncRecord | None:
        for record in reversed(self.records.values()):
            if record.app == app and record.attempted and record.finished and record.desired_digest:
                return replace(record, results=())
        return None

    async def interrupted(self, apps: Collection[AppKey] | None = None) -> tuple[SyncRecord, ...]:
        running = [number for number, record in self.records.items() if record.phase is Phase.RUNNING]
        running = [number for number in running if apps is None or self.records[number].app in apps]
        for number in running:
            self.records[number] = replace(
                self.records[number], phase=Phase.ERROR, message="interrupted", finished=self.clock.now()
            )
        return tuple(self.records[number] for number in running)

    async def drifts(self, app: AppKey | None, *, limit: int = 100) -> tuple[Drift, ...]:
        return (await self.drift_page(app, limit=limit)).items

    async def page(self, app: AppKey | None, *, limit: int = 100, cursor: str | None = None) -> Page[SyncRecord]:
        found = {number: replace(record, results=()) for number, record in self.records.items() if app in (None, record.app)}
        return _page(found, limit, cursor)

    async def get(self, record_id: str) -> SyncRecord | None:
        return self.records.get(int(record_id)) if record_id.isdecimal() else None

    async def complete(self, record_id: str, health: Health, condition: Condition | None = None) -> None:
        record = self.records[int(record_id)]
        more = (condition,) if condition else ()
        self.records[int(record_id)] = replace(record, health=health, conditions=record.conditions + more)

    async def drift_page(self, app: AppKey | None, *, limit: int = 100, cursor: str | None = None) -> Page[Drift]:
        return _page({number: drift for number, drift in self.drift.items() if app in (None, drift.app)}, limit, cursor)

    async def standing(self) -> Mapping[AppKey, Standing]:
        return {app: standing for app, standing in self.ordered.items() if standing.orders}

    async def give(self, app: AppKey, order: Order) -> None:
        self.ordered[app] = self.ordered.get(app, Standing()).plus(order)

    async def lift(self, app: AppKey, order: Order) -> None:
        self.ordered[app] = self.ordered.get(app, Standing()).without([order])

    async def commits(self) -> frozenset[str]:
        pins = (standing.pinned for standing in self.ordered.values())
        recorded = frozenset(commit.id for record in self.records.values() for commit in record.commits)
        return recorded.union(*(pin.revisions for pin in pins if pin))

    async def applications(self) -> frozenset[AppKey]:
        return frozenset(record.app for record in self.records.values())

    async def forget(self, app: AppKey) -> None:
        self.ordered.pop(app, None)
        for number, drift in self.drift.items():
            if drift.app == app and drift.until is None:
                self.drift[number] = replace(drift, until=self.clock.now())

    async def receipts(self, judge: str) -> Mapping[ObjectRef, Receipt]:
        now = self.clock.now().timestamp()
        return {ref: receipt for ref, receipt in self.kept.get(judge, {}).items() if receipt.expires > now}

    async def note(self, judge: str, changes: Mapping[ObjectRef, Receipt | None]) -> None:
        kept = self.kept.setdefault(judge, {})
        for ref, receipt in changes.items():
            kept.pop(ref, None)
            if receipt:
                kept[ref] = receipt

    async def check(self) -> None:
        """Memory can always be written."""


def _identity(drift: Drift) -> str:
    """What two sightings of one drift have in common; its values may be of any shape."""
    return f"{drift.ref} {replace(drift.change, time='')}"


def _kept(record: SyncRecord) -> SyncRecord:
    """What history keeps of a record: drift is kept beside it; how its resources stood, and what they were, is not history."""
    return replace(record, drifts=(), resources=(), summary=Summary())


def _page(found: Mapping[int, Item], limit: int, cursor: str | None) -> Page[Item]:
    if cursor is not None and not cursor.isdecimal():
        raise ValueError("is no cursor")
    older = [number for number in sorted(found, reverse=True) if cursor is None or number < int(cursor)]
    shown = older[: max(1, limit)]
    return Page(tuple(found[number] for number in shown), str(shown[-1]) if len(older) > len(shown) else None)

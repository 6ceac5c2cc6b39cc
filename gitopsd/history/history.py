"""The history: `gitopsd.ports.HistoryPort`, `HistoryQueries` and `ReceiptBook` over a database.

All of its work is done by one thread, in the order in which it was asked for, so that the event loop never waits for a disk and
SQLite never waits for itself. Records that come while it is busy are stored together, and read together (`Together`): a thousand
applications that are synced at once would wait for each other's transactions otherwise.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Self, TypeVar

from gitopsd.history import store
from gitopsd.history.database import Database, open_database
from gitopsd.history.receipts import read_receipts, write_receipts
from gitopsd.history.retention import BATCH, Retention, trim_age, trim_apps
from gitopsd.history.together import Together
from gitopsd.model.app import AppKey
from gitopsd.model.errors import StorageError
from gitopsd.model.health import Health
from gitopsd.model.receipt import Receipt
from gitopsd.model.record import Condition, Drift, SyncRecord, SyncStatus, TriggerKind
from gitopsd.model.refs import ObjectRef
from gitopsd.model.standing import Order, Standing, standing_of, stored
from gitopsd.ports import Clock, Page

if TYPE_CHECKING:
    from sqlalchemy import Connection

Answer = TypeVar("Answer")
_MOST_TOGETHER = 200
"""Records that one transaction stores."""
_HEARTBEAT = AppKey("", "gitopsd")


@dataclass(frozen=True, slots=True)
class _Entry:
    """A record to store: itself where it is `kept`, its drifts where it `tells` of them."""

    record: SyncRecord
    kept: bool = True
    tells: bool = False


@dataclass(slots=True)
class History:
    """What happened, kept in a database. Made by `open`, ended by `close`."""

    _database: Database
    _retention: Retention
    _clock: Clock
    _thread: ThreadPoolExecutor
    _drifting: set[AppKey] = field(default_factory=set)
    """The applications with open drift, so that a pass without news needs no query."""
    _stored: Counter[AppKey] = field(default_factory=Counter)
    """How many records of each application this process has stored."""
    _untidy: set[AppKey] = field(default_factory=set)
    """The applications that have some too many by now."""
    _owed: dict[str, _Entry] = field(default_factory=dict)
    """How syncs ended whose rows still say Running, because the database failed just then; stored as soon as it works again."""
    _storing: Together[_Entry, SyncRecord] = field(init=False)
    _remembering: Together[AppKey, SyncRecord | None] = field(init=False)

    def __post_init__(self) -> None:
        self._storing = Together(self._store_all, _MOST_TOGETHER)
        self._remembering = Together(self._last, _MOST_TOGETHER)

    @classmethod
    async def open(
        cls, url: str, clock: Clock, retention: Retention | None = None, password: Callable[[], str] | None = None
    ) -> Self:
        """Opens the database that `url` names, migrates it where needed; raises StorageError. See `notices` afterwards."""
        thread = ThreadPoolExecutor(1, "history")
        loop = asyncio.get_running_loop()
        try:
            database = await loop.run_in_executor(thread, lambda: open_database(url, password=password, now=clock.now()))
            history = cls(database, retention or Retention(), clock, thread)
            history._drifting = await history._do(store.apps_with_open_drifts)
        except BaseException:
            thread.shutdown(wait=False)
            raise
        return history

    @property
    def notices(self) -> tuple[str, ...]:
        """What had to be done to open the database, each worth a warning: a damaged one was moved aside."""
        return self._database.notices

    async def close(self) -> None:
        """Ends when everything asked for has been stored."""
        await self._storing.end()
        await asyncio.get_running_loop().run_in_executor(self._thread, self._database.close)
        self._thread.shutdown()

    async def begin(self, record: SyncRecord) -> SyncRecord:
        """See `HistoryPort.begin`."""
        return await self._storing.ask(_Entry(record))

    async def record(self, record: SyncRecord) -> SyncRecord:
        """See `HistoryPort.record`."""
        kept = is_worth_keeping(record)
        tells = tells_of_drift(record) and bool(record.drifts or record.app in self._drifting)
        if not kept and not tells:
            return record
        return await self._storing.ask(_Entry(record, kept, tells))

    async def _store_all(self, entries: Sequence[_Entry]) -> list[SyncRecord]:
        """Stores entries in one transaction."""
        try:
            records = await self._do(partial(self._store, entries=entries))
        except StorageError:
            for entry in entries if len(entries) == 1 else ():
                if entry.record.id:
                    self._owed.setdefault(entry.record.id, entry)  # what is said of it later is only that this failed
            raise
        self._tidy_after(entries)
        return records

    def _store(self, connection: Connection, entries: Sequence[_Entry]) -> list[SyncRecord]:
        for told in _in_turn(entry.record for entry in entries if entry.tells):
            still_open = store.store_drifts(connection, told)
            self._drifting.difference_update(told.keys() - still_open)
            self._drifting.update(still_open)
        stored = iter(store.store_records(connection, [entry.record for entry in entries if entry.kept]))
        return [next(stored) if entry.kept else entry.record for entry in entries]

    def _tidy_after(self, entries: Sequence[_Entry]) -> None:
        """Has retention's work done, unwaited for, for applications of which a tenth more than its count has come.

        It waits until nobody wants to store anything, or for enough of them. Where tidying fails, the next one makes up for it; a
        database that is broken says so to whoever asks for something.
        """
        for app in (entry.record.app for entry in entries if entry.kept):
            self._stored[app] += 1
            if self._stored[app] % max(1, self._retention.count // 10) == 0:
                self._untidy.add(app)
        if self._untidy and (not self._storing or len(self._untidy) >= _MOST_TOGETHER):
            self._thread.submit(self._tidy, frozenset(self._untidy))
            self._untidy.clear()

    def _settle(self) -> None:
        """Stores what is owed; where that fails, the next success has it tried again."""
        for record_id, entry in tuple(self._owed.items()):
            with self._database.transaction() as connection:
                self._store(connection, (entry,))
            del self._owed[record_id]

    def _tidy(self, apps: Collection[AppKey]) -> None:
        """What retention leaves to do, in batches."""
        gone = BATCH
        while gone >= BATCH:
            with self._database.transaction() as connection:
                gone = trim_apps(connection, apps, self._retention) + trim_age(connection, self._retention, self._clock.now())
            if gone:
                self._database.reclaim()

    async def last(self, app: AppKey) -> SyncRecord | None:
        """See `HistoryPort.last`."""
        return await self._remembering.ask(app)

    async def _last(self, apps: Sequence[AppKey]) -> list[SyncRecord | None]:
        found = await self._do(lambda connection: store.last_records(connection, apps))
        return [found.get(app) for app in apps]

    async def interrupted(self, apps: Collection[AppKey] | None = None) -> tuple[SyncRecord, ...]:
        """See `HistoryPort.interrupted`. Of applications that are taken over, others know which of them drift."""
        self._drifting.update(await self._do(store.apps_with_open_drifts))
        return await self._do(lambda connection: store.close_running(connection, self._clock.now(), apps))

    async def drifts(self, app: AppKey | None, *, limit: int = 100) -> tuple[Drift, ...]:
        """See `HistoryPort.drifts`."""
        return (await self.drift_page(app, limit=limit)).items

    async def page(self, app: AppKey | None, *, limit: int = 100, cursor: str | None = None) -> Page[SyncRecord]:
        """See `HistoryQueries.page`."""
        before = read_cursor(cursor)
        return await self._do(lambda connection: store.record_page(connection, app, limit, before))

    async def get(self, record_id: str) -> SyncRecord | None:
        """See `HistoryQueries.get`."""
        if not is_id(record_id):
            return None
        return await self._do(lambda connection: store.get_record(connection, int(record_id)))

    async def complete(self, record_id: str, health: Health, condition: Condition | None = None) -> None:
        """See `HistoryQueries.complete`."""
        await self._do(lambda connection: store.complete_record(connection, int(record_id), health, condition))

    async def drift_page(self, app: AppKey | None, *, limit: int = 100, cursor: str | None = None) -> Page[Drift]:
        """See `HistoryQueries.drift_page`."""
        before = read_cursor(cursor)
        return await self._do(lambda connection: store.drift_page(connection, app, limit, before))

    async def standing(self) -> Mapping[AppKey, Standing]:
        """See `HistoryQueries.standing`."""
        found = await self._do(store.read_flags)
        return {app: standing_of(flags) for app, flags in found.items() if app != _HEARTBEAT}

    async def give(self, app: AppKey, order: Order) -> None:
        """See `HistoryQueries.give`."""
        await self._do(lambda connection: store.write_flag(connection, app, order.name, stored(order)))

    async def lift(self, app: AppKey, order: Order) -> None:
        """See `HistoryQueries.lift`."""
        await self._do(lambda connection: store.delete_flag(connection, app, order.name, stored(order)))

    async def commits(self) -> frozenset[str]:
        """See `HistoryQueries.commits`."""
        recorded = await self._do(store.recorded_commits)
        pins = (standing.pinned for standing in (await self.standing()).values())
        return recorded.union(*(pin.revisions for pin in pins if pin))

    async def applications(self) -> frozenset[AppKey]:
        """See `HistoryQueries.applications`."""
        return await self._do(store.recorded_applications)

    async def forget(self, app: AppKey) -> None:
        """See `HistoryQueries.forget`."""

        def forget(connection: Connection) -> None:
            store.delete_flags(connection, app)
            store.close_drifts(connection, app, self._clock.now())

        await self._do(forget)
        self._drifting.discard(app)
        self._stored.pop(app, None)

    async def receipts(self, judge: str) -> Mapping[ObjectRef, Receipt]:
        """See `ReceiptBook.receipts`."""
        now = self._clock.now().timestamp()
        return await self._do(lambda connection: read_receipts(connection, judge, now))

    async def note(self, judge: str, changes: Mapping[ObjectRef, Receipt | None]) -> None:
        """See `ReceiptBook.note`."""
        await self._do(lambda connection: write_receipts(connection, judge, changes))

    async def check(self) -> None:
        """See `HistoryQueries.check`."""
        now = self._clock.now().isoformat()
        await self._do(lambda connection: store.write_flag(connection, _HEARTBEAT, "checked", now))

    async def _do(self, work: Callable[[Connection], Answer]) -> Answer:
        """Runs `work` in a transaction on the thread; raises StorageError."""

        def run() -> Answer:
            with self._database.transaction() as connection:
                return work(connection)

        answer = await asyncio.get_running_loop().run_in_executor(self._thread, run)
        if self._owed:
            self._thread.submit(self._settle)
        return answer


def _in_turn(told: Iterable[SyncRecord]) -> list[dict[AppKey, SyncRecord]]:
    """Records one after the other of each application, those of different ones together."""
    rounds: list[dict[AppKey, SyncRecord]] = []
    for record in told:
        free = next((others for others in rounds if record.app not in others), None)
        if free is None:
            rounds.append(free := {})
        free[record.app] = record
    return rounds


def is_worth_keeping(record: SyncRecord) -> bool:
    """Whether a finished record is stored: an attempted sync, one that has a row already, and what a person asked to be done."""
    asked = record.trigger.kind is TriggerKind.MANUAL or bool(record.trigger.actor)
    return record.attempted or bool(record.id) or (asked and not record.trigger.dry_run)


def tells_of_drift(record: SyncRecord) -> bool:
    """Whether a pass compared live with what Git says now: not one that failed before, or was for another revision."""
    return record.sync is not SyncStatus.UNKNOWN and not record.trigger.dry_run and not record.trigger.revision


def is_id(text: str) -> bool:
    """Whether `text` can be the id of a record."""
    return text.isascii() and text.isdecimal() and len(text) <= 18  # noqa: PLR2004 - what fits a database's integer


def read_cursor(cursor: str | None) -> int | None:
    """The id that a cursor holds; raises ValueError where it is none of ours."""
    if cursor is None:
        return None
    if not is_id(cursor):
        raise ValueError("is no cursor: give the `next` of the page before")
    return int(cursor)

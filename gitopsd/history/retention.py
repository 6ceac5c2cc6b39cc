"""Forgetting: by count for each application, by age for all, a few rows at a time."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, Select, Table, delete, func, select, true

from gitopsd.history.store import among, delete_records
from gitopsd.history.tables import drifts, records
from gitopsd.model.app import AppKey
from gitopsd.model.record import Phase

BATCH = 200
"""Rows that one transaction deletes: nobody waits long for it."""
DRIFTS_FOR_EACH_RECORD = 10
"""Closed drifts are kept by the same rule, this many times as many."""


@dataclass(frozen=True, slots=True)
class Retention:
    """How much is kept: `count` records of each application, and nothing older than `age`.

    Records go as others come, so that up to a tenth more than `count` may be there. Whatever its age, the newest successful
    sync of each application stays, and so does everything that isn't over.
    """

    count: int = 100
    age: timedelta = timedelta(hours=720)


def trim_apps(connection: Connection, apps: Collection[AppKey], retention: Retention) -> int:
    """Deletes a batch of what is beyond the count of each of these applications; how many rows it was."""
    theirs = among(records, apps)
    old = select(records.c.id).where(
        records.c.id.in_(_beyond(records, theirs, retention.count)),
        records.c.finished.is_not(None),
        records.c.id.not_in(_newest_successes(theirs)),
    )
    ids = connection.scalars(old.limit(BATCH)).all()
    if ids:
        delete_records(connection, ids)
    closed = among(drifts, apps) & drifts.c.until.is_not(None)
    gone = connection.scalars(_beyond(drifts, closed, retention.count * DRIFTS_FOR_EACH_RECORD).limit(BATCH)).all()
    if gone:
        connection.execute(delete(drifts).where(drifts.c.id.in_(gone)))
    return len(ids) + len(gone)


def trim_age(connection: Connection, retention: Retention, now: datetime) -> int:
    """Deletes a batch of what is older than the age; how many rows it was."""
    oldest = now - retention.age
    old = select(records.c.id).where(records.c.finished < oldest, records.c.id.not_in(_newest_successes(true()))).limit(BATCH)
    ids = connection.scalars(old).all()
    if ids:
        delete_records(connection, ids)
    gone = connection.scalars(select(drifts.c.id).where(drifts.c.until < oldest).limit(BATCH)).all()
    if gone:
        connection.execute(delete(drifts).where(drifts.c.id.in_(gone)))
    return len(ids) + len(gone)


def _beyond(table: Table, which: ColumnElement[bool], count: int) -> Select[int]:
    """The ids of what comes after the newest `count` rows of each application."""
    place = func.row_number().over(partition_by=(table.c.namespace, table.c.name), order_by=table.c.id.desc())
    placed = select(table.c.id, place.label("place")).where(which).subquery()
    return select(placed.c.id).where(placed.c.place > count)


def _newest_successes(which: ColumnElement[bool]) -> Select[int | None]:
    succeeded = which & (records.c.phase == Phase.SUCCEEDED.value) & (records.c.attempted == true())
    return select(func.max(records.c.id)).where(succeeded).group_by(records.c.namespace, records.c.name)

"""Forgetting: by count for each application, by age for all, a few rows at a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Select, delete, func, select, true

from gitopsd.history.store import delete_records
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


def trim_app(connection: Connection, app: AppKey, retention: Retention) -> int:
    """Deletes a batch of what is beyond the count of an application; how many rows it was."""
    mine = (records.c.namespace == app.namespace) & (records.c.name == app.name)
    beyond = select(records.c.id).where(mine).order_by(records.c.id.desc()).offset(retention.count).limit(BATCH).subquery()
    over = records.c.finished.is_not(None)
    ids = connection.scalars(
        select(records.c.id).where(records.c.id.in_(select(beyond.c.id)), over, records.c.id.not_in(_newest_successes(app)))
    ).all()
    if ids:
        delete_records(connection, ids)
    return len(ids) + _trim_drifts(connection, app, retention)


def trim_age(connection: Connection, retention: Retention, now: datetime) -> int:
    """Deletes a batch of what is older than the age; how many rows it was."""
    oldest = now - retention.age
    old = select(records.c.id).where(records.c.finished < oldest, records.c.id.not_in(_newest_successes(None))).limit(BATCH)
    ids = connection.scalars(old).all()
    if ids:
        delete_records(connection, ids)
    gone = connection.scalars(select(drifts.c.id).where(drifts.c.until < oldest).limit(BATCH)).all()
    if gone:
        connection.execute(delete(drifts).where(drifts.c.id.in_(gone)))
    return len(ids) + len(gone)


def _trim_drifts(connection: Connection, app: AppKey, retention: Retention) -> int:
    closed = (drifts.c.namespace == app.namespace) & (drifts.c.name == app.name) & drifts.c.until.is_not(None)
    kept = retention.count * DRIFTS_FOR_EACH_RECORD
    ids = connection.scalars(select(drifts.c.id).where(closed).order_by(drifts.c.id.desc()).offset(kept).limit(BATCH)).all()
    if ids:
        connection.execute(delete(drifts).where(drifts.c.id.in_(ids)))
    return len(ids)


def _newest_successes(app: AppKey | None) -> Select[int | None]:
    mine = true() if app is None else (records.c.namespace == app.namespace) & (records.c.name == app.name)
    succeeded = mine & (records.c.phase == Phase.SUCCEEDED.value) & (records.c.attempted == true())
    return select(func.max(records.c.id)).where(succeeded).group_by(records.c.namespace, records.c.name)

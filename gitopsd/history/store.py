"""What is asked of the tables, one function for each question; each works within a transaction that its caller opened."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Table, bindparam, delete, func, insert, select, true, update

from gitopsd.history.rows import Row, drift_identity, drift_of, drift_row, record_of, record_row, result_rows
from gitopsd.history.tables import drifts, flags, records, results
from gitopsd.model.app import AppKey
from gitopsd.model.health import Health
from gitopsd.model.record import Condition, Drift, DriftOutcome, Phase, SyncRecord
from gitopsd.ports import Page

if TYPE_CHECKING:
    from sqlalchemy.sql import ColumnElement

MOST_AT_ONCE = 1000
"""Rows of one page."""


# What each sync asks is put together once: to do so costs as much as the question.
_PHASES = select(records.c.id, records.c.phase).where(records.c.id.in_(bindparam("known", expanding=True)))
_REPLACE = update(records).where(records.c.id == bindparam("known"))
_ADD = insert(records).returning(records.c.id, sort_by_parameter_order=True)
_CLEAR_RESULTS = delete(results).where(results.c.record_id == bindparam("known"))
_ADD_RESULTS = insert(results)
_ADD_DRIFTS = insert(drifts)
_UPDATE_DRIFT = update(drifts).where(drifts.c.id == bindparam("known"))


def store_records(connection: Connection, wanted: Sequence[SyncRecord]) -> list[SyncRecord]:
    """Stores records with their results: each over its row where it has one, else as a new one that gets an id.

    A row may be there no longer: retention, or a new database, left none. One that is closed stays as it is: another replica took
    the application over, and said so. However many records these are, it takes the same few statements: a statement costs more
    than a row.
    """
    known = [int(record.id) for record in wanted if record.id]
    there = dict(map(tuple, connection.execute(_PHASES, {"known": known}))) if known else {}
    has_row = [bool(record.id) and int(record.id) in there for record in wanted]
    old = [record for record, has in zip(wanted, has_row, strict=True) if has and there[int(record.id)] == Phase.RUNNING]
    if old:
        connection.execute(_REPLACE, [{"known": int(record.id), **record_row(record)} for record in old])
        connection.execute(_CLEAR_RESULTS, [{"known": int(record.id)} for record in old])
    new = [record_row(record) for record, has in zip(wanted, has_row, strict=True) if not has]
    ids = iter(connection.scalars(_ADD, new).all() if new else ())
    stored = [record if has else replace(record, id=str(next(ids))) for record, has in zip(wanted, has_row, strict=True)]
    kept = [record for record, has in zip(stored, has_row, strict=True) if not has] + old
    if rows := [row for record in kept for row in result_rows(record, int(record.id))]:
        connection.execute(_ADD_RESULTS, rows)
    return stored


def last_records(connection: Connection, apps: Collection[AppKey]) -> dict[AppKey, SyncRecord]:
    """The newest finished record of each application, of its attempted syncs that got as far as a plan."""
    planned = (records.c.attempted == true()) & records.c.finished.is_not(None) & (records.c.desired_digest != "")
    newest = select(func.max(records.c.id)).where(among(records, apps), planned).group_by(records.c.namespace, records.c.name)
    rows = connection.execute(select(records).where(records.c.id.in_(newest))).mappings()
    return {record.app: record for record in map(record_of, rows)}


def get_record(connection: Connection, record_id: int) -> SyncRecord | None:
    """A record with its results."""
    row = connection.execute(select(records).where(records.c.id == record_id)).mappings().first()
    return record_of(row, _results_of(connection, record_id)) if row else None


def complete_record(connection: Connection, record_id: int, health: Health, condition: Condition | None) -> None:
    """Sets the health that a record's sync has come to, and adds a condition."""
    values: dict[str, Any] = {"health": health.status.value, "health_message": health.message}
    if condition:
        known = connection.execute(select(records.c.conditions).where(records.c.id == record_id)).scalar() or []
        values["conditions"] = [*known, [condition.type, condition.message]]
    connection.execute(update(records).where(records.c.id == record_id).values(values))


def _results_of(connection: Connection, record_id: int) -> Sequence[Row]:
    query = select(results).where(results.c.record_id == record_id).order_by(results.c.position)
    return connection.execute(query).mappings().all()


def recorded_commits(connection: Connection) -> frozenset[str]:
    """The ids of the commits of all records."""
    found = connection.execute(select(records.c.commits).distinct()).scalars()
    return frozenset(commit["id"] for commits in found for commit in commits)


def recorded_applications(connection: Connection) -> frozenset[AppKey]:
    """The applications of all records."""
    found = connection.execute(select(records.c.namespace, records.c.name).distinct())
    return frozenset(AppKey(namespace, name) for namespace, name in found)


def record_page(connection: Connection, app: AppKey | None, limit: int, before: int | None) -> Page[SyncRecord]:
    """Records older than `before`, newest first, without results."""
    rows, following = _page(connection, records, app, limit, before)
    return Page(tuple(record_of(row) for row in rows), following)


def drift_page(connection: Connection, app: AppKey | None, limit: int, before: int | None) -> Page[Drift]:
    """Drifts older than `before`, newest first."""
    rows, following = _page(connection, drifts, app, limit, before)
    return Page(tuple(drift_of(row) for row in rows), following)


def _page(
    connection: Connection, table: Table, app: AppKey | None, limit: int, before: int | None
) -> tuple[Sequence[Row], str | None]:
    limit = max(1, min(limit, MOST_AT_ONCE))
    older = table.c.id < before if before is not None else true()
    query = select(table).where(_of(table, app), older).order_by(table.c.id.desc()).limit(limit + 1)
    rows = connection.execute(query).mappings().all()
    return rows[:limit], str(rows[limit - 1]["id"]) if len(rows) > limit else None


def close_running(connection: Connection, now: datetime, apps: Collection[AppKey] | None) -> tuple[SyncRecord, ...]:
    """Ends every record that is still Running, of `apps` or of all, and says what it may have written."""
    rows = (
        connection.execute(select(records).where(records.c.phase == Phase.RUNNING.value).order_by(records.c.id)).mappings().all()
    )
    closed = []
    for row in rows:
        record = record_of(row, _results_of(connection, row["id"]))
        if apps is not None and record.app not in apps:
            continue
        record = replace(record, phase=Phase.ERROR, finished=now, message=_interrupted(record))
        connection.execute(
            update(records)
            .where(records.c.id == row["id"])
            .values(phase=record.phase.value, finished=record.finished, message=record.message)
        )
        closed.append(record)
    return tuple(closed)


def _interrupted(record: SyncRecord) -> str:
    message = "interrupted: gitopsd ended while this sync was under way; the next one goes on from what is live"
    if not record.results:
        return message
    named = [str(result.ref) for result in record.results[:10]]
    if len(record.results) > len(named):
        named.append(f"{len(record.results) - len(named)} more")
    return f"{message}. May have been written: {', '.join(named)}"


def apps_with_open_drifts(connection: Connection) -> set[AppKey]:
    """The applications that have drift now."""
    query = select(drifts.c.namespace, drifts.c.name).where(drifts.c.until.is_(None)).distinct()
    return {AppKey(namespace, name) for namespace, name in connection.execute(query)}


def store_drifts(connection: Connection, told: Mapping[AppKey, SyncRecord]) -> set[AppKey]:
    """Opens, goes on with and closes drifts as the record of each application saw them; of which some are open afterwards.

    As with records, however many these are, it takes the same few statements.
    """
    known: dict[AppKey, dict[str, int]] = {app: {} for app in told}
    query = select(drifts).where(among(drifts, told), drifts.c.until.is_(None))
    for open_row in connection.execute(query).mappings():
        app = AppKey(open_row["namespace"], open_row["name"])
        known.setdefault(app, {})[drift_identity(open_row)] = open_row["id"]
    still_open: set[AppKey] = set()
    opened: list[dict[str, Any]] = []
    seen: list[dict[str, Any]] = []
    over: list[dict[str, Any]] = []
    for app, record in told.items():
        now = record.finished or record.started
        for drift in record.drifts:
            until = now if drift.outcome is DriftOutcome.HEALED else drift.until
            if until is None:
                still_open.add(app)
            row = drift_row(replace(drift, until=until), now)
            found = known[app].pop(drift_identity(row), None)
            if found is None:
                opened.append(row)
            else:
                seen.append({"known": found, "outcome": row["outcome"], "last_seen": now, "until": until})
        over += [{"known": left, "until": now} for left in known[app].values()]
    for statement, rows in ((_ADD_DRIFTS, opened), (_UPDATE_DRIFT, seen), (_UPDATE_DRIFT, over)):
        if rows:
            connection.execute(statement, rows)
    return still_open


def close_drifts(connection: Connection, app: AppKey, now: datetime) -> None:
    """Closes all open drifts of an application that is gone."""
    connection.execute(update(drifts).where(_of(drifts, app), drifts.c.until.is_(None)).values(until=now))


def read_flags(connection: Connection) -> dict[AppKey, dict[str, Any]]:
    """All flags by application."""
    found: dict[AppKey, dict[str, Any]] = {}
    for row in connection.execute(select(flags).order_by(flags.c.key)).mappings():
        found.setdefault(AppKey(row["namespace"], row["name"]), {})[row["key"]] = row["value"]
    return found


def write_flag(connection: Connection, app: AppKey, key: str, value: Any) -> None:
    """Sets one flag."""
    connection.execute(delete(flags).where(_of(flags, app), flags.c.key == key))
    connection.execute(insert(flags).values(namespace=app.namespace, name=app.name, key=key, value=value))


def delete_flag(connection: Connection, app: AppKey, key: str, value: Any) -> None:
    """Removes one flag if it still has this value."""
    connection.execute(delete(flags).where(_of(flags, app), flags.c.key == key, flags.c.value == value))


def delete_flags(connection: Connection, app: AppKey) -> None:
    """Removes all flags of an application."""
    connection.execute(delete(flags).where(_of(flags, app)))


def delete_records(connection: Connection, ids: Iterable[int]) -> None:
    """Deletes records with their results."""
    chosen = list(ids)
    connection.execute(delete(results).where(results.c.record_id.in_(chosen)))
    connection.execute(delete(records).where(records.c.id.in_(chosen)))


def among(table: Table, apps: Collection[AppKey]) -> ColumnElement[bool]:
    """Rows of these applications, by the index; also of one that has the namespace of one of them and the name of another."""
    namespaces, names = {app.namespace for app in apps}, {app.name for app in apps}
    return table.c.namespace.in_(namespaces) & table.c.name.in_(names)


def _of(table: Table, app: AppKey | None) -> ColumnElement[bool]:
    if app is None:
        return true()
    return (table.c.namespace == app.namespace) & (table.c.name == app.name)

"""A history that moves: into another database, whatever its kind, or back to the tables that an older gitopsd knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Connection, Table, func, insert, select

from gitopsd.history.database import Database, translated
from gitopsd.history.migrating import migrate, versions
from gitopsd.history.tables import drifts, metadata, records
from gitopsd.model.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator

_BATCH = 1000


def copy(source: Database, target: Database) -> int:
    """Copies everything, ids included, into a database that holds nothing yet, in one transaction; gives the number of records.

    Both have to be open at this version, and no daemon at work with either. Raises StorageError.
    """
    with source.transaction() as reading, target.transaction() as writing:
        for table in metadata.sorted_tables:
            if writing.execute(select(table).limit(1)).first():
                raise StorageError(f"{target.name}: holds a history already: name a database that is empty")
            for batch in _batches(reading, table):
                writing.execute(insert(table), batch)
        for table in (records, drifts):
            _count_on(writing, table)
        return writing.execute(select(func.count()).select_from(records)).scalar_one()


def _batches(connection: Connection, table: Table) -> Iterator[list[dict[str, object]]]:
    for rows in connection.execute(select(table)).mappings().partitions(_BATCH):
        yield [dict(row) for row in rows]


def _count_on(connection: Connection, table: Table) -> None:
    """PostgreSQL counts apart from the rows; SQLite goes by the highest that there was."""
    if connection.dialect.name == "postgresql":
        highest = func.max(table.c.id)
        counter = func.pg_get_serial_sequence(table.name, "id")
        connection.execute(select(func.setval(counter, highest)).having(highest.is_not(None)))


def downgrade(database: Database, version: str) -> None:
    """Takes the tables back to those of an earlier version; what has no place in them is dropped. Raises StorageError."""
    if version not in versions():
        raise StorageError(f"{database.name}: there is no version {version} to go back to, only {', '.join(versions())}")
    with translated(database.name):
        migrate(database.engine, database.name, version)

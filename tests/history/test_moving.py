from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from gitopsd.history import moving, store
from gitopsd.history.database import Database, open_database
from gitopsd.history.tables import metadata
from gitopsd.model.errors import StorageError
from tests.history.test_database import NOW, RECORD
from tests.postgres import Postgres

URLS = [("sqlite", "postgresql"), ("postgresql", "sqlite"), ("sqlite", "sqlite")]


@pytest.fixture(params=URLS, ids="-to-".join)
def databases(request: pytest.FixtureRequest, tmp_path: Path, postgres: Postgres) -> Iterator[tuple[Database, Database]]:
    """Two open databases that hold nothing."""
    kinds: tuple[str, str] = request.param
    urls = [postgres.database() if kind == "postgresql" else f"sqlite:{tmp_path}/{place}.db" for place, kind in enumerate(kinds)]
    old, new = (open_database(url, now=NOW) for url in urls)
    with closing(old), closing(new):
        yield old, new


def contents(database: Database) -> dict[str, list[str]]:
    """All rows of all tables."""
    with database.transaction() as connection:
        return {name: sorted(map(repr, connection.execute(select(table)))) for name, table in metadata.tables.items()}


def test_a_copy_is_the_same_and_goes_on(databases: tuple[Database, Database]) -> None:
    """Every row comes along, ids and all, and what is recorded next gets an id of its own; the old one stays as it was."""
    old, new = databases
    with old.transaction() as connection:
        last = store.store_records(connection, [replace(RECORD, message=str(number)) for number in range(3)])[-1]
        store.store_drifts(connection, {RECORD.app: RECORD})
        store.write_flag(connection, RECORD.app, "suspended", {"by": "ann"})
    before = contents(old)
    assert moving.copy(old, new) == 3
    assert contents(new) == before == contents(old)
    with new.transaction() as connection:
        assert int(store.store_records(connection, [RECORD])[0].id) == int(last.id) + 1
        store.store_drifts(connection, {RECORD.app: replace(RECORD, drifts=(replace(RECORD.drifts[0], seen=NOW),))})


def test_nothing_is_copied_over_a_history(databases: tuple[Database, Database]) -> None:
    """One that holds something, be it an order, is refused as it is."""
    old, new = databases
    with old.transaction() as connection:
        store.store_records(connection, [RECORD])
    with new.transaction() as connection:
        store.write_flag(connection, RECORD.app, "suspended", {"by": "ann"})
    before = contents(new)
    with pytest.raises(StorageError, match="holds a history already"):
        moving.copy(old, new)
    assert contents(new) == before


def test_nothing_to_copy(databases: tuple[Database, Database]) -> None:
    """A history that is empty is copied all the same."""
    assert moving.copy(*databases) == 0

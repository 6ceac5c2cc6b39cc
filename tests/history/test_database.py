from __future__ import annotations

import sqlite3
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData, text
from sqlalchemy.exc import OperationalError

from gitopsd.history import migrating, store
from gitopsd.history.database import Database, open_database, translated
from gitopsd.history.migrating import migrate, versions
from gitopsd.history.tables import metadata
from gitopsd.model.app import AppKey
from gitopsd.model.errors import StorageError
from gitopsd.model.plan import Action, FieldChange
from gitopsd.model.record import (
    Drift,
    DriftOutcome,
    ObjectResult,
    Phase,
    ResultStatus,
    SyncRecord,
    SyncStatus,
    Trigger,
    TriggerKind,
)
from gitopsd.model.refs import ObjectRef
from tests.postgres import Postgres

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
APP, REF = AppKey("argocd", "web"), ObjectRef("", "ConfigMap", "web", "settings")
RECORD = SyncRecord(
    APP, Trigger(TriggerKind.POLL), Phase.SUCCEEDED, "done", NOW, NOW, sync=SyncStatus.OUT_OF_SYNC,
    results=(ObjectResult(REF, Action.CREATE, ResultStatus.SYNCED),),
    drifts=(Drift(APP, REF, FieldChange("data.a", 1, 2), NOW, DriftOutcome.REPORTED),),
)  # fmt: skip


def opened(url: str) -> Database:
    """An open database."""
    return open_database(url, now=NOW)


def open_and_close(url: str) -> tuple[str, ...]:
    """What another process has to say when it opens the database."""
    database = opened(url)
    database.close()
    return database.notices


def sqlite(folder: Path) -> str:
    """The URL of a SQLite database in a folder."""
    return f"sqlite://{folder}/history.db"


def test_migrations_make_what_the_tables_say(url: str) -> None:
    """After all migrations, the database is what tables.py describes: no column, index or type is missing or different."""
    database = opened(url)
    with database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    database.close()


def test_versions_are_those_of_the_migrations() -> None:
    """Their files are named after them, so that nobody has to load Alembic to know them."""
    scripts = ScriptDirectory(str(Path(migrating.__file__).parent / "migrations"))
    assert versions() == tuple(script.revision for script in scripts.walk_revisions())[::-1]


def test_a_start_without_migrations_does_not_load_alembic(tmp_path: Path) -> None:
    """It takes memory that the daemon would keep."""
    start = f"""
import sys
from datetime import UTC, datetime
from gitopsd.history.database import open_database
open_database("sqlite://{tmp_path}/history.db", now=datetime.now(UTC)).close()
sys.exit("alembic" in sys.modules)
"""
    loaded = [subprocess.run([sys.executable, "-c", start], check=False).returncode for _ in range(2)]
    assert loaded == [True, False]


def test_migrations_go_both_ways_and_keep_what_has_a_place(url: str) -> None:
    """Down step by step, and up again: what stands in the tables that a version knows is unchanged, until there are none."""
    database = opened(url)
    with database.transaction() as connection:
        store.store_records(connection, [RECORD])
        store.store_drifts(connection, {RECORD.app: RECORD})
        store.write_flag(connection, RECORD.app, "suspended", {"by": "ann"})
    full = rows(database)
    for revision in ("base", *versions())[-2::-1]:
        migrate(database.engine, database.name, revision)
        kept = rows(database)
        assert kept == {table: full[table] for table in kept}
        if kept:
            migrate(database.engine, database.name)
            assert {table: found for table, found in rows(database).items() if table in kept} == kept
            migrate(database.engine, database.name, revision)
    assert rows(database) == {}
    migrate(database.engine, database.name)
    assert rows(database).keys() == full.keys() == metadata.tables.keys()
    database.close()


def rows(database: Database) -> dict[str, list[str]]:
    """All that stands in the tables that there are, column by column: their order is no matter."""
    found = MetaData()
    found.reflect(database.engine)
    with database.transaction() as connection:
        return {
            name: sorted(str(sorted(row.items())) for row in connection.execute(table.select()).mappings())
            for name, table in found.tables.items()
            if name != "alembic_version"
        }


def test_replicas_may_start_at_once(postgres: Postgres) -> None:
    """Replicas that start on one empty database make its tables once, and all of them start."""
    with ProcessPoolExecutor(4, get_context("spawn")) as replicas:
        assert list(replicas.map(open_and_close, [postgres.database()] * 4)) == [()] * 4


def test_opening_again_changes_nothing(url: str) -> None:
    """What was stored is there after a restart, and nothing is said."""
    first = opened(url)
    with first.transaction() as connection:
        connection.execute(text("insert into flags values ('a', 'b', 'c', '1')"))
    first.close()
    second = opened(url)
    with second.transaction() as connection:
        assert connection.execute(text("select count(*) from flags")).scalar() == 1
    assert second.notices == ()
    second.close()


def test_sqlite_settings(tmp_path: Path) -> None:
    """WAL, foreign keys and incremental vacuum are on."""
    database = opened(sqlite(tmp_path))
    with database.engine.connect() as connection:
        settings = [
            connection.execute(text(f"PRAGMA {name}")).scalar() for name in ("journal_mode", "foreign_keys", "auto_vacuum")
        ]
    assert settings == ["wal", 1, 2]
    database.close()


def test_deleted_rows_give_their_space_back(tmp_path: Path) -> None:
    """What retention deletes makes the file smaller, some pages at a time."""
    database = opened(sqlite(tmp_path))
    with database.transaction() as connection:
        connection.execute(text("insert into flags values ('a', 'b', 'c', :v)"), {"v": "x" * 500_000})
    with database.transaction() as connection:
        pages = connection.execute(text("PRAGMA page_count")).scalar_one()
        connection.execute(text("delete from flags"))
    database.reclaim()
    with database.transaction() as connection:
        assert connection.execute(text("PRAGMA page_count")).scalar_one() < pages
    database.close()


def test_folders_are_made(tmp_path: Path) -> None:
    """The folder of the database need not be there."""
    open_database(f"sqlite:{tmp_path}/a/b/history.db", now=NOW).close()
    assert (tmp_path / "a/b/history.db").exists()


@pytest.mark.parametrize("damage", ["text", "page", "header"])
def test_damaged_file_is_moved_aside(tmp_path: Path, damage: str) -> None:
    """A file that is no database, or one with broken pages, is kept under another name, and a new one is begun with a notice."""
    file = tmp_path / "history.db"
    database = opened(sqlite(tmp_path))
    with database.transaction() as connection:
        for number in range(2000):
            connection.execute(text("insert into flags values ('a', 'b', :n, '\"some value\"')"), {"n": str(number)})
    database.close()
    content = file.read_bytes()
    broken = {
        "text": b"this is no database\n" * 100,
        "page": content[:5000] + b"\xff" * 20000 + content[25000:],
        "header": b"\0" * 4096,
    }
    file.write_bytes(broken[damage])
    database = opened(sqlite(tmp_path))
    (notice,) = database.notices
    assert "is damaged" in notice
    assert str(file.with_name("history.db.damaged-20260301T120000Z")) in notice
    assert file.with_name("history.db.damaged-20260301T120000Z").read_bytes() == broken[damage]
    with database.transaction() as connection:
        assert connection.execute(text("select count(*) from flags")).scalar() == 0
    database.close()


def test_empty_file_is_a_new_database(tmp_path: Path) -> None:
    """An empty file is what SQLite makes of nothing, and no damage."""
    (tmp_path / "history.db").touch()
    database = opened(sqlite(tmp_path))
    assert database.notices == ()
    database.close()


def test_newer_database_is_left_alone(url: str) -> None:
    """After a step back to an older gitopsd nothing is lost: it refuses, and says why."""
    database = opened(url)
    with database.transaction() as connection:
        connection.execute(text("update alembic_version set version_num = '9999'"))
    database.close()
    with pytest.raises(StorageError, match=r": was made by a newer gitopsd \(version 9999, this one knows \d+\)"):
        opened(url)


def test_locked_database(tmp_path: Path) -> None:
    """A database that another process holds is an error that says so."""
    database = opened(sqlite(tmp_path))
    with closing(sqlite3.connect(tmp_path / "history.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with database.engine.connect() as connection:
            connection.execute(text("PRAGMA busy_timeout = 1"))
        with pytest.raises(StorageError, match="another process holds it"), database.transaction() as connection:
            connection.execute(text("insert into flags values ('a', 'b', 'c', '1')"))
    database.close()


def test_full_disk(tmp_path: Path) -> None:
    """Where the disk is full (here: the file may not grow), the error says what to do, and shows no value of the statement."""
    database = opened(sqlite(tmp_path))
    with database.engine.connect() as connection:
        pages = connection.execute(text("PRAGMA page_count")).scalar_one()
        connection.execute(text(f"PRAGMA max_page_count = {pages}"))
    with pytest.raises(StorageError, match="the disk is full: free some space") as caught, database.transaction() as connection:
        connection.execute(text("insert into flags values ('a', 'b', 'c', :v)"), {"v": "HUSH" * 100_000})
    assert "HUSH" not in str(caught.value)
    assert caught.value.__cause__ is None
    database.close()


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("sqlite:///proc/gitopsd/history.db", "the folder can't be made"),
        ("postgresql://nobody:HUSH@127.0.0.1:1/none", "the database failed: connection"),
        ("what is this", "is no database URL"),
    ],
)
def test_database_that_can_t_be_opened(url: str, complaint: str) -> None:
    """The error names the database and the reason, and never a password."""
    with pytest.raises(StorageError, match=complaint) as caught:
        open_database(url, now=NOW)
    assert "HUSH" not in str(caught.value)


def test_the_password_is_read_for_each_connection(postgres: Postgres) -> None:
    """One that was rotated needs no restart; a wrong one is said, and never shown."""
    passwords = ["HUSH-old", postgres.password]
    url = postgres.database()
    with pytest.raises(StorageError, match=r"refuses the user or the password: check storage\.history") as caught:
        open_database(url, password=lambda: passwords[0], now=NOW)
    assert "HUSH" not in str(caught.value)
    assert postgres.password not in str(caught.value)
    database = open_database(url, password=lambda: passwords[1], now=NOW)
    database.engine.dispose()
    passwords[1] = "HUSH-new"
    with pytest.raises(StorageError, match="refuses the user or the password"), database.transaction():
        pass
    database.close()


@pytest.mark.parametrize(
    ("cause", "advice"),
    [
        ("attempt to write a readonly database", "check the owner and mode"),
        ("unable to open database file", "check that the folder exists"),
        ("database disk image is malformed", "at its next start gitopsd moves it aside"),
        ('FATAL: password authentication failed for user "x"', "check storage.history and storage.passwordFile"),
        ("could not extend file: No space left on device", "the disk is full"),
        ("server closed the connection\nsecond line", "the database failed: server closed the connection"),
        ("", "the database failed: OperationalError"),
    ],
)
def test_advice(cause: str, advice: str) -> None:
    """What is said of a failure is what to do about it, in one line."""
    with pytest.raises(StorageError, match=advice) as caught, translated("history.db"):
        raise OperationalError("insert into flags values (?)", ("HUSH",), Exception(cause))
    assert str(caught.value).startswith("history.db: ")
    assert "HUSH" not in str(caught.value)
    assert "\n" not in str(caught.value)

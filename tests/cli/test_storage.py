"""`gitopsd storage`: a history moved to PostgreSQL, and taken back to what an older gitopsd knows."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from gitopsd.history import migrating, store
from gitopsd.history.database import open_database
from tests.cli.running import run
from tests.history.test_database import RECORD
from tests.postgres import Postgres

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def config(tmp_path: Path, postgres: Postgres) -> Path:
    """A configuration that keeps history in an empty PostgreSQL, and the password in a file."""
    url = postgres.database()
    password = urlsplit(url).password
    (tmp_path / "password").write_text(f"{password}\n")
    storage = f"storage: {{history: '{url.replace(f':{password}@', '@')}', passwordFile: password, mirrors: mirrors}}\n"
    (tmp_path / "config.yaml").write_text(f"apiVersion: gitopsd.dev/v1alpha1\nkind: Config\n{storage}applications: []\n")
    return tmp_path / "config.yaml"


def test_from_sqlite_to_postgresql(config: Path, tmp_path: Path) -> None:
    """Once; the second time the database is not empty any more."""
    old = open_database(f"sqlite:{tmp_path}/history.db", now=NOW)
    with old.transaction() as connection:
        store.store_records(connection, [RECORD])
    old.close()
    ran = run("storage", "copy", f"sqlite:{tmp_path}/history.db", "--config", str(config))
    assert (ran.code, ran.err) == (0, "")
    assert "1 records copied to postgresql://postgres@127.0.0.1" in ran.out
    ran = run("storage", "copy", f"sqlite:{tmp_path}/history.db", "--config", str(config))
    assert (ran.code, ran.out) == (1, "")
    assert "holds a history already: name a database that is empty" in ran.err


def test_back_to_what_an_older_gitopsd_knows(config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The older one says which version that is, and starts after it."""
    assert run("storage", "downgrade", "0007", "--config", str(config)).code == 1
    with monkeypatch.context() as older:
        older.setattr(migrating, "versions", lambda: ("0001",))
        refused = run("storage", "copy", f"sqlite:{tmp_path}/history.db", "--config", str(config))
        assert "was made by a newer gitopsd (version" in refused.err
        assert "`gitopsd storage downgrade 0001`" in refused.err
    ran = run("storage", "downgrade", "0001", "--config", str(config))
    assert (ran.code, ran.err) == (0, "")
    assert "has the tables of version 0001 now" in ran.out

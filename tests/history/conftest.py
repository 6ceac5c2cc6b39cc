"""Both databases, for all that is said of a history."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gitopsd.history.database import open_database

if TYPE_CHECKING:
    from sqlalchemy import Connection

DATABASES = ("sqlite", "postgresql")


def _url(request: pytest.FixtureRequest, folder: Path) -> str:
    kind: str = request.param
    return f"sqlite://{folder}/history.db" if kind == "sqlite" else request.getfixturevalue("postgres").database()


@pytest.fixture(params=DATABASES)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database that is empty."""
    return _url(request, tmp_path)


@pytest.fixture(params=DATABASES, scope="module")
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    """A connection to an open database, for tests that undo what they write."""
    database = open_database(_url(request, tmp_path_factory.mktemp("history")), now=datetime(2026, 3, 1, tzinfo=UTC))
    with database.engine.connect() as connection:
        yield connection
    database.close()


@pytest.fixture
def connection(shared: Connection) -> Iterator[Connection]:
    """A connection whose writes are undone."""
    with shared.begin() as transaction:
        yield shared
        transaction.rollback()

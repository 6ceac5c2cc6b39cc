"""Opening the database: SQLite in WAL mode, or PostgreSQL; migrated, and put aside where it is damaged.

History is no source of truth: what gitopsd has in a cluster is remembered in that cluster. So a SQLite file that is damaged
beyond reading is moved aside, kept for whoever wants to look at it, and a new one is begun; refusing to start would stop
deliveries for the sake of their log. A database that merely can't be reached, or that a newer gitopsd wrote, is left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, ProgrammingError, SQLAlchemyError

from gitopsd.history.migrating import migrate
from gitopsd.model.errors import StorageError

_LOCK_SECONDS = 5.0
_PRAGMAS = (
    "PRAGMA auto_vacuum = INCREMENTAL",  # before the first table, or it has no effect
    "PRAGMA journal_mode = WAL",  # readers and the writer don't wait for each other
    "PRAGMA synchronous = NORMAL",  # survives the death of the process; a power cut may cost the last seconds, never the file
    "PRAGMA foreign_keys = ON",
    "PRAGMA journal_size_limit = 67108864",  # bytes that the WAL file may keep after a checkpoint
)
_SESSION = "-c idle_in_transaction_session_timeout=4000"
"""Of PostgreSQL: a process that was stopped within a transaction keeps its locks from others for no longer than that (ms)."""
_ADVICE = (
    ("disk is full", "the disk is full: free some space, or lower storage.retention"),
    ("no space left", "the disk is full: free some space, or lower storage.retention"),
    ("locked", "another process holds it: is a second gitopsd using the same file?"),
    ("readonly", "it can't be written: check the owner and mode of the file and its folder, and the mount"),
    ("read-only", "it can't be written: check the owner and mode of the file and its folder, and the mount"),
    ("unable to open", "it can't be opened: check that the folder exists and may be written"),
    ("malformed", "the file is damaged: at its next start gitopsd moves it aside and begins a new one"),
    ("not a database", "the file is damaged: at its next start gitopsd moves it aside and begins a new one"),
    ("disk i/o error", "the disk failed: see the system's log"),
    ("authentication failed", "the server refuses the user or the password: check storage.history and storage.passwordFile"),
)
_DAMAGE = ("malformed", "not a database", "disk image")


@dataclass(frozen=True, slots=True)
class Database:
    """An open database at the newest version. `notices` say what had to be done to open it, and belong in the log."""

    engine: Engine
    name: str
    notices: tuple[str, ...] = ()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """All or nothing; raises StorageError."""
        with translated(self.name), self.engine.begin() as connection:
            yield connection

    def reclaim(self) -> None:
        """Gives some of the pages that deleted rows left back to the file system; PostgreSQL does that by itself."""
        if self.engine.dialect.name == "sqlite":
            with translated(self.name), self.engine.connect() as connection:
                connection.execute(text("PRAGMA incremental_vacuum(256)")).close()

    def close(self) -> None:
        """Ends all connections."""
        self.engine.dispose()


@contextmanager
def translated(name: str) -> Iterator[None]:
    """Turns the errors of SQLAlchemy into ours: what failed and what to do, without the statement and its values."""
    try:
        yield
    except SQLAlchemyError as error:
        raise StorageError(f"{name}: {_reason(error)}") from None


def _reason(error: SQLAlchemyError) -> str:
    cause = str(error.orig if isinstance(error, DBAPIError) else error).strip()
    first = cause.splitlines()[0] if cause else type(error).__name__
    return next((advice for sign, advice in _ADVICE if sign in cause.lower()), f"the database failed: {first}")


def open_database(url: str, *, password: Callable[[], str] | None = None, now: datetime) -> Database:
    """Opens the database that `url` names (`sqlite:///PATH`, `postgresql://...`), makes it, and brings it to this version.

    Raises StorageError where it can't be opened. `now` names the file that a damaged one becomes.
    """
    if url.startswith("sqlite:"):
        return _open_sqlite(_sqlite_path(url), now)
    try:
        where = make_url(url)
    except ArgumentError:
        raise StorageError("storage.history: is no database URL") from None
    return _open_postgresql(where, password)


def _sqlite_path(url: str) -> Path:
    """A URL's path is absolute: `sqlite:///var/lib/history.db` is /var/lib/history.db; `sqlite:history.db` is relative."""
    rest = url.partition(":")[2]
    return Path("/" + rest.lstrip("/")) if rest.startswith("//") else Path(rest)


def _open_postgresql(where: URL, password: Callable[[], str] | None) -> Database:
    url = where.set(drivername="postgresql+psycopg")
    engine = create_engine(url, pool_size=2, max_overflow=0, pool_pre_ping=True, connect_args={"options": _SESSION})
    if password is not None:

        @event.listens_for(engine, "do_connect")
        def _(_dialect: Any, _record: Any, _args: Any, arguments: dict[str, Any]) -> None:
            arguments["password"] = password()  # read anew for each connection: it may have been rotated

    name = where.set(password=None).render_as_string()
    with _opening(engine, name):
        try:
            migrate(engine, name)
        except (IntegrityError, ProgrammingError):  # another replica was making the same tables: by now it has
            migrate(engine, name)
    return Database(engine, name)


def _open_sqlite(path: Path, now: datetime) -> Database:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"{path}: the folder can't be made: {error.strerror}") from None
    notices: tuple[str, ...] = ()
    if path.exists() and (damage := _damage(path)):
        aside = _move_aside(path, now)
        notices = (f"{path}: the history is damaged ({damage}); it was moved to {aside}, and a new one begins",)
    engine = _sqlite_engine(path)
    with _opening(engine, str(path)):
        migrate(engine, str(path))
    return Database(engine, str(path), notices)


@contextmanager
def _opening(engine: Engine, name: str) -> Iterator[None]:
    """As `translated`; a start that fails leaves no connection open."""
    try:
        with translated(name):
            yield
    except StorageError:
        engine.dispose()
        raise


def _sqlite_url(path: Path) -> URL:
    return URL.create("sqlite", database=str(path))


def _sqlite_engine(path: Path) -> Engine:
    engine = create_engine(_sqlite_url(path), connect_args={"timeout": _LOCK_SECONDS})

    @event.listens_for(engine, "connect")
    def _(connection: Any, _record: Any) -> None:
        for pragma in _PRAGMAS:
            connection.execute(pragma).close()

    return engine


def _damage(path: Path) -> str:
    """What is wrong with a SQLite file, empty where it can be read. Changes nothing in it: it may be evidence."""
    engine = create_engine(_sqlite_url(path))
    try:
        with engine.connect() as connection:
            found: str = connection.execute(text("PRAGMA quick_check(1)")).scalar_one()
    except DBAPIError as error:
        cause = str(error.orig)
        if not any(sign in cause for sign in _DAMAGE):
            raise StorageError(f"{path}: {_reason(error)}") from None
        return cause
    finally:
        engine.dispose()
    return "" if found == "ok" else found.splitlines()[0]


def _move_aside(path: Path, now: datetime) -> Path:
    aside = path.with_name(f"{path.name}.damaged-{now:%Y%m%dT%H%M%SZ}")
    try:
        path.rename(aside)
        for suffix in ("-wal", "-shm"):
            if (companion := path.with_name(path.name + suffix)).exists():
                companion.rename(aside.with_name(aside.name + suffix))
    except OSError as error:
        raise StorageError(f"{path}: is damaged, and can't be moved aside: {error.strerror}") from None
    return aside

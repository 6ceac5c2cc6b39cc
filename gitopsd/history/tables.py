"""The tables of the history, and the three column types that make them alike on SQLite and PostgreSQL."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    TypeDecorator,
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LONGEST_TEXT = 32_768
"""Characters of a message that are kept."""


class Moment(TypeDecorator[datetime]):
    """A point in time: microseconds since 1970 in UTC. SQLite has no type of its own that keeps a time zone."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002 - the same for all
        """Microseconds."""
        return None if value is None else (value - _EPOCH) // timedelta(microseconds=1)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - the same for all
        """A time in UTC."""
        return None if value is None else _EPOCH + timedelta(microseconds=value)


class Words(TypeDecorator[str]):
    """Text of any origin: PostgreSQL takes no NUL, neither takes half a surrogate pair, and nobody reads a megabyte."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - the same for all
        """The text, made storable."""
        if value is None:
            return None
        if len(value) > LONGEST_TEXT:
            value = f"{value[:LONGEST_TEXT]}…"
        return value.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()


class Json(TypeDecorator[Any]):
    """Plain JSON as ASCII text, so that whatever text stands in it can be stored."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str:  # noqa: ARG002 - the same for all
        """Compact JSON."""
        return json.dumps(value, separators=(",", ":"))

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:  # noqa: ARG002 - the same for all
        """The value."""
        return None if value is None else json.loads(value)


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    },
)


def _id() -> Column[int]:
    """Grows with time and is never given twice; an Integer on SQLite, where only that counts up by itself."""
    return Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True)


records = Table(
    "records",
    metadata,
    _id(),
    Column("namespace", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("phase", Text, nullable=False),
    Column("attempted", Boolean, nullable=False),
    Column("trigger", Text, nullable=False),
    Column("actor", Words, nullable=False),
    Column("request", Json, nullable=False),
    Column("started", Moment, nullable=False),
    Column("finished", Moment),
    Column("arrived", Moment),
    Column("revision", Words, nullable=False),
    Column("commits", Json, nullable=False),
    Column("message", Words, nullable=False),
    Column("desired_digest", Text, nullable=False),
    Column("plan_digest", Text, nullable=False),
    Column("sync", Text, nullable=False),
    Column("health", Text, nullable=False),
    Column("health_message", Words, nullable=False),
    Column("stages", Json, nullable=False),
    Column("conditions", Json, nullable=False),
    Column("warnings", Json, nullable=False),
    Index(None, "namespace", "name", "id"),
    Index(None, "finished"),
    sqlite_autoincrement=True,
)
"""One row for each attempt to sync, and for each pass that somebody asked for."""

results = Table(
    "results",
    metadata,
    Column("record_id", ForeignKey("records.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("object", Json, nullable=False),
    Column("action", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("message", Words, nullable=False),
    Column("uid", Text, nullable=False),
    Column("changes", Json, nullable=False),
)
"""What became of each object of a record, in the order of its plan."""

drifts = Table(
    "drifts",
    metadata,
    _id(),
    Column("namespace", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("object", Json, nullable=False),
    Column("change", Json, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("seen", Moment, nullable=False),
    Column("last_seen", Moment, nullable=False),
    Column("until", Moment),
    Index(None, "namespace", "name", "id"),
    Index(None, "until"),
    sqlite_autoincrement=True,
)
"""One row for each field that somebody else changed, from when it was first seen until it was healed or gone."""

flags = Table(
    "flags",
    metadata,
    Column("namespace", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("value", Json, nullable=False),
)
"""The standing orders of an application (`gitopsd.model.standing`), each by its name."""

receipts = Table(
    "receipts",
    metadata,
    Column("judge", Text, primary_key=True),
    Column("object", Json, primary_key=True),
    Column("receipt", Json, nullable=False),
    Column("expires", BigInteger, nullable=False),
)
"""What clusters said of objects in sync; `expires` is in seconds since 1970."""

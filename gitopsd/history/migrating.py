"""The versions of the tables, and the way from one to another: Alembic's, which is loaded only where there is one to go.

That is at the first start of a new gitopsd. At all others it would take a tenth of a second and 11 MiB for nothing.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from gitopsd.model.errors import StorageError

_MIGRATIONS = Path(__file__).parent / "migrations"
_TABLE = "alembic_version"


def versions() -> tuple[str, ...]:
    """The versions of the tables that this gitopsd knows, oldest first: each migration's file begins with the one it leads to."""
    return tuple(sorted(path.name.partition("_")[0] for path in (_MIGRATIONS / "versions").glob("*_*.py")))


def migrate(engine: Engine, name: str, revision: str = "head") -> None:
    """Brings the tables to `revision`, up or down (`base`: none); raises StorageError where a newer gitopsd made them."""
    known = versions()
    with engine.begin() as connection:
        current = _current(connection)
        if current is not None and current not in known:
            raise StorageError(
                f"{name}: was made by a newer gitopsd (version {current}, this one knows {known[-1]}): start that one, "
                f"have it go back (`gitopsd storage downgrade {known[-1]}`), or name another database"
            )
        if current == known[-1] and revision == "head":
            return
        passed = known[: known.index(current)] if current else ()
        _go(connection, revision, up=revision not in {"base", *passed})


def _current(connection: Connection) -> str | None:
    """The version of the tables, None where there are none."""
    if not inspect(connection).has_table(_TABLE):
        return None
    version: str | None = connection.execute(text(f"SELECT version_num FROM {_TABLE}")).scalar()  # noqa: S608 - a constant
    return version


def _go(connection: Connection, revision: str, *, up: bool) -> None:
    from alembic import command  # noqa: PLC0415 - see the module
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    (command.upgrade if up else command.downgrade)(config, revision)

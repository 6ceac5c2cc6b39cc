"""`gitopsd storage`: what is done to the history while no daemon uses it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from gitopsd.history.database import Database

_Config = Annotated[Path, typer.Option("--config", metavar="FILE", help="The configuration file, which names the database.")]


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    storage = typer.Typer(help="Move the history to another database, or back to an older version.", rich_markup_mode=None)
    storage.command("copy", help="Copy a history into the database that the configuration names, which must be empty.")(copy)
    storage.command("downgrade", help="Take the database back to the tables that an older gitopsd knows.")(downgrade)
    app.add_typer(storage, name="storage")


def copy(source: Annotated[str, typer.Argument(metavar="FROM", help="Its database, as a URL.")], config: _Config) -> None:
    """From SQLite to PostgreSQL, or back. A password of FROM is taken from PGPASSWORD."""
    from contextlib import closing  # noqa: PLC0415 - see the package

    from gitopsd.history import moving  # noqa: PLC0415
    from gitopsd.history.database import open_database  # noqa: PLC0415

    with closing(open_database(source, now=datetime.now(UTC))) as old, closing(_open(config)) as new:
        typer.echo(f"{old.name}: {moving.copy(old, new)} records copied to {new.name}")


def downgrade(
    version: Annotated[str, typer.Argument(metavar="VERSION", help="As the older one names it.")], config: _Config
) -> None:
    """What has no place in the older tables is dropped; none of it is needed to go on."""
    from contextlib import closing  # noqa: PLC0415 - see the package

    from gitopsd.history import moving  # noqa: PLC0415

    with closing(_open(config)) as database:
        moving.downgrade(database, version)
        typer.echo(f"{database.name}: has the tables of version {version} now; start the gitopsd that knows it")


def _open(config: Path) -> Database:
    from gitopsd.config import load_config  # noqa: PLC0415 - see the package
    from gitopsd.history.database import open_database  # noqa: PLC0415

    storage = load_config(config).storage
    return open_database(storage.history, password=storage.password, now=datetime.now(UTC))

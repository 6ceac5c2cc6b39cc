"""The command that takes an application away."""

from __future__ import annotations

from typing import Annotated

import typer

from gitopsd.cli.remote import App, Server, client_at, path_of


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(help="Take an application away.")(delete)


def delete(
    app: App,
    cascade: Annotated[
        bool | None, typer.Option("--cascade/--no-cascade", help="Delete its objects too; else as its finalizer says.")
    ] = None,
    server: Server = "",
) -> None:
    """Objects that are left behind are nobody's then. It stays deleted as long as its document is there: remove that."""
    query = {} if cascade is None else {"cascade": str(cascade).lower()}
    client_at(server).delete(path_of(app), **query)

"""Commands by which people order something of an application that stands until it is fulfilled or taken back."""

from __future__ import annotations

from typing import Annotated

import typer

from gitopsd.cli.errors import DaemonError
from gitopsd.cli.output import Format, print_json
from gitopsd.cli.plans import print_plan
from gitopsd.cli.remote import App, Output, Server, Timeout, client_at, path_of


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command(help="Go back to an earlier sync's commit, and stay there.")(rollback)
    app.command(help="Follow Git again after a rollback.")(unpin)
    app.command(help="Approve the plan that an application waits with.")(approve)
    app.command("confirm-prune", help="Allow the deletions that wait for it.")(confirm_prune)
    app.command(help="Take over an object that something else owns.")(adopt)
    app.command(help="Write nothing for an application any more.")(suspend)
    app.command(help="Go on after a suspension.")(resume)


def rollback(
    app: App,
    to: Annotated[str, typer.Option("--to", metavar="ID", help="The sync, as `history` names it.")] = "",
    prune: Annotated[bool, typer.Option("--prune", help="Delete what that commit lacks, whatever the policy says.")] = False,
    timeout: Timeout = 300,
    server: Server = "",
    output: Output = Format.TEXT,
) -> int:
    """Without `--to`, the last one that succeeded with another commit. It holds until Git moves or `unpin`."""
    answer = client_at(server).post(f"{path_of(app)}/rollback", {"id": to, "prune": prune or None}, wait=timeout)
    if "objects" not in answer:
        raise DaemonError(f"the rollback of {app} is still under way after {timeout} s; `gitopsd status {app}` follows it")
    (print_json if output is Format.JSON else print_plan)(answer)
    return int(answer["phase"] in ("Failed", "Error"))


def unpin(app: App, server: Server = "") -> None:
    """What automation allows is done at once."""
    client_at(server).post(f"{path_of(app)}/unpin")


def approve(
    app: App,
    digest: Annotated[str, typer.Argument(metavar="DIGEST", help="The plan's digest, or its first characters: 8 at least.")],
    server: Server = "",
) -> None:
    """It is carried out at once. A plan that has changed meanwhile is another one, and needs an approval of its own."""
    client_at(server).post(f"{path_of(app)}/approve", {"digest": digest})


def confirm_prune(app: App, server: Server = "") -> None:
    """Just those that `plan` lists now; they are carried out at once."""
    client_at(server).post(f"{path_of(app)}/confirm-prune")


def adopt(
    app: App,
    name: Annotated[str, typer.Argument(metavar="KIND/NAME", help="The object; KIND/NAMESPACE/NAME where that is not clear.")],
    server: Server = "",
) -> None:
    """The next sync takes it over, whoever owns it, and that is over with the sync."""
    client_at(server).post(f"{path_of(app)}/adopt", {"object": name})


def suspend(app: App, server: Server = "") -> None:
    """How it stands is still shown; syncs are refused until `resume`. A sync under way is not ended."""
    client_at(server).post(f"{path_of(app)}/suspend")


def resume(app: App, server: Server = "") -> None:
    """What automation allows is done at once."""
    client_at(server).post(f"{path_of(app)}/resume")

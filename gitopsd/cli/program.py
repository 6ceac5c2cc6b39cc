"""All commands, with their options and their help. Each imports what it needs when it runs, so that `--help` comes at once."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from gitopsd import __version__
from gitopsd.cli import daemon, explain, local, looking, orders, remote, removal, storage
from gitopsd.model.errors import GitopsdError

USAGE = 64
"""The exit code for wrong usage (sysexits.h)."""

_UsageError: type[Exception] = typer.BadParameter.__bases__[0]

app = typer.Typer(
    name="gitopsd",
    help="A GitOps agent for Kubernetes: from a commit to live objects, and a record of what happened.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"gitopsd {__version__}")
        raise typer.Exit


@app.callback()
def everywhere(
    debug: Annotated[bool, typer.Option("--debug", help="Show the stack trace of an error; may stand anywhere.")] = False,
    version: Annotated[bool, typer.Option("--version", help="Print the version, and exit.", callback=_version)] = False,
) -> None:
    """What may stand before any command; `main` takes `--debug` out, wherever it stands."""


daemon.register(app)
storage.register(app)
local.register(app)
explain.register(app)
remote.register(app)
looking.register(app)
orders.register(app)
removal.register(app)


def run(words: Sequence[str]) -> int:
    """Runs one command; returns its exit code: 0 done, 1 failed, 64 wrong usage. `--debug` anywhere shows stack traces."""
    debug = "--debug" in words
    words = [word for word in words if word != "--debug"] or ["--help"]
    try:
        code = app(words, prog_name="gitopsd", standalone_mode=False)
    except GitopsdError as error:
        return _failed(error, debug=debug, code=remote.failure_code(words))
    except _UsageError as error:
        message = str(getattr(error, "message", error)).rstrip(".")
        print(f"gitopsd: {message}; `gitopsd --help` lists what there is", file=sys.stderr)
        return USAGE
    except typer.Abort:
        return 1
    return code if isinstance(code, int) else 0


def _failed(error: GitopsdError, *, debug: bool, code: int) -> int:
    if debug:
        raise error
    print(f"gitopsd: {error}", file=sys.stderr)
    return code

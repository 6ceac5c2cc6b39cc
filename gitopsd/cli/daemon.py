"""`gitopsd run` and `gitopsd config`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command(help="Run the daemon.")(run)
    config = typer.Typer(help="Check the configuration, or print its schema.", rich_markup_mode=None)
    config.command("check", help="Say all that is wrong with a configuration and its applications, by file and line.")(check)
    config.command("schema", help="Print the JSON Schema of the configuration.")(schema)
    app.add_typer(config, name="config")


def run(config: Annotated[Path, typer.Option("--config", metavar="FILE", help="The configuration file.")]) -> None:
    """Until SIGTERM or Ctrl-C."""
    import asyncio  # noqa: PLC0415 - see the package

    from gitopsd import heap  # noqa: PLC0415
    from gitopsd.config import load_config  # noqa: PLC0415
    from gitopsd.loop import WatchedLoop  # noqa: PLC0415
    from gitopsd.observe import configure_logging  # noqa: PLC0415
    from gitopsd.wiring import open_service  # noqa: PLC0415

    loaded = load_config(config)
    configure_logging(loaded.log.level, loaded.log.format)

    async def live() -> None:
        service = await open_service(loaded)
        heap.settle()
        await service.run()

    with asyncio.Runner(loop_factory=WatchedLoop) as runner:
        runner.run(live())


def check(file: Annotated[Path, typer.Argument(metavar="FILE", help="The configuration file.")]) -> None:
    """Exit code 1 where something is wrong."""
    from gitopsd.config import check as check_file  # noqa: PLC0415

    report = check_file(file)
    for problem in report.errors:
        typer.echo(f"error: {problem}", err=True)
    for warning in report.warnings:
        typer.echo(f"warning: {warning}", err=True)
    if report.errors:
        raise typer.Exit(1)
    typer.echo(f"{file}: {report.applications} applications; nothing is wrong")


def schema() -> None:
    """For editors, and for who writes configurations by program."""
    import json  # noqa: PLC0415

    from gitopsd.config import schema as config_schema  # noqa: PLC0415

    typer.echo(json.dumps(config_schema(), indent=2))

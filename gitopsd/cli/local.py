"""Commands that need no daemon: `render` and `health`."""

from __future__ import annotations

import json
import os
import re
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gitopsd.model.errors import ConfigError, Place

if TYPE_CHECKING:
    from gitopsd.health import OwnRules


class RenderFormat(StrEnum):
    """`-o` of `render`."""

    YAML = "yaml"
    JSON = "json"


class LoadRestrictor(StrEnum):
    """kustomize's words for which files a kustomization may read."""

    ROOT_ONLY = "LoadRestrictionsRootOnly"
    NONE = "LoadRestrictionsNone"


class Reorder(StrEnum):
    """kustomize's words for the order of the output."""

    NONE = "none"
    LEGACY = "legacy"


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command(help="Build a folder, as `kustomize build` does.")(render)
    app.command(help="Say how the objects in a file are.")(health)


def render(
    path: Annotated[str, typer.Argument(metavar="PATH", help="The folder; with --repo its path in the repository.")],
    repo: Annotated[
        str, typer.Option("--repo", metavar="URL", help="Read a commit of this repository instead of the disk.")
    ] = "",
    revision: Annotated[str, typer.Option("--revision", metavar="REV", help="A branch, tag, commit or semver range.")] = "HEAD",
    load_restrictor: Annotated[LoadRestrictor, typer.Option(help="Which files may be read.")] = LoadRestrictor.ROOT_ONLY,
    reorder: Annotated[Reorder, typer.Option(help="legacy: namespaces and definitions first.")] = Reorder.LEGACY,
    enable_helm: Annotated[bool, typer.Option("--enable-helm", help="Allow helmCharts.")] = False,
    output: Annotated[RenderFormat, typer.Option("-o", "--output", help="yaml, or json for programs.")] = RenderFormat.YAML,
) -> None:
    """Prints what a cluster would be given, namespaces and marks aside."""
    from gitopsd.cli import rendering  # noqa: PLC0415 - see the package

    asked = rendering.Asked(path, repo, revision, load_restrictor.value, reorder.value, enable_helm)
    sys.stdout.write(rendering.printed(rendering.rendered(asked), output.value))


def health(
    file: Annotated[str, typer.Option("-f", "--filename", metavar="FILE", help="YAML or JSON; - is standard input.")],
    config: Annotated[str, typer.Option("--config", metavar="FILE", help="A configuration, for its rules of health.")] = "",
) -> None:
    """Each line has kind, name, status and message."""
    from gitopsd.health.report import lines  # noqa: PLC0415 - see the package

    try:
        data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise ConfigError(f"can't be read: {os.strerror(error.errno or 0)}", Place(file)) from None
    for line in lines(_objects(data, "standard input" if file == "-" else file), _own_rules(config)):
        typer.echo(json.dumps(line, ensure_ascii=False))


def _own_rules(config: str) -> OwnRules:
    if not config:
        from gitopsd.health import OwnRules  # noqa: PLC0415 - see the package

        return OwnRules()
    from gitopsd.config import load_config, own_rules  # noqa: PLC0415 - it loads pydantic, for those who have rules

    return own_rules(load_config(config).health)


def _objects(data: bytes, name: str) -> list[Any]:
    """The documents of YAML, or of JSON in any number of lines (`kubectl get -o json`, one object a line)."""
    if data.lstrip().startswith(b"{"):
        try:
            return _json_stream(data.decode())
        except ValueError:
            pass  # flow style is YAML too, and its reader says what is wrong with the rest
    from gitopsd.formats.scalars import Dialect  # noqa: PLC0415
    from gitopsd.formats.yamlread import load_documents  # noqa: PLC0415 - only where it is needed

    return load_documents(data, name, Dialect.KUBECTL)


def _json_stream(text: str) -> list[Any]:
    decoder, found, at = json.JSONDecoder(), [], 0
    while (begin := re.compile(r"\S").search(text, at)) is not None:
        value, at = decoder.raw_decode(text, begin.start())
        found.append(value)
    return found

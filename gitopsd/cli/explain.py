"""`gitopsd explain`: why a rendered object is as it is."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gitopsd.cli.local import LoadRestrictor
from gitopsd.cli.output import Format, print_json
from gitopsd.model.errors import ConfigError, Place
from gitopsd.model.refs import ObjectRef

if TYPE_CHECKING:
    from gitopsd.cli.rendering import Asked
    from gitopsd.render.provenance.documents import Commits
    from gitopsd.render.provenance.explained import Explained
    from gitopsd.render.provenance.trace import Trace

_WIDTH = 80
_ACROSS = 3
"""Parts of `KIND/NAMESPACE/NAME`."""


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(help="Say which file and line each field of a rendered object comes from, and what changed it.")(explain)


def explain(
    path: Annotated[str, typer.Argument(help="The folder; with --repo its path in the repository.")],
    what: Annotated[
        str, typer.Argument(metavar="KIND/NAME", help="The object; KIND/NAMESPACE/NAME where several have the name.")
    ],
    field: Annotated[
        str, typer.Argument(metavar="[FIELD]", help="Only this field and those below: spec.template.spec.containers[name=app].")
    ] = "",
    repo: Annotated[
        str, typer.Option("--repo", metavar="URL", help="Read a commit of this repository instead of the disk.")
    ] = "",
    revision: Annotated[str, typer.Option("--revision", metavar="REV", help="A branch, tag, commit or semver range.")] = "HEAD",
    load_restrictor: Annotated[LoadRestrictor, typer.Option(help="Which files may be read.")] = LoadRestrictor.ROOT_ONLY,
    output: Annotated[Format, typer.Option("-o", "--output", help="text, or json for programs.")] = Format.TEXT,
) -> None:
    """Prints each field with its value, and below it what made and changed it, the first first. Values of Secrets stay hidden."""
    from gitopsd.cli import rendering  # noqa: PLC0415 - see the package
    from gitopsd.render.provenance.trace import Trace  # noqa: PLC0415 - likewise

    kind, namespace, name = _names(what)
    trace = Trace(kind, name, namespace)
    asked = rendering.Asked(path, repo, revision, load_restrictor.value, trace=trace)
    if repo:
        commits = _of_commit(asked, trace, what, field)
        documents = [_document(ref, fields, commits) for ref, fields in _found(trace, what, field)]
    else:
        rendering.rendered(asked)
        seen = partial(rendering.place_from, os.getcwd())  # noqa: PTH109 - a text is wanted
        documents = [_document(ref, fields, {}, seen) for ref, fields in _found(trace, what, field)]
    if output is Format.JSON:
        print_json(documents)
    else:
        print("\n".join(line for document in documents for line in _lines(document)))


def _of_commit(asked: Asked, trace: Trace, what: str, field: str) -> Commits:
    """Renders a commit, and finds the commits of the lines that the explanation names."""
    from gitopsd.cli.fetching import explain_commit  # noqa: PLC0415 - libgit2 only where a repository is asked for
    from gitopsd.render.provenance.documents import lines_of  # noqa: PLC0415 - see the package

    return explain_commit(asked, lambda: lines_of(one for _, fields in _found(trace, what, field) for one in fields))


def _names(what: str) -> tuple[str, str, str]:
    """Kind, namespace (empty where none is given) and name."""
    kind, *rest = what.split("/")
    if not (kind and rest and all(rest)) or len(rest) >= _ACROSS:
        raise ConfigError(f"{what} names no object; write KIND/NAME, or KIND/NAMESPACE/NAME")
    return kind, rest[0] if len(rest) > 1 else "", rest[-1]


def _explained(trace: Trace, what: str) -> dict[ObjectRef, tuple[Explained, ...]]:
    """What was found; an object that is now called so goes before one that once was."""
    if not trace.explained:
        alike = sorted({str(ref) for ref in trace.seen if ref.kind.casefold() == trace.kind.casefold()})
        there = f"of that kind it has {', '.join(alike)}" if alike else f"its kinds are {_kinds(trace.seen) or 'none'}"
        raise ConfigError(f"no {what} is among the objects of the folder; {there}")
    return {ref: fields for ref, fields in trace.explained.items() if ref.name == trace.name} or trace.explained


def _found(trace: Trace, what: str, field: str) -> list[tuple[ObjectRef, list[Explained]]]:
    """The objects that were asked about, with the fields that were. Raises ConfigError where there is none."""
    from gitopsd.render.provenance.documents import fields_below  # noqa: PLC0415 - see the package

    found = [(ref, list(fields_below(field, fields))) for ref, fields in _explained(trace, what).items()]
    if not any(fields for _, fields in found):
        raise ConfigError(f"{what} has no field {field}; leave it out to see those that there are")
    return found


def _kinds(refs: Iterable[ObjectRef]) -> str:
    return ", ".join(sorted({ref.kind for ref in refs}))


def _document(ref: ObjectRef, fields: Iterable[Explained], commits: Commits, *seen: Callable[[Place], Place]) -> dict[str, Any]:
    """As `-o json` has it."""
    from gitopsd.render.provenance.documents import field_document  # noqa: PLC0415 - see the package

    return {
        "object": {"group": ref.group, "kind": ref.kind, "namespace": ref.namespace, "name": ref.name},
        "fields": [field_document(ref, one, commits, *seen) for one in fields],
    }


def _lines(document: dict[str, Any]) -> Iterator[str]:
    """As people read it: a field and its value, then a line for each step."""
    yield str(ObjectRef(**document["object"]))
    for field in document["fields"]:
        yield f"  {field['field']}: {_shown(field['value'])}"
        rows = [(_position(step["place"]), _shown(step["value"]), _who(step)) for step in field["steps"]]
        widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
        for place, value, who in rows:
            yield f"      {place.ljust(widths[0])}  {value.ljust(widths[1])}  {who}"


def _who(step: dict[str, Any]) -> str:
    """`PatchTransformer, patches[0] in prod/kustomization.yaml:4, 4f0c1a2b3c by Ada on 2026-11-24`."""
    asked, place = step["asked"], step["place"]
    words = [step["by"], step["detail"]]
    commit = place and place["commit"]
    if asked is not None:
        elsewhere = f" in {asked['file']}:{asked['line']}" if asked["line"] and asked["file"] != place["file"] else ""
        words.append(f"{asked['field'] or ''}{elsewhere}")
    if commit is not None:
        words.append(f"{commit['id'][:10]} by {commit['author']} on {(commit['time'] or 'an unknown day')[:10]}")
    return ", ".join(word for word in words if word)


def _position(place: dict[str, Any] | None) -> str:
    return "(computed)" if place is None else str(Place(place["file"], place["line"], place["column"]))


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) and value.isprintable() and value else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 3]}..."

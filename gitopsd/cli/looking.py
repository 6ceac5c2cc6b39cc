"""Commands that look at a running daemon's world from objects or from what happens: `tree`, `trace`, `events`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gitopsd.cli.errors import DaemonError
from gitopsd.cli.output import Format, object_name, painted, print_json
from gitopsd.cli.remote import App, MaybeApp, Output, Server, applications, client_at, path_of
from gitopsd.model.errors import Place

if TYPE_CHECKING:
    from gitopsd.cli.client import Client


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command(help="Show an application's objects, and what controllers made of them.")(tree)
    app.command(help="Say which application, commit and file an object comes from.")(trace)
    app.command(help="Show what happens, as it happens.")(events)


def tree(app: App, server: Server = "", output: Output = Format.TEXT) -> None:
    """How each stands by its own word; sync is a matter of the application's own objects."""
    client = client_at(server)
    found = list(client.items(f"{path_of(app)}/resources", tree="true"))
    if output is Format.JSON:
        print_json(found)
        return
    children: dict[str, list[dict[str, Any]]] = {}
    for item in found:
        children.setdefault(_key(item["owner"]) if item["owner"] else "", []).append(item)
    print("\n".join(_branches(children, "", "")))


def _key(ref: dict[str, Any]) -> str:
    return f"{ref['group']}/{object_name(ref)}"


def _branches(children: dict[str, list[dict[str, Any]]], owner: str, indent: str) -> Iterator[str]:
    for item in children.pop(owner, ()):
        words = (object_name(item), painted(item["sync"]), painted(item["health"]["status"]), item["health"]["message"])
        yield indent + "  ".join(word for word in words if word)
        yield from _branches(children, _key(item), f"{indent}    ")


def trace(
    what: Annotated[str, typer.Argument(metavar="KIND/NAME", help="The object.")],
    namespace: Annotated[str, typer.Option("-n", "--namespace", help="Its namespace; any where none is named.")] = "",
    server: Server = "",
    output: Output = Format.TEXT,
) -> None:
    """Also how it stands, and who wrote the line that names it. `/explain` knows the same of every field."""
    kind, _, name = what.partition("/")
    if not (kind and name):
        raise typer.BadParameter("write KIND/NAME", param_hint="KIND/NAME")
    client, named = client_at(server), f"{kind}/{namespace}/{name}" if namespace else what
    found = [one for item in applications(client, object=named) for one in _traced(client, item, named)]
    if not found:
        raise DaemonError(f"no application has an object {named}")
    if output is Format.JSON:
        print_json(found)
    else:
        print("\n\n".join("\n".join(f"{title:13}{text}" for title, text in _lines(one)) for one in found))


def _traced(client: Client, item: dict[str, Any], named: str) -> Iterator[dict[str, Any]]:
    """What is known of an application's objects of that name."""
    app, path = f"{item['namespace']}/{item['name']}", path_of(f"{item['namespace']}/{item['name']}")
    kind, *where = named.split("/")
    for resource in client.items(f"{path}/resources"):
        if resource["kind"].casefold() != kind.casefold() or where not in (
            [resource["name"]],
            [resource["namespace"], resource["name"]],
        ):
            continue
        ref = {key: resource[key] for key in ("group", "kind", "namespace", "name")}
        explained = client.get(f"{path}/explain", object=object_name(ref), field="metadata.name")
        yield {
            "application": app,
            "object": ref,
            "sync": resource["sync"],
            "health": resource["health"],
            "repository": explained["repository"],
            "revision": explained["revision"],
            "origin": explained["fields"][0]["origin"],
        }


def _lines(found: dict[str, Any]) -> Iterator[tuple[str, str]]:
    origin = found["origin"]
    yield "object", object_name(found["object"])
    yield "application", found["application"]
    yield "sync", painted(found["sync"])
    yield "health", " ".join(filter(None, (painted(found["health"]["status"]), found["health"]["message"])))
    yield "repository", found["repository"]
    yield "revision", found["revision"]
    if origin:
        yield "file", str(Place(origin["file"], origin["line"], origin["column"]))
    if commit := origin and origin["commit"]:
        yield "line by", f"{commit['author']} in {commit['id'][:10]}: {commit['message']}"


def events(app: MaybeApp = "", server: Server = "", output: Output = Format.TEXT) -> None:
    """From now on, until Ctrl-C: how applications stand, syncs that ended, drift. `history` and `drift` have what was before."""
    client = client_at(server)
    only = client.get(path_of(app)) if app else None
    wanted = f"{only['namespace']}/{only['name']}" if only else ""
    for kind, document in client.events():
        about = _about(kind, document)
        if wanted and about not in ("", wanted):
            continue
        if output is Format.JSON:
            print(json.dumps({"event": kind, **document}, ensure_ascii=False), flush=True)
        else:
            words = (f"{datetime.now(UTC):%H:%M:%S}", kind.ljust(11), about, _told(kind, document))
            print("  ".join(word for word in words if word).rstrip(), flush=True)


def _about(kind: str, document: dict[str, Any]) -> str:
    """The application that an event is about; empty where it is about all."""
    if kind in ("application", "gone"):
        return f"{document['namespace']}/{document['name']}"
    return str(document.get("application", ""))


def _told(kind: str, document: dict[str, Any]) -> str:
    if kind == "application":
        operation = document["operation"] or {}
        states = document["sync"]["status"], document["health"]["status"], operation.get("phase", "")
        conditions = [f"{condition['type']}: {condition['message']}" for condition in document["conditions"]]
        return "  ".join([*(painted(state) for state in states if state), *conditions])
    if kind == "record":
        return f"{painted(document['phase'])} at {document['revision'][:10]}: {document['result']}"
    if kind == "drift":
        field = document["field"] or "(the object)"
        return f"{object_name(document['object'])} {field} by {document['manager'] or 'nobody known'}: {document['outcome']}"
    return "events were missed" if kind == "reset" else ""

"""Commands about a running daemon."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

import typer

from gitopsd.cli.errors import DaemonError
from gitopsd.cli.markdown import markdown
from gitopsd.cli.output import Format, PlanFormat, age, object_name, print_json, print_table
from gitopsd.cli.plans import print_diff, print_plan
from gitopsd.formats.durations import parse_duration

if TYPE_CHECKING:
    from gitopsd.cli.client import Client

App = Annotated[
    str, typer.Argument(metavar="APP", help="An application: NAME, or NAMESPACE/NAME where the name alone is not clear.")
]
MaybeApp = Annotated[str, typer.Argument(metavar="[APP]", help="An application; all of them where none is named.")]
Server = Annotated[str, typer.Option("--server", help="The daemon's address [env: GITOPSD_SERVER; http://127.0.0.1:8080].")]
Output = Annotated[Format, typer.Option("-o", "--output", help="text, or json for programs.")]
ExitCode = Annotated[bool, typer.Option("--exit-code", help="Exit with 0 if nothing differs, 1 if something does, 2 on failure.")]


def _seconds(text: object) -> int:
    """Whole seconds of `90`, `90s` or `5m`: argocd writes the first, kubectl and flux the others."""
    try:
        return int(str(text)) if str(text).isdecimal() else math.ceil(parse_duration(text).total_seconds())
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} {error}") from None


Timeout = Annotated[
    int, typer.Option("--timeout", parser=_seconds, metavar="DURATION", help="How long to wait: 90s, 5m, or a number of seconds.")
]
Revision = Annotated[
    str, typer.Option("--revision", metavar="REF", help="A branch, tag or commit in place of the application's own.")
]

_SLICE = 10
"""Seconds between two lines that say that a sync is still under way."""
_WITH_EXIT_CODE = ("diff", "plan", "drift")


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command(help="Show how applications stand.")(status)
    app.command(help="Show what a sync would do.")(plan)
    app.command(help="Show what differs from Git, and who holds it.")(diff)
    app.command(help="Sync an application now.")(sync)
    app.command(help="End the sync under way.")(terminate)
    app.command(help="Ask the repositories for news now.")(refresh)
    app.command(help="Wait until an application is synced and healthy.")(wait)
    app.command(help="Show past syncs, or one of them with all it did.")(history)
    app.command(help="Show what somebody else changed, and when.")(drift)


def failure_code(words: Sequence[str]) -> int:
    """The exit code of a failure: with `--exit-code`, 1 already means "different"."""
    return 2 if "--exit-code" in words and words[0] in _WITH_EXIT_CODE else 1


def client_at(server: str) -> Client:
    """Speaks with the daemon there."""
    from gitopsd.cli.client import Client  # noqa: PLC0415 - see the package

    return Client.of(server)


def path_of(app: str) -> str:
    """The path of an application that is named `name` or `namespace/name`."""
    return "/applications/" + "/".join(quote(part, safe="") for part in app.split("/"))


def applications(client: Client, **query: str) -> list[dict[str, Any]]:
    """All of them, and on stderr which replicas did not answer: theirs are listed as Unknown, or missing where it is searched."""
    pages = list(client.pages("/applications", **query))
    for replica in sorted({name for page in pages for name in page["unreachable"]}):
        typer.echo(f"replica {replica} does not answer: what is said here of its applications is incomplete", err=True)
    return [item for page in pages for item in page["items"]]


def status(app: MaybeApp = "", server: Server = "", output: Output = Format.TEXT) -> None:
    """One line for each application; conditions and orders below."""
    client = client_at(server)
    found = [client.get(path_of(app))] if app else applications(client)
    if output is Format.JSON:
        print_json(found[0] if app else found)
        return
    print_table(("NAMESPACE", "NAME", "SYNC", "HEALTH", "REVISION", "DRIFT", "LAST SYNC", "AGE"), (_row(item) for item in found))
    for item in found:
        for order in item["orders"]:
            said = f"{order['order']} {order['detail']}".strip()
            typer.echo(f"{item['name']}: {said} by {order['by']}, {age(order['since'])} ago", err=True)
        for condition in item["conditions"]:
            typer.echo(f"{item['name']}: {condition['type']}: {condition['message']}", err=True)


def _row(item: dict[str, Any]) -> tuple[Any, ...]:
    operation = item["operation"] or {}
    names = item["namespace"], item["name"], item["sync"]["status"], item["health"]["status"]
    last = operation.get("phase", "never"), age(operation.get("finished"))
    return (*names, item["sync"]["revision"][:10], item["drift"]["objects"] or "", *last)


def plan(
    app: App,
    revision: Revision = "",
    server: Server = "",
    output: Annotated[PlanFormat, typer.Option("-o", "--output", help="text, markdown, or json for programs.")] = PlanFormat.TEXT,
    exit_code: ExitCode = False,
) -> int:
    """Nothing is written; `-o markdown` fits a pull request."""
    client = client_at(server)
    record = client.get(f"{path_of(app)}/plan", revision=revision)
    if output is PlanFormat.MARKDOWN:
        typer.echo(markdown(client.get(path_of(app)), record), nl=False)
    else:
        (print_json if output is PlanFormat.JSON else print_plan)(record)
    return _verdict(record, exit_code)


def diff(
    app: App, revision: Revision = "", server: Server = "", output: Output = Format.TEXT, exit_code: ExitCode = False
) -> int:
    """Values of Secrets are digests: a change shows, the value does not."""
    record = client_at(server).get(f"{path_of(app)}/plan", revision=revision)
    (print_json if output is Format.JSON else print_diff)(record)
    return _verdict(record, exit_code)


def _verdict(record: dict[str, Any], exit_code: bool) -> int:
    if not record["sync"] or record["sync"] == "Unknown":
        raise DaemonError(record["result"])
    return int(exit_code and record["sync"] != "Synced")


def sync(
    app: App,
    revision: Revision = "",
    prune: Annotated[bool, typer.Option("--prune", help="Delete what left Git, whatever the policy says.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Delete and make anew what can't be changed in place.")] = False,
    resource: Annotated[
        list[str] | None,
        typer.Option(
            "--resource", metavar="KIND/NAME", help="Only this object, or with a ! before it, all but this; may be repeated."
        ),
    ] = None,
    wait_for_end: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait for the end.")] = True,
    timeout: Timeout = 300,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be done.")] = False,
    server: Server = "",
    output: Output = Format.TEXT,
) -> int:
    """The same request joins a sync under way. Exit code 1 where it fails, or where the time is over before."""
    client, key, deadline = client_at(server), os.urandom(16).hex(), time.monotonic() + timeout
    body = {"revision": revision, "prune": prune or None, "force": force, "resources": resource or [], "dryRun": dry_run}
    answer = client.sync(path_of(app), body, wait=0, key=key)
    while wait_for_end and "objects" not in answer and (left := deadline - time.monotonic()) > 0:
        typer.echo(f"sync of {app}: {answer['message']}", err=True)
        answer = client.sync(path_of(app), body, wait=min(math.ceil(left), _SLICE), key=key)
    if output is Format.JSON:
        print_json(answer)
    elif "objects" in answer:
        print_plan(answer)
    else:
        typer.echo(f"sync of {app}: {answer['message']}")
    if wait_for_end and "objects" not in answer:
        raise DaemonError(f"the sync of {app} is still under way after {timeout} s; `gitopsd status {app}` follows it")
    return int(answer["phase"] in ("Failed", "Error"))


def terminate(app: App, server: Server = "") -> None:
    """The next sync goes on where this one was."""
    client_at(server).delete(f"{path_of(app)}/operation")


def refresh(
    app: App,
    hard: Annotated[bool, typer.Option("--hard", help="Render everything anew, whatever was kept of it.")] = False,
    server: Server = "",
) -> None:
    """Answers when the repositories have."""
    client_at(server).post(f"{path_of(app)}/refresh" + ("?hard=true" if hard else ""))


def wait(
    app: App,
    conditions: Annotated[str, typer.Option("--for", help="synced, healthy, or both with a comma between.")] = "synced,healthy",
    timeout: Timeout = 300,
    server: Server = "",
) -> None:
    """Exit code 1 when the time is over."""
    wanted = {word.strip().lower() for word in conditions.split(",")}
    if not wanted <= {"synced", "healthy"}:
        raise typer.BadParameter("write synced, healthy, or synced,healthy", param_hint="--for")
    client, deadline = client_at(server), time.monotonic() + timeout
    while True:
        item = client.get(path_of(app))
        states = {item["sync"]["status"].lower(), item["health"]["status"].lower()}
        if wanted <= states:
            return
        if time.monotonic() >= deadline:
            now = f"{item['sync']['status']}, {item['health']['status']}"
            raise DaemonError(f"{app} is {now} after {timeout} s: {item['health']['message'] or 'nothing more is known'}")
        time.sleep(0.25)


def history(
    app: App,
    record_id: Annotated[str, typer.Argument(metavar="[ID]", help="One of them.")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=500, help="How many at most.")] = 20,
    server: Server = "",
    output: Output = Format.TEXT,
) -> None:
    """Every attempt is there, failed ones too."""
    client = client_at(server)
    if record_id:
        record = client.get(f"{path_of(app)}/history/{record_id}")
        (print_json if output is Format.JSON else print_plan)(record)
        return
    records = client.get(f"{path_of(app)}/history", limit=str(limit))["items"]
    if output is Format.JSON:
        print_json(records)
        return
    rows = (
        (r["id"], age(r["finished"]), r["phase"], r["trigger"], r["actor"], r["revision"][:10], r["author"], r["result"])
        for r in records
    )
    print_table(("ID", "AGE", "PHASE", "TRIGGER", "ACTOR", "REVISION", "AUTHOR", "RESULT"), rows)


def drift(app: MaybeApp = "", server: Server = "", output: Output = Format.TEXT, exit_code: ExitCode = False) -> int:
    """Open and past drift; `--exit-code` tells whether any is open."""
    client = client_at(server)
    names = [app] if app else [f"{item['namespace']}/{item['name']}" for item in applications(client)]
    found = [(name, item) for name in names for item in client.get(f"{path_of(name)}/drift")["items"]]
    if output is Format.JSON:
        print_json([item for _, item in found])
    else:
        print_table(
            ("APPLICATION", "OBJECT", "FIELD", "FROM", "TO", "MANAGER", "OPERATION", "SINCE", "OUTCOME"), map(_drift_row, found)
        )
    return int(exit_code and any(client.get(path_of(name))["drift"]["objects"] for name in names))


def _drift_row(entry: tuple[str, dict[str, Any]]) -> tuple[Any, ...]:
    name, item = entry
    what = name, object_name(item["object"]), item["field"] or "(the object)", item["from"], item["to"]
    return (*what, item["manager"], item["operation"], age(item["time"]), item["outcome"])

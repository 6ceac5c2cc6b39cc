"""`gitopsd tree`, `trace` and `events`, against a real HTTP server over a world of fakes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator

import pytest

from gitopsd.model.app import AppKey
from gitopsd.model.health import Health, HealthStatus
from gitopsd.model.record import TriggerKind
from tests.cli.running import Ran, run
from tests.listening import Listening, listening
from tests.plan.builders import app, manifest, ref
from tests.reconciling import World
from tests.serving import Served
from tests.waiting import until


@pytest.fixture
def daemon() -> Iterator[Listening]:
    """An application that is Synced at c1 with a ConfigMap `a`."""
    with listening(lambda: Served(World(app=app(prune=True)))) as found:
        found.do(lambda served: served.push("c1", "a"))
        yield found


def at(daemon: Listening, *words: str) -> Ran:
    """The command, about this daemon."""
    return run(*words, "--server", daemon.address)


def test_tree_shows_what_controllers_made(daemon: Listening) -> None:
    """Below the object that owns it, however deep; one that nobody of the application owns is not shown."""

    async def made(served: Served) -> None:
        for name, owner in (("a-1", "a"), ("a-1-x", "a-1"), ("other", None)):
            obj = manifest(name=name)
            if owner:
                uid = served.world.cluster.objects[ref(owner)]["metadata"]["uid"]
                obj["metadata"]["ownerReferences"] = [{"kind": "ConfigMap", "name": owner, "uid": uid}]
            obj["metadata"]["namespace"] = "web"
            served.world.cluster.put(obj)
        served.world.cluster.healths[ref("a-1-x")] = Health(HealthStatus.DEGRADED, "no disk")

    daemon.do(made)
    ran = at(daemon, "tree", "shop")
    assert ran.out == (
        "ConfigMap/web/a  Synced  Healthy\n    ConfigMap/web/a-1  Healthy\n        ConfigMap/web/a-1-x  Degraded  no disk\n"
    )
    found = at(daemon, "tree", "shop", "-o", "json").json
    assert [(item["name"], item["owner"] and item["owner"]["name"]) for item in found] == [
        ("a", None),
        ("a-1", "a"),
        ("a-1-x", "a-1"),
    ]


def test_trace_says_where_an_object_comes_from(daemon: Listening) -> None:
    """Application, state, repository, commit and file of the object, the kind in any case."""
    ran = at(daemon, "trace", "configmap/a", "-n", "web")
    assert (ran.code, ran.err) == (0, "")
    assert ran.rows[:3] == [["object", "ConfigMap/web/a"], ["application", "argocd/shop"], ["sync", "Synced"]]
    assert ["revision", "c1"] in ran.rows
    (found,) = at(daemon, "trace", "ConfigMap/a", "-o", "json").json
    assert (found["application"], found["repository"], found["revision"]) == ("argocd/shop", "repo", "c1")
    assert found["origin"]["file"]


def test_trace_of_what_nobody_has(daemon: Listening) -> None:
    """One sentence; a name without a kind is wrong usage."""
    for words in (("Secret/a",), ("ConfigMap/a", "-n", "elsewhere")):
        ran = at(daemon, "trace", *words)
        assert ran.code == 1
        assert ran.err.startswith("gitopsd: no application has an object ")
    assert at(daemon, "trace", "a").code == 64


async def _happen(served: Served) -> None:
    """Begins what happens as soon as somebody listens: a sync, drift, and the end of the stream."""

    async def later() -> None:
        await until(lambda: served.events.followers == 1)
        await served.push("c2", "a", "b")
        served.world.delete(ref("b"))
        served.agent.trigger([served.key], TriggerKind.WATCH)
        await served.quiet()
        served.events.forget(AppKey("argocd", "other"))
        served.events.close()

    _TASKS.add(asyncio.create_task(later()))


_TASKS: set[asyncio.Task[None]] = set()


def test_events_are_shown_until_the_daemon_ends(daemon: Listening) -> None:
    """A line for each, with what a person asks first; the end of the daemon is an error, for nothing is shown any more."""
    daemon.do(_happen)
    ran = at(daemon, "events", "shop")
    assert ran.code == 1
    assert ran.err.endswith("has ended; ask again when it is back\n")
    told = [row[1:] for row in ran.rows]
    assert ["application", "argocd/shop", "Synced", "Healthy", "Running"] in told
    assert ["record", "argocd/shop", "Succeeded at c2: 1 created"] in told
    assert ["drift", "argocd/shop", "ConfigMap/web/b (the object) by nobody known: reported"] in told
    assert {row[1] for row in told} == {"argocd/shop"}


def test_events_for_programs(daemon: Listening) -> None:
    """A JSON object a line, of all applications."""
    daemon.do(_happen)
    found = [json.loads(line) for line in at(daemon, "events", "-o", "json").out.splitlines()]
    assert {event["event"] for event in found} == {"application", "record", "drift", "gone"}
    assert found[-1] == {"event": "gone", "namespace": "argocd", "name": "other"}


def test_refresh_may_be_hard(daemon: Listening) -> None:
    """`--hard` is passed on."""
    assert at(daemon, "refresh", "shop", "--hard").code == 0
    assert at(daemon, "refresh", "shop").code == 0
    assert daemon.served.refreshed == [(daemon.served.key, True), (daemon.served.key, False)]

"""Commands about a daemon, against a real HTTP server over a world of fakes."""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from gitopsd.model.app import App
from gitopsd.model.errors import Place, RenderError
from gitopsd.model.health import Health, HealthStatus
from gitopsd.model.plan import Step
from gitopsd.model.record import TriggerKind
from gitopsd.ports import Written
from tests.cli.running import Ran, environment, run
from tests.fakes import FakeCluster
from tests.listening import Listening, listening
from tests.plan.builders import app, manifest, ref
from tests.reconciling import World
from tests.serving import Served, named
from tests.web.test_elsewhere import Pair


@pytest.fixture
def daemon() -> Iterator[Listening]:
    """An application that is Synced at c1 with a ConfigMap `a`."""
    with listening(lambda: Served(World(app=app(prune=True)))) as found:
        found.do(lambda served: served.push("c1", "a"))
        yield found


async def _commit(served: Served) -> None:
    """Git has b in place of a; nobody has synced it yet."""
    served.world.app = app()
    served.agent.adopt({served.key: served.world.app}, {})
    served.world.git.push("c2", manifest(name="b"))
    served.agent.trigger([served.key], TriggerKind.POLL)
    await served.quiet()


def at(daemon: Listening, *words: str) -> Ran:
    """The command, about this daemon."""
    return run(*words, "--server", daemon.address)


def test_status_lists_applications(daemon: Listening) -> None:
    """One line for each, with revision, drift and the last sync; JSON has the API's documents."""
    ran = at(daemon, "status")
    assert (ran.code, ran.err) == (0, "")
    assert ran.rows[0] == ["NAMESPACE", "NAME", "SYNC", "HEALTH", "REVISION", "DRIFT", "LAST SYNC", "AGE"]
    assert ran.rows[1][:6] == ["argocd", "shop", "Synced", "Healthy", "c1", "Succeeded"]
    assert [item["name"] for item in at(daemon, "status", "-o", "json").json] == ["shop"]
    assert at(daemon, "status", "argocd/shop", "-o", "json").json["sync"]["status"] == "Synced"


def test_status_shows_conditions(daemon: Listening) -> None:
    """What is wrong stands below, on stderr: the table stays a table."""

    async def fail(served: Served) -> None:
        served.world.git.push("c2", failure=RenderError("missing.yaml does not exist", Place("ops/kustomization.yaml", 1)))
        served.agent.trigger([served.key], TriggerKind.POLL)
        await served.quiet()

    daemon.do(fail)
    ran = at(daemon, "status", "shop")
    assert ran.err == "shop: RenderError: ops/kustomization.yaml:1: missing.yaml does not exist\n"
    assert len(ran.rows) == 2


def test_plan_tells_what_a_sync_would_do(daemon: Listening) -> None:
    """As text, as JSON, and as markdown for a pull request; `--exit-code` tells whether anything differs."""
    assert at(daemon, "plan", "shop", "--exit-code").code == 0
    daemon.do(_commit)
    text = at(daemon, "plan", "shop")
    assert text.code == 0
    assert text.out.splitlines()[:2] == [
        "+ create    ConfigMap/web/b  not in the cluster",
        "  skip      ConfigMap/web/a  not in Git; pruning is off",
    ]
    assert text.out.splitlines()[-1] == "Succeeded at c2: 2 objects differ from Git"
    assert at(daemon, "plan", "shop", "--exit-code").code == 1
    assert at(daemon, "plan", "shop", "-o", "json").json["revision"] == "c2"
    markdown = at(daemon, "plan", "argocd/shop", "-o", "markdown", "--revision", "c9").out
    assert markdown.startswith("### shop: 1 to create, 1 to skip\n\n`argocd/shop` at `c9` to `here/web`\n")
    assert "| create | `ConfigMap/web/b` |" in markdown
    assert "Fields" not in markdown


def test_diff_shows_live_beside_git(daemon: Listening) -> None:
    """Only what differs; nothing where nothing does."""
    same = at(daemon, "diff", "shop", "--exit-code")
    assert (same.code, same.out) == (0, "")

    async def change(served: Served) -> None:
        served.world.change(ref("a"), data={"colour": "red"})

    daemon.do(change)
    ran = at(daemon, "diff", "shop", "--exit-code")
    assert ran.code == 1
    assert ran.out.splitlines()[0] == "~ ConfigMap/web/a"
    assert ran.rows[2] == ["data", '{"colour": "red"}', "->", "(absent)"]
    assert at(daemon, "diff", "shop", "-o", "json").json["sync"] == "OutOfSync"


@pytest.mark.parametrize("command", ["diff", "plan"])
def test_a_comparison_that_can_not_be_made_is_a_failure(daemon: Listening, command: str) -> None:
    """2 with `--exit-code`, as 1 means different; else 1. One sentence says why."""

    async def stop(served: Served) -> None:
        served.world.cluster.down = "connection refused"

    daemon.do(stop)
    assert at(daemon, command, "shop", "--exit-code") == Ran(
        2, at(daemon, command, "shop").out, "gitopsd: cluster fake: connection refused\n"
    )
    assert at(daemon, command, "shop").code == 1


def test_sync_waits_and_shows_what_it_did(daemon: Listening) -> None:
    """Exit code 0 where it succeeds."""
    daemon.do(_commit)
    ran = at(daemon, "sync", "shop", "--prune")
    assert ran.code == 0
    assert [line[:25] for line in ran.out.splitlines()[:2]] == ["+ create    ConfigMap/web", "- prune     ConfigMap/web"]
    assert ran.out.splitlines()[-1] == "Succeeded at c2: 1 created, 1 pruned"
    assert daemon.served.world.names() == {"ConfigMap/web/b"}
    record = at(daemon, "sync", "shop", "-o", "json").json
    assert (record["phase"], record["trigger"], bool(record["actor"])) == ("Succeeded", "manual", True)


def test_sync_of_some_objects_to_a_revision(daemon: Listening) -> None:
    """Each option reaches the daemon."""
    daemon.do(_commit)
    at(daemon, "sync", "shop", "--revision", "c7", "--resource", "ConfigMap/b")
    record = daemon.served.world.history.records[max(daemon.served.world.history.records)]
    trigger = record.trigger
    assert (trigger.revision, trigger.resources, trigger.prune) == ("c7", ("ConfigMap/b",), None)


def test_sync_dry_run_changes_nothing(daemon: Listening) -> None:
    """It tells what would be done."""
    daemon.do(_commit)
    ran = at(daemon, "sync", "shop", "--dry-run")
    assert ran.code == 0
    assert "create" in ran.out
    assert daemon.served.world.names() == {"ConfigMap/web/a"}


@dataclass(slots=True)
class SlowCluster(FakeCluster):
    """Writes wait until the gate is open."""

    gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def write(self, app: App, step: Step) -> Written:
        await self.gate.wait()
        return await FakeCluster.write(self, app, step)


def slow() -> Served:
    """A world whose syncs don't end by themselves."""
    served = Served(World(app=app(), cluster=SlowCluster()))
    served.world.git.push("c1", manifest(name="a"))
    return served


def test_sync_without_waiting_then_terminate() -> None:
    """It is accepted at once; terminating it ends it; there is nothing to terminate then."""
    with listening(slow) as daemon:
        ran = at(daemon, "sync", "shop", "--no-wait")
        assert (ran.code, ran.out) == (0, "sync of shop: waits for its turn\n")
        assert at(daemon, "terminate", "shop") == Ran(0, "", "")
        daemon.do(lambda served: served.quiet())
        ran = at(daemon, "terminate", "shop")
        assert (ran.code, ran.err) == (1, "gitopsd: application argocd/shop has no sync under way\n")


def test_sync_that_takes_too_long_is_a_failure() -> None:
    """Exit code 1, and where to look; the sync goes on."""
    with listening(slow) as daemon:
        ran = at(daemon, "sync", "shop", "--timeout", "1")
        assert ran.code == 1
        assert (
            ran.err.splitlines()[-1] == "gitopsd: the sync of shop is still under way after 1 s; `gitopsd status shop` follows it"
        )
        assert at(daemon, "sync", "shop", "--no-wait", "--prune").err.startswith("gitopsd: application argocd/shop: another sync")
        at(daemon, "terminate", "shop")


def test_a_sync_that_fails_says_so(daemon: Listening) -> None:
    """Exit code 1; the last line says what failed."""

    async def fail(served: Served) -> None:
        served.world.git.push("c2", failure=RenderError("is no YAML", Place("a.yaml", 3)))

    daemon.do(fail)
    ran = at(daemon, "sync", "shop")
    assert ran.code == 1
    assert ran.out.splitlines()[-1] == "Failed at c2: a.yaml:3: is no YAML"


def test_refresh_asks_for_news(daemon: Listening) -> None:
    """Nothing is printed where nothing is to be said."""
    assert at(daemon, "refresh", "argocd/shop") == Ran(0, "", "")
    assert daemon.served.refreshed == [(daemon.served.key, False)]


def test_wait_returns_when_it_is_so(daemon: Listening) -> None:
    """At once where it is so already; exit code 1 with how it stands where it does not come."""
    assert at(daemon, "wait", "shop") == Ran(0, "", "")

    async def sicken(served: Served) -> None:
        served.world.cluster.healths[ref("a")] = Health(HealthStatus.DEGRADED, "no space left")
        served.agent.trigger([served.key], TriggerKind.WATCH)
        await served.quiet()

    daemon.do(sicken)
    assert at(daemon, "wait", "shop", "--for", "synced").code == 0
    for none in ("0", "0s"):
        ran = at(daemon, "wait", "shop", "--timeout", none)
        assert ran.code == 1
        assert ran.err.startswith("gitopsd: shop is Synced, Degraded after 0 s: ")


def test_wait_for_something_else_is_wrong_usage(daemon: Listening) -> None:
    """The words are said."""
    ran = at(daemon, "wait", "shop", "--for", "happy")
    assert ran.code == 64
    assert "synced,healthy" in ran.err


def test_history_and_one_record_of_it(daemon: Listening) -> None:
    """Newest first; with an id, all that one did."""
    daemon.do(_commit)
    at(daemon, "sync", "shop")
    ran = at(daemon, "history", "shop")
    assert ran.rows[0] == ["ID", "AGE", "PHASE", "TRIGGER", "ACTOR", "REVISION", "AUTHOR", "RESULT"]
    manual, poll = ran.rows[1:]  # nobody asked for what a poll brings
    assert (manual[3:6], poll[3:5]) == (["manual", getpass.getuser(), "c2"], ["poll", "c1"])
    (newest,) = at(daemon, "history", "shop", "--limit", "1", "-o", "json").json
    assert newest["revision"] == "c2"
    assert "ConfigMap/web/b" in at(daemon, "history", "shop", newest["id"]).out
    assert at(daemon, "history", "shop", newest["id"], "-o", "json").json["objects"]
    missing = at(daemon, "history", "shop", "999")
    assert (missing.code, missing.err) == (1, "gitopsd: application argocd/shop has no record 999\n")


def test_drift_tells_what_somebody_changed(daemon: Listening) -> None:
    """Open and past; `--exit-code` tells whether any is open."""
    assert at(daemon, "drift", "--exit-code").code == 0

    async def delete(served: Served) -> None:
        served.world.delete(ref("a"))
        served.agent.trigger([served.key], TriggerKind.WATCH)
        await served.quiet()

    daemon.do(delete)
    ran = at(daemon, "drift", "--exit-code")
    assert ran.code == 1
    assert ran.rows[1][:4] == ["argocd/shop", "ConfigMap/web/a", "(the object)", "present"]
    (drift,) = at(daemon, "drift", "shop", "-o", "json").json
    assert (drift["application"], drift["outcome"]) == ("argocd/shop", "reported")


def test_many_applications_are_listed_whole() -> None:
    """However many pages it takes."""

    def many() -> Served:
        world = World(app=app())
        return Served(world, tuple(named(world.app, "argocd", f"shop-{number:03}") for number in range(120)))

    with listening(many) as daemon:
        assert len(at(daemon, "status", "-o", "json").json) == 120
        assert len(at(daemon, "status").rows) == 121


def test_replicas_that_do_not_answer_are_named() -> None:
    """On stderr, once each, whatever the output: their applications are Unknown, and nobody knows what objects they have."""
    silent = "replica b does not answer: what is said here of its applications is incomplete\n"
    with listening(lambda: Pair(down=True).a) as daemon, environment(GITOPSD_TOKEN="t0ken"):
        assert at(daemon, "status").err.startswith(silent)
        ran = at(daemon, "status", "-o", "json")
        assert (ran.code, ran.err) == (0, silent)
        assert [(item["sync"]["status"], item["conditions"][0]["type"]) for item in ran.json] == [("Unknown", "ReplicaError")]
        ran = at(daemon, "trace", "ConfigMap/a")
        assert (ran.code, ran.err) == (1, f"{silent}gitopsd: no application has an object ConfigMap/a\n")


def test_a_name_that_is_not_there_or_not_clear(daemon: Listening) -> None:
    """One sentence with what to do."""
    ran = at(daemon, "status", "web")
    assert (ran.code, ran.err) == (1, "gitopsd: no application is called web; `gitopsd status` lists those there are\n")
    assert at(daemon, "diff", "a/b/c").code == 1
    assert at(daemon, "history", "../../healthz").code == 1


def test_where_the_daemon_is_and_who_asks() -> None:
    """GITOPSD_SERVER, with or without scheme, and GITOPSD_TOKEN; `--server` wins."""
    with listening(lambda: Served(World(app=app()), token="s3cr3t")) as daemon:
        bare = daemon.address.removeprefix("http://")
        with environment(GITOPSD_SERVER=bare, GITOPSD_TOKEN="s3cr3t"):
            assert run("status").code == 0
            assert run("status", "--server", "127.0.0.1:1").code == 1
        with environment(GITOPSD_SERVER=daemon.address, GITOPSD_TOKEN="wrong"):
            ran = run("status")
        assert ran.code == 1
        assert "GITOPSD_TOKEN" in ran.err
        assert "wrong" not in ran.err


@pytest.mark.parametrize(
    "server", ["127.0.0.1:1", "http://[::1", "ftp://x", "http://no such host", "nonsense://", "http://127.0.0.1:99999"]
)
def test_no_daemon_there(server: str) -> None:
    """One sentence that names the address and how to name another."""
    ran = run("status", "--server", server)
    assert (ran.code, ran.out, ran.err.count("\n")) == (1, "", 1)
    assert "--server or GITOPSD_SERVER" in ran.err

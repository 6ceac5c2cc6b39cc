"""Rollback over HTTP: it goes back, stays, and lets go when Git moves or somebody says so."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gitopsd.model.app import App
from gitopsd.model.errors import ObjectError
from gitopsd.model.record import TriggerKind
from tests.plan.builders import app, manifest, ref
from tests.reconciling import World
from tests.serving import API, Served, serving

SHOP = f"{API}/shop"
ROLLBACK = f"{SHOP}/rollback?wait=30s"


async def two_commits(served: Served) -> None:
    """c1 with a, then c2 with b, both synced."""
    await served.push("c1", "a")
    await served.push("c2", "b")


async def test_it_goes_back_and_stays_until_git_moves() -> None:
    """Auto-sync is on and stays at the earlier commit, drift is healed to it, and the next commit ends it."""
    async with serving() as served:
        await two_commits(served)
        answer = await served.call("POST", ROLLBACK, X_Gitopsd_Actor="ann")
        assert answer.status == 200
        assert answer.json.items() >= {"trigger": "rollback", "actor": "ann", "revision": "c1", "phase": "Succeeded"}.items()
        served.world.delete(ref("a"))
        served.agent.trigger([served.key], TriggerKind.POLL)
        await served.quiet()
        document = (await served.get(SHOP)).json
        assert served.world.names() == {"ConfigMap/web/a"}
        assert (document["pinned"], document["sync"]["status"], document["sync"]["revision"]) == ("c1", "Synced", "c1")
        assert (
            document["orders"][0].items() >= {"order": "pinned", "by": "ann", "detail": "to c1 (rolled back to sync 1)"}.items()
        )
        await served.push("c3", "c")
        assert served.world.names() == {"ConfigMap/web/c"}
        assert (await served.get(SHOP)).json["pinned"] is None
        assert (await served.world.history.standing()) == {}


async def test_unpin_follows_git_again() -> None:
    """What Git says is synced at once."""
    async with serving() as served:
        await two_commits(served)
        await served.call("POST", ROLLBACK, {"id": "1"})
        answer = await served.call("POST", f"{SHOP}/unpin", X_Gitopsd_Actor="bob")
        assert answer.json["pinned"] is None
        await served.quiet()
        assert served.world.names() == {"ConfigMap/web/b"}
        record = (await served.get(f"{SHOP}/history")).json["items"][0]
        assert (record["trigger"], record["actor"], record["revision"]) == ("unpin", "bob", "c2")


async def test_automation_may_be_off() -> None:
    """A rollback is a person's word: it is carried out, prunes where that is asked for, and no commit is synced for it later."""
    async with serving(Served(World(app=app()))) as served:
        for commit, name in (("c1", "a"), ("c2", "b")):
            served.world.git.push(commit, manifest(name=name))
            await served.call("POST", f"{SHOP}/sync?wait=30s")
        await served.call("POST", ROLLBACK, {"prune": True})
        assert served.world.names() == {"ConfigMap/web/a"}
        await served.push("c3", "c")
        document = (await served.get(SHOP)).json
        assert (document["pinned"], document["sync"]["status"]) == (None, "OutOfSync")
        assert served.world.names() == {"ConfigMap/web/a"}


@pytest.mark.parametrize("of", [app(), app(prune=True)])
async def test_a_rollback_that_a_crash_cuts_off_is_gone_on_with(of: App) -> None:
    """The pin was stored before anything was done: the next start finds it, automation or not."""
    world = World(app=of)
    async with serving(Served(world)) as served:
        for commit, name in (("c1", "a"), ("c2", "b")):
            world.git.push(commit, manifest(name=name))
            await served.call("POST", f"{SHOP}/sync?wait=30s", {"prune": True})
        world.cluster.failures["write", ref("a")] = ObjectError(ref("a"), "apply", "Timeout", "no answer")
        assert (await served.call("POST", ROLLBACK)).json["phase"] == "Failed"
    world.cluster.failures.clear()
    world.restart()
    async with serving(Served(world)) as served:
        assert "ConfigMap/web/a" in world.names()
        assert (await served.get(SHOP)).json["pinned"] == "c1"


async def test_a_commit_that_is_gone_is_told_before_anything_is_done() -> None:
    """502 with the repository and the commit; the application stays where it was, and is not pinned."""
    async with serving() as served:
        await two_commits(served)
        served.world.git.gone.add("c1")
        answer = await served.call("POST", ROLLBACK)
        assert (answer.status, answer.problem) == (502, "repo: has no revision 'c1'")
        assert (await served.get(SHOP)).json["pinned"] is None


@pytest.mark.parametrize(("body", "reason"), [({"id": "9"}, "has no sync 9"), ({}, "no earlier sync of another commit")])
async def test_where_there_is_nothing_to_go_back_to(body: dict[str, str], reason: str) -> None:
    """409 says so."""
    async with serving() as served:
        await served.push("c1", "a")
        answer = await served.call("POST", ROLLBACK, body)
        assert answer.status == 409
        assert reason in answer.problem


async def test_the_default_passes_over_what_failed() -> None:
    """It is the last success with another commit than the last attempt, which may be the one that failed."""
    async with serving() as served:
        await served.push("c1", "a")
        served.world.cluster.failures["write", ref("b")] = ObjectError(ref("b"), "apply", "Invalid", "no")
        await served.push("c2", "b")
        answer = await served.call("POST", ROLLBACK)
        assert (answer.json["revision"], answer.json["phase"]) == ("c1", "Succeeded")


async def test_a_suspended_application_is_not_rolled_back() -> None:
    """It would not be written: 409 says how to go on, and nothing is pinned."""
    async with serving() as served:
        await two_commits(served)
        await served.call("POST", f"{SHOP}/suspend")
        answer = await served.call("POST", ROLLBACK)
        assert (answer.status, (await served.get(SHOP)).json["pinned"]) == (409, None)


async def test_a_record_of_other_sources_is_refused() -> None:
    """The spec is today's: a record that knows fewer commits than it has sources can't be rendered with it."""
    async with serving() as served:
        await two_commits(served)
        spec = served.world.app.spec
        two = replace(served.world.app, spec=replace(spec, source=None, sources=(spec.source, spec.source)))  # type: ignore[arg-type]
        served.agent.adopt({two.key: two}, {})
        assert "knows 1 of its 2 sources" in (await served.call("POST", ROLLBACK, {"id": "1"})).problem


async def test_a_branch_that_is_gone_moves_nothing() -> None:
    """Where Git can't be asked what it says, the application stays where it is."""
    async with serving() as served:
        await two_commits(served)
        await served.call("POST", ROLLBACK)
        served.world.git.gone.add("c2")
        served.agent.trigger([served.key], TriggerKind.POLL)
        await served.quiet()
        document = (await served.get(SHOP)).json
        assert (document["pinned"], document["conditions"]) == ("c1", [])

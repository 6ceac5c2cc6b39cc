"""The way back that nobody asks for, over HTTP: what turns out bad is left, and not tried again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from gitopsd.model.app import AppSettings
from gitopsd.model.health import Health, HealthStatus
from gitopsd.model.record import TriggerKind
from tests.plan.builders import app, ref
from tests.plan.test_confine import project
from tests.reconciling import World
from tests.serving import API, Served, serving

SHOP = f"{API}/shop"
DEGRADED = Health(HealthStatus.DEGRADED, "no image")


def watched() -> World:
    """An application that asks for the way back."""
    return World(app=app(prune=True, self_heal=True, own=AppSettings(probation=600)))


async def degrade(served: Served, name: str) -> None:
    """An object goes bad, and a watch tells of it."""
    served.world.cluster.healths[ref(name)] = DEGRADED
    served.agent.trigger([served.key], TriggerKind.WATCH)
    await served.quiet()


async def test_a_degraded_revision_is_left_until_git_moves() -> None:
    """Record, status, order and condition say why; the commit is not tried again; the next one ends it."""
    async with serving(Served(watched())) as served:
        await served.push("c1", "a")
        await served.push("c2", "b")
        await degrade(served, "b")
        served.agent.trigger([served.key], TriggerKind.POLL)
        await served.quiet()
        document = (await served.get(SHOP)).json
        assert (served.world.names(), document["pinned"]) == ({"ConfigMap/web/a"}, "c1")
        why = "rolled back to sync 1: c2 became Degraded: ConfigMap/web/b: no image"
        assert document["orders"][0].items() >= {"order": "pinned", "by": "gitopsd", "detail": f"to c1 ({why})"}.items()
        told = f"{why}; stays at c1 until Git moves or `gitopsd unpin argocd/shop`"
        assert document["conditions"] == [{"type": "RolledBack", "message": told}]
        record = (await served.get(f"{SHOP}/history")).json["items"][0]
        assert (record["trigger"], record["actor"], record["revision"]) == ("auto-rollback", "gitopsd", "c1")
        assert record["conditions"] == document["conditions"]
        await served.push("c3", "c")
        document = (await served.get(SHOP)).json
        assert (served.world.names(), document["pinned"], document["conditions"]) == ({"ConfigMap/web/c"}, None, [])


async def test_a_commit_that_changes_nothing_of_it_ends_nothing() -> None:
    """In a monorepo Git moves all the time: what renders to the bad revision again is not tried, before or after a restart."""
    world = watched()
    async with serving(Served(world)) as served:
        await served.push("c1", "a")
        await served.push("c2", "b")
        await degrade(served, "b")
        await served.push("c3", "b")
        assert (await served.get(SHOP)).json["pinned"] == "c1"
    world.restart()
    async with serving(Served(world)) as served:
        assert ((await served.get(SHOP)).json["pinned"], world.names()) == ("c1", {"ConfigMap/web/a"})
        world.cluster.healths.clear()
        await served.push("c4", "b", "c")
        assert ((await served.get(SHOP)).json["pinned"], world.names()) == (None, {"ConfigMap/web/b", "ConfigMap/web/c"})


async def test_an_old_revision_that_is_bad_too_is_no_loop() -> None:
    """It stays there, and the condition says that nothing more is tried."""
    async with serving(Served(watched())) as served:
        await served.push("c1", "a")
        await served.push("c2", "a", "b")
        await degrade(served, "b")
        await degrade(served, "a")
        document = (await served.get(SHOP)).json
        assert (document["pinned"], document["health"]["status"]) == ("c1", "Degraded")
        assert document["conditions"][0]["message"].endswith("and is Degraded there too: nothing more is tried")
        assert len((await served.get(f"{SHOP}/history")).json["items"]) == 3


async def test_unpin_tries_the_bad_commit_again() -> None:
    """It is a person's word; if it is bad again, it is left again."""
    async with serving(Served(watched())) as served:
        await served.push("c1", "a")
        await served.push("c2", "b")
        await degrade(served, "b")
        served.world.cluster.healths.clear()
        await served.call("POST", f"{SHOP}/unpin")
        await served.quiet()
        assert served.world.names() == {"ConfigMap/web/b"}
        await degrade(served, "b")
        assert (await served.get(SHOP)).json["pinned"] == "c1"


async def test_a_persons_sync_tries_the_bad_commit_again() -> None:
    """Of what Git names, named or not; not one of a part, nor one of another revision, nor a dry run."""
    async with serving(Served(watched())) as served:
        await served.push("c1", "a")
        await served.push("c2", "b")
        for body, ends in (
            ({"dryRun": True}, False),
            ({"resources": ["ConfigMap/a"]}, False),
            ({"revision": "c1"}, False),
            ({"revision": "c2"}, True),
            ({}, True),
        ):
            await degrade(served, "b")
            assert (await served.get(SHOP)).json["pinned"] == "c1"
            served.world.cluster.healths.clear()
            await served.call("POST", f"{SHOP}/sync?wait=5s", body)
            await served.quiet()
            live = {"ConfigMap/web/b"} if ends else {"ConfigMap/web/a"}
            assert ((await served.get(SHOP)).json["pinned"], served.world.names()) == (None if ends else "c1", live), body


NIGHT = {"kind": "deny", "schedule": "0 22 * * *", "duration": "8h", "applications": ["*"]}
LATE, MORNING = datetime(2026, 3, 1, 23, 0, tzinfo=UTC), datetime(2026, 3, 2, 6, 1, tzinfo=UTC)


def watched_by_day() -> World:
    """... and that its project lets nobody sync at night."""
    nightly = app(prune=True, self_heal=True, own=AppSettings(probation=86400))
    return World(app=replace(nightly, project=project(syncWindows=[NIGHT])))


async def refused(served: Served, body: dict[str, str]) -> None:
    """A person's sync at night, and whatever the morning brings by itself."""
    served.world.clock.time = LATE
    record = (await served.call("POST", f"{SHOP}/sync?wait=5s", body)).json
    assert (record["phase"], record["conditions"][-1]["type"]) == ("Failed", "SyncWindow")
    await served.quiet()
    served.world.clock.time = MORNING
    served.agent.trigger([served.key], TriggerKind.WINDOW)
    await served.quiet()


async def test_a_sync_that_a_window_refuses_ends_no_way_back() -> None:
    """The bad commit is not tried: not then, and not by itself when the window is over. By day the same sync tries it."""
    async with serving(Served(watched_by_day())) as served:
        await served.push("c1", "a")
        await served.push("c2", "b")
        await degrade(served, "b")
        served.world.cluster.healths.clear()
        await refused(served, {})
        assert ((await served.get(SHOP)).json["pinned"], served.world.names()) == ("c1", {"ConfigMap/web/a"})
        await served.call("POST", f"{SHOP}/sync?wait=5s", {})
        assert ((await served.get(SHOP)).json["pinned"], served.world.names()) == (None, {"ConfigMap/web/b"})


async def test_a_sync_that_a_window_refuses_ends_no_probation() -> None:
    """It was for another revision, and did nothing: the one that is live is left all the same when it turns bad."""
    async with serving(Served(watched_by_day())) as served:
        await served.push("c1", "a")
        await served.push("c2", "b")
        await refused(served, {"revision": "c1"})
        await degrade(served, "b")
        assert ((await served.get(SHOP)).json["pinned"], served.world.names()) == ("c1", {"ConfigMap/web/a"})


async def test_a_way_back_that_a_window_holds_up_is_gone_when_it_is_over() -> None:
    """Without automation too: it was decided, and waits."""
    world = watched_by_day()
    world.app = replace(app(own=AppSettings(probation=86400)), project=world.app.project)
    async with serving(Served(world)) as served:
        for commit, name in (("c1", "a"), ("c2", "b")):
            await served.push(commit, name)
            await served.call("POST", f"{SHOP}/sync?wait=5s", {"prune": True})
        world.clock.time = LATE
        await degrade(served, "b")
        assert ((await served.get(SHOP)).json["pinned"], world.names()) == ("c1", {"ConfigMap/web/b"})
        world.clock.time = MORNING
        served.agent.trigger([served.key], TriggerKind.WINDOW)
        await served.quiet()
        assert "ConfigMap/web/a" in world.names()


async def test_where_there_is_no_good_revision_a_condition_says_so() -> None:
    """The first revision stays, until it is healthy or another one comes."""
    async with serving(Served(watched())) as served:
        await served.push("c1", "a")
        await degrade(served, "a")
        document = (await served.get(SHOP)).json
        said = "c1 became Degraded: ConfigMap/web/a: no image; there is no earlier good revision to go back to"
        assert (document["pinned"], document["conditions"]) == (None, [{"type": "RollbackError", "message": said}])
        served.world.cluster.healths.clear()
        served.agent.trigger([served.key], TriggerKind.WATCH)
        await served.quiet()
        assert (await served.get(SHOP)).json["conditions"] == []


async def test_a_restart_changes_nothing() -> None:
    """It turns bad while gitopsd is away: the first pass finds out, and what was good stands in the history."""
    world = watched()
    async with serving(Served(world)) as served:
        await served.push("c1", "a")
        await served.push("c2", "b")
    world.cluster.healths[ref("b")] = DEGRADED
    world.restart()
    async with serving(Served(world)) as served:
        assert (await served.get(SHOP)).json["pinned"] == "c1"


async def test_who_does_not_ask_for_it_is_left_alone() -> None:
    """Degraded is a state like any other then."""
    async with serving(Served(replace(watched(), app=app(prune=True)))) as served:
        await served.push("c1", "a")
        await served.push("c2", "b")
        await degrade(served, "b")
        assert (await served.get(SHOP)).json["pinned"] is None

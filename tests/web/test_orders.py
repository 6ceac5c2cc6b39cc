"""What people order over HTTP: that it holds, shows, survives a restart, and is written down with who it was."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from gitopsd.model.app import SKIP_RECONCILE
from gitopsd.model.record import TriggerKind
from gitopsd.model.standing import Standing
from tests.plan.builders import app, manifest, ref
from tests.reconciling import World
from tests.serving import API, Served, serving

SHOP = f"{API}/shop"


async def history(served: Served) -> list[tuple[str, str, str]]:
    """Trigger, actor and phase of each record, newest first."""
    return [(r["trigger"], r["actor"], r["phase"]) for r in (await served.get(f"{SHOP}/history")).json["items"]]


async def test_a_suspended_application_is_watched_and_not_written_to() -> None:
    """No commit is synced, no drift healed, and both show; `resume` does what was left. History names who it was."""
    async with serving() as served:
        await served.push("c1", "a")
        answer = await served.call("POST", f"{SHOP}/suspend", X_Gitopsd_Actor="ann")
        assert (answer.status, answer.json["suspended"]) == (200, True)
        assert answer.json["orders"] == [{"order": "suspended", "detail": "", "by": "ann", "since": "2026-03-01T12:00:00Z"}]
        await served.quiet()
        served.world.change(ref("a"), data={"colour": "red"})
        served.agent.trigger([served.key], TriggerKind.WATCH)
        await served.quiet()
        assert (await served.get(SHOP)).json["drift"]["objects"] == 1
        await served.push("c2", "a", "b")
        document = (await served.get(SHOP)).json
        assert (document["sync"]["status"], document["sync"]["revision"]) == ("OutOfSync", "c2")
        assert served.world.names() == {"ConfigMap/web/a"}
        document = (await served.call("POST", f"{SHOP}/resume", X_Gitopsd_Actor="bob")).json
        assert (document["suspended"], document["orders"]) == (False, [])
        await served.quiet()
        assert served.world.names() == {"ConfigMap/web/a", "ConfigMap/web/b"}
        assert (await history(served))[:2] == [("resume", "bob", "Succeeded"), ("suspend", "ann", "Succeeded")]


async def test_a_sync_of_a_suspended_application_is_refused() -> None:
    """409 with a sentence that says how to go on; a dry run only looks, and is not."""
    async with serving() as served:
        await served.call("POST", f"{SHOP}/suspend", X_Gitopsd_Actor="ann")
        answer = await served.call("POST", f"{SHOP}/sync")
        assert answer.status == 409
        assert answer.problem == (
            "application argocd/shop is suspended by ann since 2026-03-01 12:00 UTC; `gitopsd resume argocd/shop` goes on"
        )
        assert (await served.call("POST", f"{SHOP}/sync?wait=30s", {"dryRun": True})).status == 200


async def test_a_suspension_outlives_the_process_and_a_new_document() -> None:
    """It was stored before it was answered, and belongs to the application, not to its document."""
    world = World()
    async with serving(Served(world)) as served:
        await served.call("POST", f"{SHOP}/suspend")
    world.git.push("c1", manifest(name="a"))
    world.restart()
    async with serving(Served(world)) as served:
        served.agent.adopt({served.key: replace(world.app, labels={"team": "web"})}, {})
        await served.quiet()
        assert (await served.get(SHOP)).json["suspended"]
        assert world.names() == set()


async def test_an_application_that_left_and_came_back_is_not_suspended() -> None:
    """Orders go with the application."""
    async with serving() as served:
        await served.call("POST", f"{SHOP}/suspend")
        served.agent.adopt({}, {})
        await served.world.history.forget(served.key)
        served.agent.adopt({served.key: served.world.app}, {})
        assert served.agent.find("shop").app.standing == Standing()


@pytest.mark.parametrize("annotation", SKIP_RECONCILE)
async def test_a_suspension_can_be_declared(annotation: str) -> None:
    """`skip-reconcile: "true"`, ours or Argo CD's, suspends too, and only taking it away resumes."""
    declared = replace(app(prune=True), annotations={annotation: "true"})
    async with serving(Served(World(app=declared))) as served:
        await served.push("c1", "a")
        assert (await served.get(SHOP)).json["suspended"]
        assert served.world.names() == set()
        for order in ("sync", "resume"):
            answer = await served.call("POST", f"{SHOP}/{order}")
            assert answer.status == 409
            assert "take that away to go on" in answer.problem
        served.agent.adopt({served.key: replace(declared, annotations={})}, {})
        await served.quiet()
        assert served.world.names() == {"ConfigMap/web/a"}


def test_what_is_said_to_argo_cd_alone() -> None:
    """Our own annotation counts where it is there: Argo CD is told to skip what gitopsd goes on with, and the other way round."""
    ours, theirs = SKIP_RECONCILE
    assert not replace(app(), annotations={ours: "false", theirs: "true"}).suspension
    assert ours in replace(app(), annotations={ours: "true", theirs: "false"}).suspension


@pytest.mark.parametrize("order", ["suspend", "resume"])
async def test_an_order_given_twice_is_one(order: str) -> None:
    """It answers as the first time."""
    async with serving() as served:
        first, second = await asyncio.gather(*(served.call("POST", f"{SHOP}/{order}") for _ in range(2)))
        assert (first.status, second.status) == (200, 200)
        assert first.json["suspended"] is second.json["suspended"] is (order == "suspend")

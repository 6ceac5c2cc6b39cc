"""Approval and adoption over HTTP: what waits for a person, and what the person's word is good for."""

from __future__ import annotations

import pytest

from gitopsd.model.app import AppKey, AppSettings
from gitopsd.model.marks import OWNER_ANNOTATION, Mark
from gitopsd.model.record import TriggerKind
from tests.plan.builders import app, manifest, ref
from tests.reconciling import World
from tests.serving import API, Served, serving

SHOP = f"{API}/shop"
GUARDED = app(own=AppSettings(approval=True), prune=True, self_heal=True)


async def digest(served: Served) -> str:
    """The digest of the plan as it is now."""
    return str((await served.get(f"{SHOP}/plan")).json["digest"])


async def test_a_plan_waits_until_its_digest_is_approved() -> None:
    """A condition says what to type; approved, it is carried out, and the approval is used up. History names who it was."""
    async with serving(Served(World(app=GUARDED))) as served:
        await served.push("c1", "a")
        wanted = await digest(served)
        assert served.world.names() == set()
        (condition,) = (await served.get(SHOP)).json["conditions"]
        assert condition["type"] == "ApprovalRequired"
        assert f"`gitopsd approve argocd/shop {wanted[:16]}`" in condition["message"]
        answer = await served.call("POST", f"{SHOP}/approve", {"digest": wanted[:16]}, X_Gitopsd_Actor="ann")
        assert answer.status == 200
        await served.quiet()
        document = (await served.get(SHOP)).json
        assert served.world.names() == {"ConfigMap/web/a"}
        assert (document["conditions"], document["orders"], document["sync"]["status"]) == ([], [], "Synced")
        record = (await served.get(f"{SHOP}/history")).json["items"][0]
        assert (record["trigger"], record["actor"], record["digest"]) == ("approve", "ann", wanted)


async def test_a_plan_that_changed_needs_a_new_approval() -> None:
    """Whether Git changed it or somebody in the cluster: what was approved is not what would be done."""
    async with serving(Served(World(app=GUARDED))) as served:
        await served.push("c1", "a")
        first = await digest(served)
        await served.push("c2", "a", "b")
        refused = await served.call("POST", f"{SHOP}/approve", {"digest": first})
        assert refused.status == 409
        assert (await digest(served))[:16] in refused.problem
        await served.call("POST", f"{SHOP}/approve", {"digest": await digest(served)})
        await served.quiet()
        assert served.world.names() == {"ConfigMap/web/a", "ConfigMap/web/b"}


async def test_healing_waits_too_and_its_plan_is_of_what_is_live() -> None:
    """Nothing is written that nobody saw; another value in the cluster is another plan."""
    async with serving(Served(World(app=GUARDED))) as served:
        await served.push("c1", "a")
        await served.call("POST", f"{SHOP}/approve", {"digest": await digest(served)})
        await served.quiet()
        digests = set()
        for colour in ("red", "blue", "red"):
            served.world.change(ref("a"), data={"colour": colour})
            served.agent.trigger([served.key], TriggerKind.WATCH)
            await served.quiet()
            assert served.world.cluster.objects[ref("a")]["data"] == {"colour": colour}
            digests.add(await digest(served))
        assert len(digests) == 2
        await served.call("POST", f"{SHOP}/approve", {"digest": await digest(served)})
        await served.quiet()
        assert "data" not in served.world.cluster.objects[ref("a")]


async def test_a_sync_that_somebody_asks_for_waits_too() -> None:
    """It fails with what to do; who asks is not who approves."""
    async with serving(Served(World(app=GUARDED))) as served:
        served.world.git.push("c1", manifest(name="a"))
        answer = await served.call("POST", f"{SHOP}/sync?wait=30s")
        assert (answer.json["phase"], answer.json["sync"]) == ("Failed", "OutOfSync")
        assert "`gitopsd approve argocd/shop " in answer.json["result"]
        assert served.world.names() == set()


async def test_hooks_are_part_of_the_plan_that_waits() -> None:
    """Preview and condition have one digest, of the hooks too, which the preview lists; another hook is another plan."""
    async with serving(Served(World(app=GUARDED))) as served:

        async def pushed(commit: str, image: str) -> str:
            hook = manifest(name="hook", annotations={"argocd.argoproj.io/hook": "PreSync"}, data={"image": image})
            served.world.git.push(commit, manifest(name="a"), hook)
            served.agent.trigger([served.key], TriggerKind.POLL)
            await served.quiet()
            return await digest(served)

        other, wanted = await pushed("c1", "one"), await pushed("c2", "two")
        assert other != wanted
        preview = (await served.get(f"{SHOP}/plan")).json["objects"]
        assert [(entry["action"], entry["object"]["name"]) for entry in preview] == [("hook", "hook"), ("create", "a")]
        assert wanted[:16] in (await served.get(SHOP)).json["conditions"][0]["message"]
        assert (await served.call("POST", f"{SHOP}/approve", {"digest": wanted})).status == 200
        await served.quiet()
        record = (await served.get(f"{SHOP}/history")).json["items"][0]
        assert (record["phase"], record["digest"], record["result"]) == ("Succeeded", wanted, "1 hooks run, 1 created")


async def test_a_part_that_somebody_asks_for_is_approved_by_itself() -> None:
    """It fails with its own digest; approved and asked for again it is done, once, and the rest still waits."""
    part = {"resources": ["ConfigMap/a"]}
    async with serving(Served(World(app=GUARDED))) as served:
        await served.push("c1", "a", "b")
        refused = (await served.call("POST", f"{SHOP}/sync?wait=30s", part)).json
        assert refused["digest"] != await digest(served)
        assert (await served.call("POST", f"{SHOP}/approve", {"digest": refused["digest"][:16]})).status == 200
        await served.quiet()
        assert served.world.names() == set()
        assert (await served.call("POST", f"{SHOP}/sync?wait=30s", part)).json["phase"] == "Succeeded"
        await served.quiet()
        assert served.world.names() == {"ConfigMap/web/a"}
        document = (await served.get(SHOP)).json
        assert (document["orders"], document["conditions"][0]["type"]) == ([], "ApprovalRequired")


async def test_an_approval_outlives_a_restart() -> None:
    """The same plan has the same digest in another process, so what was approved is still that."""
    world = World(app=GUARDED)
    async with serving(Served(world)) as served:
        await served.push("c1", "a")
        wanted = await digest(served)
    world.restart()
    async with serving(Served(world)) as served:
        assert await digest(served) == wanted


@pytest.mark.parametrize("wrong", ["", "0123456", "zzzzzzzzzz", "0" * 64])
async def test_what_is_no_digest_of_the_plan_approves_nothing(wrong: str) -> None:
    """409 names the one it is."""
    async with serving(Served(World(app=GUARDED))) as served:
        await served.push("c1", "a")
        assert (await served.call("POST", f"{SHOP}/approve", {"digest": wrong})).status == 409
        await served.quiet()
        assert served.world.names() == set()


async def test_adoption_is_for_one_object_and_one_sync() -> None:
    """What another application owns is refused; by name, it is taken over, and that is over then."""
    async with serving() as served:
        for name in ("a", "b"):
            theirs = str(Mark("test", AppKey("argocd", "other"), ref(name)))
            served.world.cluster.put(manifest(name=name, namespace="web", annotations={OWNER_ANNOTATION: theirs}))
        await served.push("c1", "a")
        assert "gitopsd adopt argocd/shop ConfigMap/web/a" in (await served.get(SHOP)).json["conditions"][0]["message"]
        answer = await served.call("POST", f"{SHOP}/adopt", {"object": "ConfigMap/a"}, X_Gitopsd_Actor="ann")
        assert answer.json["orders"][0].items() >= {"order": "adopted", "detail": "ConfigMap/a", "by": "ann"}.items()
        await served.quiet()
        document = (await served.get(SHOP)).json
        assert (document["sync"]["status"], document["orders"]) == ("Synced", [])
        await served.push("c2", "a", "b")
        assert "OwnedByAnother" in (await served.get(SHOP)).json["conditions"][0]["message"]


async def test_adoption_of_what_the_application_does_not_want_is_refused() -> None:
    """A slip of the keyboard is no order."""
    async with serving() as served:
        await served.push("c1", "a")
        answer = await served.call("POST", f"{SHOP}/adopt", {"object": "ConfigMap/aa"})
        assert answer.status == 409
        assert "wants no object ConfigMap/aa" in answer.problem


async def test_deletions_that_wait_are_carried_out_when_they_are_confirmed() -> None:
    """What loses data is not deleted before somebody says so, and that is over then."""
    async with serving() as served:
        served.world.git.push("c1", manifest(name="a"), manifest("PersistentVolumeClaim", "disk"))
        served.agent.trigger([served.key], TriggerKind.POLL)
        await served.quiet()
        await served.push("c2", "a")
        assert served.world.names() == {"ConfigMap/web/a", "PersistentVolumeClaim/web/disk"}
        answer = await served.call("POST", f"{SHOP}/confirm-prune", X_Gitopsd_Actor="ann")
        assert answer.json["orders"][0].items() >= {"order": "confirmed", "by": "ann"}.items()
        await served.quiet()
        document = (await served.get(SHOP)).json
        assert (served.world.names(), document["orders"]) == ({"ConfigMap/web/a"}, [])
        assert (await served.call("POST", f"{SHOP}/confirm-prune")).status == 409

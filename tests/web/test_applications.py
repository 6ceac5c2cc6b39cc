"""Applications, their objects, history, drift and plans over HTTP."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitopsd.model.errors import ClusterError, Place, RenderError, StorageError
from gitopsd.model.record import TriggerKind
from tests.plan.builders import app, manifest, ref
from tests.reconciling import World
from tests.serving import API, Served, named, serving

FORMS = (f"{API}/shop", f"{API}/argocd/shop")


@pytest.mark.parametrize("path", FORMS)
async def test_an_application_shows_how_it_stands(path: str) -> None:
    """By name, or by namespace and name: sync, health, drift, the last operation, in the interface's words."""
    async with serving() as served:
        await served.push("c1", "a")
        answer = await served.get(path)
    document = answer.json
    assert answer.status == 200
    assert document["sync"].items() >= {"status": "Synced", "revision": "c1"}.items()
    assert document["operation"].items() >= {"phase": "Succeeded", "trigger": "poll", "message": "1 created"}.items()
    del document["sync"], document["operation"]
    assert document == {
        "name": "shop",
        "namespace": "argocd",
        "project": "default",
        "destination": {"cluster": "here", "namespace": "web"},
        "health": {"status": "Healthy", "message": ""},
        "drift": {"objects": 0, "since": None},
        "pinned": None,
        "suspended": False,
        "orders": [],
        "conditions": [],
    }


async def test_a_failure_shows_as_a_condition() -> None:
    """The condition names file, line and field; what was live stays the revision."""
    async with serving() as served:
        served.world.git.push(
            "c1", failure=RenderError("missing.yaml does not exist", Place("ops/kustomization.yaml", 1, field="resources[1]"))
        )
        served.agent.trigger([served.key], TriggerKind.POLL)
        await served.quiet()
        document = (await served.get(FORMS[0])).json
    assert document["conditions"] == [
        {"type": "RenderError", "message": "ops/kustomization.yaml:1: resources[1]: missing.yaml does not exist"}
    ]
    assert document["operation"]["phase"] == "Failed"


@pytest.mark.parametrize("below", ["", "/resources", "/history", "/history/1", "/drift", "/plan"])
async def test_an_unknown_application_is_not_found(below: str) -> None:
    """Everything below a name that is not there is a 404 that says so."""
    async with serving() as served:
        for path in (f"{API}/web{below}", f"{API}/other/shop{below}"):
            answer = await served.get(path)
            assert answer.status == 404
            assert "no application is called" in answer.problem


async def test_a_name_that_is_not_clear_names_the_choices() -> None:
    """Two applications of one name: the bare name is refused, each exact one is found."""
    world = World()
    async with serving(Served(world, (world.app, named(world.app, "team", "shop")))) as served:
        assert "say argocd/shop or team/shop" in (await served.get(f"{API}/shop")).problem
        assert (await served.get(f"{API}/team/shop")).json["namespace"] == "team"


async def _all(served: Served, path: str, limit: int) -> list[dict[str, object]]:
    items, cursor = [], ""
    while True:
        page = (await served.get(f"{path}?limit={limit}{cursor}")).json
        assert len(page["items"]) <= limit
        items += page["items"]
        if page["next"] is None:
            return items
        cursor = f"&cursor={page['next']}"


@given(
    names=st.sets(st.tuples(st.sampled_from(["a", "a-b", "b", "b0"]), st.sampled_from(["x", "x-y", "x0", "y"])), min_size=1),
    limit=st.integers(1, 5),
)
async def test_pages_of_applications_hold_each_once(names: set[tuple[str, str]], limit: int) -> None:
    """However the list is cut, every application is in it once, by namespace and name; the last page has no next."""
    served = Served()
    served.agent.adopt({named(served.world.app, *name).key: named(served.world.app, *name) for name in names}, {})
    found = [(item["namespace"], item["name"]) for item in await _all(served, API, limit)]
    assert found == sorted(names)


async def test_objects_have_sync_and_health_and_pages() -> None:
    """Each object with its own state; pages follow one another."""
    async with serving() as served:
        await served.push("c1", "a", "b", "c")
        items = await _all(served, f"{FORMS[0]}/resources", 2)
    assert [item["name"] for item in items] == ["a", "b", "c"]
    assert items[0] == {
        "group": "", "kind": "ConfigMap", "namespace": "web", "name": "a", "version": "v1", "sync": "Synced",
        "health": {"status": "Healthy", "message": ""}, "owner": None,
    }  # fmt: skip


async def test_history_has_every_attempt_and_each_in_full() -> None:
    """Newest first, in pages, without the objects; one record has them, with trigger, author and message."""
    async with serving() as served:
        await served.push("c1", "a")
        await served.push("c2", "a", "b")
        records = await _all(served, f"{FORMS[0]}/history", 1)
        newest = (await served.get(f"{FORMS[1]}/history/{records[0]['id']}")).json
    assert [record["revision"] for record in records] == ["c2", "c1"]
    assert records[0]["objects"] == []
    assert (newest["author"], newest["message"], newest["trigger"], newest["result"]) == ("Ada", "why", "poll", "1 created")
    assert [(o["object"]["name"], o["action"], o["status"]) for o in newest["objects"]] == [("b", "create", "Synced")]


@pytest.mark.parametrize("record_id", ["99", "x", "-1", "%C2%B2", "0x1"])
async def test_a_record_that_is_not_there_is_not_found(record_id: str) -> None:
    """Neither is one of another application, nor what can't be an id."""
    world = World()
    async with serving(Served(world, (world.app, named(world.app, "team", "other")))) as served:
        await served.push("c1", "a")
        for one in (record_id, "2"):
            assert (await served.get(f"{API}/team/other/history/{one}")).status == (200 if one == "2" else 404)
        assert (await served.get(f"{API}/shop/history/2")).status == 404


async def test_drift_tells_what_was_changed_and_what_became_of_it() -> None:
    """A change in the cluster that was healed: object, field, and the outcome."""
    async with serving() as served:
        await served.push("c1", "a")
        served.world.delete(ref("a"))
        served.agent.trigger([served.key], TriggerKind.WATCH)
        await served.quiet()
        (drift,) = await _all(served, f"{FORMS[0]}/drift", 10)
    assert drift["object"] == {"group": "", "kind": "ConfigMap", "namespace": "web", "name": "a"}
    assert (drift["field"], drift["outcome"], drift["operation"]) == ("", "healed", "Delete")
    assert {"from", "to"} <= set(drift)


async def test_open_drift_is_counted_until_it_is_healed() -> None:
    """Without selfHeal the application says how many objects drifted, and since when."""
    async with serving(Served(World(app=app(prune=True)))) as served:
        await served.push("c1", "a")
        served.world.delete(ref("a"))
        served.agent.trigger([served.key], TriggerKind.WATCH)
        await served.quiet()
        document = (await served.get(FORMS[0])).json
    assert document["drift"] == {"objects": 1, "since": "2026-03-01T12:00:00Z"}
    assert document["sync"]["status"] == "OutOfSync"


async def test_a_plan_tells_what_a_sync_would_do_and_does_nothing() -> None:
    """It is a record of what would be done; cluster, history and status are as before."""
    async with serving() as served:
        await served.push("c1", "a")
        before = (await served.get(FORMS[0])).json, dict(served.world.history.records), served.world.names()
        served.world.git.push("c2", manifest(name="b"))
        plan = (await served.get(f"{FORMS[0]}/plan?revision=c2")).json
        assert before == ((await served.get(FORMS[0])).json, dict(served.world.history.records), served.world.names())
    assert [(o["action"], o["object"]["name"], o["status"]) for o in plan["objects"]] == [
        ("create", "b", "Pending"),
        ("prune", "a", "Pending"),
    ]
    assert (plan["sync"], plan["revision"], plan["id"]) == ("OutOfSync", "c2", "")
    assert plan["digest"]


async def test_a_plan_that_can_not_be_made_says_why() -> None:
    """The question was answered, so it is no HTTP error: phase, result and conditions tell."""
    async with serving() as served:
        served.world.cluster.down = "connection refused"
        plan = (await served.get(f"{FORMS[0]}/plan")).json
    assert (plan["phase"], plan["result"]) == ("Error", "cluster fake: connection refused")
    assert plan["conditions"][0]["type"] == ClusterError.condition
    assert served.world.history.records.keys() == set()


@pytest.mark.parametrize("below", ["", "/shop/resources", "/shop/history", "/shop/drift"])
@pytest.mark.parametrize(
    "query", ["cursor=../x", "cursor=%00", "cursor=-1", "cursor=1e3", "cursor=" + "9" * 700, "limit=0", "limit=501", "limit=x"]
)
async def test_cursors_and_limits_that_were_not_given_out_are_refused(below: str, query: str) -> None:
    """422, and what was sent is not repeated."""
    async with serving() as served:
        answer = await served.get(f"{API}{below}?{query}")
        if answer.status == 200:
            assert (below, query) == ("", "cursor=../x"), "only a list of names can begin after any name"
            return
    assert answer.status == 422
    assert query.split("=", maxsplit=1)[0] in answer.problem
    assert "999" not in answer.problem


async def test_a_cursor_past_the_end_gives_nothing() -> None:
    """A number that is larger than any, or of an item that is gone, is an empty page."""
    async with serving() as served:
        await served.push("c1", "a")
        assert (await served.get(f"{FORMS[0]}/resources?cursor=999999999999999999")).json == {"items": [], "next": None}
        assert (await served.get(f"{API}?cursor=zzz/zzz")).json == {"items": [], "next": None, "unreachable": []}
        assert len((await served.get(f"{FORMS[0]}/history?cursor=999999999999999999")).json["items"]) == 1


async def test_a_history_that_can_not_be_read_is_503() -> None:
    """The daemon works on, and says what is wrong."""

    class Broken(type(World().history)):  # type: ignore[misc] # a fake of a fake
        async def page(self, *_: object, **__: object) -> object:
            raise StorageError("the disk is full")

    async with serving(Served(World(history=Broken()))) as served:
        answer = await served.get(f"{FORMS[0]}/history")
    assert (answer.status, answer.problem) == (503, "the disk is full")


async def test_why_a_field_is_as_it_is() -> None:
    """What in Git set it, and who holds it; the object by kind and name, and its namespace where there are several."""
    async with serving() as served:
        await served.push("c1", "a", "b")
        for name in ("ConfigMap/a", "configmap/web/a"):
            document = (await served.get(f"{FORMS[0]}/explain?object={name}&field=metadata.name")).json
            assert document["object"] == {"group": "", "kind": "ConfigMap", "namespace": "web", "name": "a"}
            assert (document["repository"], document["revision"]) == ("repo", "c1")
            (field,) = document["fields"]
            assert (field["field"], field["value"], field["live"]["value"]) == ("metadata.name", "a", "a")
            assert (field["origin"]["file"], field["origin"]["commit"]["author"]) == ("all.yaml", "Ada")


@pytest.mark.parametrize("asked", ["ConfigMap/other", "a", "Secret/a", "ConfigMap/a&field=spec.no"])
async def test_nothing_to_explain(asked: str) -> None:
    """An object or a field that is not there is a 404 that says so."""
    async with serving() as served:
        await served.push("c1", "a")
        answer = await served.get(f"{FORMS[0]}/explain?object={asked}")
    assert answer.status == 404
    assert asked.partition("&")[0].rpartition("/")[2] in answer.json["detail"]

"""Why a live field is as it is, over fakes: what Git says of it, and who holds it."""

from __future__ import annotations

from typing import Any

from gitopsd.model.refs import Object, ObjectRef
from tests.plan.builders import manifest
from tests.reconciling import World

CONF = ObjectRef("", "ConfigMap", "web", "conf")
KEY = ObjectRef("", "Secret", "web", "key")


def held(obj: Object, manager: str, fields: Any, time: str = "2026-03-01T12:00:00Z") -> Object:
    """The object with an entry of managedFields."""
    entry = {"manager": manager, "operation": "Update", "time": time, "fieldsV1": fields}
    return {**obj, "metadata": {**obj["metadata"], "managedFields": [*obj["metadata"].get("managedFields", ()), entry]}}


async def explained(world: World, ref: ObjectRef, field: str = "") -> dict[str, Any]:
    """The fields of an object by their names."""
    found = await world.explainer.explain(world.app, "", ref, field)
    return {one["field"]: one for one in found.fields}


async def test_desired_and_live() -> None:
    """The line in Git with its commit, the live value, and who holds it if that is not gitopsd."""
    world = World()
    desired = manifest("ConfigMap", "conf", data={"mine": "1", "theirs": "1", "gone": "1"})
    world.git.push("c1", desired)
    live = {**manifest("ConfigMap", "conf", namespace="web"), "data": {"mine": "1", "theirs": "2", "new": "3"}}
    live = held(live, "gitopsd", {"f:data": {"f:mine": {}, "f:theirs": {}}})
    world.cluster.put(held(live, "kubectl-edit", {"f:data": {"f:theirs": {}, "f:new": {}}}))
    fields = await explained(world, CONF, "data")
    (step,) = fields["data.mine"]["steps"]
    assert (step["place"]["file"], step["place"]["commit"]["author"], step["value"]) == ("all.yaml", "Ada", "1")
    holder = {"operation": "Update", "time": "2026-03-01T12:00:00Z"}
    assert {name: field["live"] for name, field in fields.items()} == {
        "data.mine": {"value": "1", "manager": "gitopsd", "ours": True} | holder,
        "data.theirs": {"value": "2", "manager": "kubectl-edit", "ours": False} | holder,
        "data.gone": None,
        "data.new": {"value": "3", "manager": "kubectl-edit", "ours": False} | holder,
    }
    assert (fields["data.theirs"]["value"], fields["data.new"]["steps"]) == ("1", ())


async def test_the_servers_own() -> None:
    """What only the server writes is left out; the status is there for who asks for it."""
    world = World()
    world.git.push("c1", manifest("ConfigMap", "conf"))
    world.cluster.put({**manifest("ConfigMap", "conf", namespace="web"), "status": {"phase": "x"}})
    assert not {name for name in await explained(world, CONF) if "uid" in name or name.startswith("status")}
    assert list(await explained(world, CONF, "status")) == ["status.phase"]


async def test_secrets_stay_hidden() -> None:
    """Neither the desired value nor the live one is told, nor kubectl's copy of it."""
    world = World()
    world.git.push("c1", {**manifest("Secret", "key"), "data": {"a": "aHVudGVyMg=="}})
    copied = {"kubectl.kubernetes.io/last-applied-configuration": "aHVudGVyMg=="}
    live: Object = {**manifest("Secret", "key", namespace="web"), "data": {"a": "aHVudGVyMg=="}}
    world.cluster.put({**live, "metadata": {**live["metadata"], "annotations": copied}})
    fields = await explained(world, KEY)
    assert "aHVudGVyMg" not in str(fields)
    assert fields["data.a"]["live"]["value"] == fields["data.a"]["value"] == "<hidden>"

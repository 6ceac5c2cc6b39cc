"""Taking an application away over HTTP: what becomes of its objects is asked for, or its finalizer says it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gitopsd.model.marks import OWNER_ANNOTATION
from tests.plan.builders import app, ref
from tests.reconciling import World
from tests.serving import API, Served, serving

SHOP = f"{API}/shop"
FINALIZER = "resources-finalizer.argocd.argoproj.io"


@pytest.mark.parametrize(
    ("finalizers", "query", "stays"),
    [((), "", True), ((), "?cascade=true", False), ((FINALIZER,), "", False), ((FINALIZER,), "?cascade=false", True)],
)
async def test_what_becomes_of_the_objects(finalizers: tuple[str, ...], query: str, *, stays: bool) -> None:
    """202 with the application, then they are deleted, or left as nobody's; history names who it was, and nothing comes back."""
    world = World(app=replace(app(prune=True, self_heal=True), finalizers=finalizers))
    async with serving(Served(world)) as served:
        await served.push("c1", "a")
        answer = await served.call("DELETE", f"{SHOP}{query}", X_Gitopsd_Actor="ann")
        assert (answer.status, answer.json["name"]) == (202, "shop")
        await served.quiet()
        assert served.world.names() == ({"ConfigMap/web/a"} if stays else set())
        if stays:
            assert OWNER_ANNOTATION not in served.world.cluster.objects[ref("a")]["metadata"].get("annotations", {})
        record = (await served.get(f"{SHOP}/history")).json["items"][0]
        assert (record["phase"], record["actor"]) == ("Succeeded", "ann")
        await served.push("c2", "a", "b")
        assert "ConfigMap/web/b" not in served.world.names()


async def test_what_is_not_there_is_not_taken_away() -> None:
    """Neither an application of another name, nor one in a way that there is not."""
    async with serving() as served:
        await served.push("c1", "a")
        assert (await served.call("DELETE", f"{API}/shoq")).status == 404
        assert (await served.call("DELETE", f"{SHOP}?cascade=perhaps")).status == 422
        await served.quiet()
        assert served.world.names() == {"ConfigMap/web/a"}

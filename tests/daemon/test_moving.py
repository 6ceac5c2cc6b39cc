"""The agent notices that an application moves, and says what is still where it was."""

from __future__ import annotations

from dataclasses import replace

from gitopsd.model.app import App, Destination
from gitopsd.model.plan import Inventory, Member
from gitopsd.model.record import Condition
from tests.daemon.test_waits import Room, room
from tests.plan.builders import manifest, ref
from tests.waiting import until


def at(of: App, server: str) -> App:
    """The application with another cluster."""
    return replace(of, spec=replace(of.spec, destination=Destination(server=server, namespace="web")))


def said(found: Room) -> Condition | None:
    """What is said of the cluster before."""
    return found.status().problems.get("destination")


async def test_what_is_left_is_said_until_nothing_is() -> None:
    """From the change on; with each pass it is tried again."""
    async with room() as found:
        found.push("c1", manifest(name="a"))
        await until(lambda: found.status().settled and found.status().revision == "c1")
        there = at(found.world.app, "there")
        answers = ["2 objects are left at here", ""]

        async def leave(before: App, now: App) -> str:
            assert (before.spec.destination.server, now.spec.destination.server) == ("here", "there")
            return answers.pop(0)

        found.agent._moving.reconciler = type("Leaving", (), {"leave": staticmethod(leave)})()
        found.agent.adopt({there.key: there}, {})
        assert said(found) == Condition(
            "OrphanedResourceWarning", "what it had at here is still there until it is Synced and Healthy at there"
        )
        await until(lambda: len(answers) == 1 and not found.agent._moving._leaving)
        assert said(found) == Condition("OrphanedResourceWarning", "2 objects are left at here")
        found.push("c2", manifest(name="a", data={"b": "c"}))
        await until(lambda: said(found) is None)
        assert answers == []


async def test_a_move_back_is_none() -> None:
    """Nor is another namespace in the same cluster, where what has another name by it is pruned as ever."""
    async with room() as found:
        here = found.world.app
        found.agent.adopt({here.key: at(here, "there")}, {})
        found.agent.adopt({here.key: here}, {})
        assert said(found) is None
        other = replace(here, spec=replace(here.spec, destination=replace(here.spec.destination, namespace="elsewhere")))
        found.agent.adopt({here.key: other}, {})
        assert said(found) is None


async def test_what_inventories_elsewhere_list_is_named() -> None:
    """A move that nobody noticed: with each look, until it is gone there. Nothing is done about it."""
    async with room() as found:
        found.cluster.others["west"] = Inventory({ref("a"): Member(ref("a"), "v1", "uid")})
        found.push("c1", manifest(name="a"))
        await until(lambda: said(found) is not None)
        condition = said(found)
        assert condition
        assert condition.message.startswith("an inventory of it lists 1 objects at west, where it does not go: ConfigMap/web/a: ")
        found.cluster.others.clear()
        found.push("c2", manifest(name="a", data={"b": "c"}))
        await until(lambda: said(found) is None)

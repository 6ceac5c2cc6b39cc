"""Warnings of orphaned resources: who gets them, and when they come and go."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from gitopsd.daemon.agent import Agent
from gitopsd.daemon.orphans import Orphans
from gitopsd.model.app import App
from gitopsd.model.record import Condition
from tests.plan.builders import app, manifest, ref
from tests.plan.test_confine import project
from tests.reconciling import World
from tests.serving import named
from tests.waiting import until

SAID = {"orphans": Condition("OrphanedResourceWarning", "namespace web has 1 orphaned resources: ConfigMap/web/left")}
ASKS = {"ignore": [{"kind": "Config*", "name": "known"}]}


def of(name: str, **spec: Any) -> App:
    """An application whose project has this spec."""
    return replace(named(app(), "argocd", name), project=project(**spec))


def problems(agent: Agent) -> dict[str, dict[str, Condition]]:
    """What is wrong with each application."""
    return {status.app.key.name: dict(status.problems) for status in agent.statuses()}


async def test_who_is_warned_and_until_when() -> None:
    """Objects that nobody answers for are counted, those that the project ignores aside, as soon as it asks and as long."""
    world = World()
    agent = Agent(world.reconciler)
    orphans = Orphans(agent)
    world.cluster.put(*(manifest(name=name, namespace="web") for name in ("known", "left")))

    async def told(asking: App, expected: dict[str, Condition]) -> None:
        agent.adopt({one.key: one for one in (asking, of("other"))}, {})
        orphans.heed()
        await until(lambda: problems(agent) == {"asking": expected, "other": {}})

    await told(of("asking"), {})
    await told(of("asking", orphanedResources=ASKS), SAID)
    looks = world.cluster.called("orphans")
    await told(of("asking", orphanedResources=ASKS, sourceRepos=["*"]), SAID)
    assert world.cluster.called("orphans") == looks
    await told(of("asking", orphanedResources={"warn": False}), {})
    await told(of("asking", orphanedResources=ASKS), SAID)
    await told(of("asking"), {})


async def test_a_look_anew() -> None:
    """A refresh asks for one, and so does the clock; a cluster that does not answer says nothing, and is asked the next time."""
    world = World()
    agent = Agent(world.reconciler)
    orphans = Orphans(agent)
    asking = of("asking", orphanedResources=ASKS)
    agent.adopt({asking.key: asking}, {})
    world.cluster.put(manifest(name="left", namespace="web"))
    await orphans.all_again()
    await until(lambda: problems(agent) == {"asking": SAID})
    del world.cluster.objects[ref("left")]
    orphans.again(asking.key)
    await until(lambda: problems(agent) == {"asking": {}})
    world.cluster.put(manifest(name="left", namespace="web"))
    world.cluster.down = "away"
    looks = len(world.cluster.called("orphans"))
    orphans.again(asking.key)
    await until(lambda: len(world.cluster.called("orphans")) > looks)
    assert problems(agent) == {"asking": {}}
    world.cluster.down = ""
    orphans.heed()
    await until(lambda: problems(agent) == {"asking": SAID})
    orphans.end()

"""Analysis after a sync, over HTTP: what Prometheus says decides whether a revision stays."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gitopsd.model.analysis import Analysis, Configured, Metric
from gitopsd.model.app import AppSettings
from gitopsd.model.record import TriggerKind
from gitopsd.prometheus import Prometheus
from tests.plan.builders import app, manifest
from tests.prometheus import Exposer, prometheus
from tests.reconciling import World
from tests.serving import API, Served, serving
from tests.waiting import until

SHOP = f"{API}/shop"


def analysed(strict: bool = False, **limits: int) -> World:
    """An application whose errors are measured twice after a sync, without delay."""
    metric = Metric("errors", "errors", "result < 0.05", interval=0.0, **({"count": 2} | limits))
    return World(app=app(prune=True, self_heal=True, own=AppSettings(analysis=Analysis((metric,), strict))))


async def over(served: Served, record: int = 0) -> Any:
    """Returns the application's document when no analysis is under way any more."""

    async def idle() -> bool:
        await served.quiet()
        return all(task.done() for _, task in served.returns._analyses._running.values())

    while not await idle():
        await until(lambda: all(task.done() for _, task in served.returns._analyses._running.values()))
    return (await served.get(SHOP)).json


async def test_a_failure_goes_back() -> None:
    """Record and pin say which metric it was; the bad commit's own record too, and it is not tried again."""
    async with serving(Served(analysed())) as served:
        served.prometheus.answers["errors"] = [(0.0,), (0.0,), (0.01,), (0.2,)]
        await served.push("c1", "a")
        await over(served)
        await served.push("c2", "b")
        document = await over(served)
        assert (document["pinned"], served.world.names()) == ("c1", {"ConfigMap/web/a"})
        why = "c2 failed its analysis: errors 2 of 2 measured, 1 failed (last: 0.2)"
        assert why in document["conditions"][0]["message"]
        records = (await served.get(f"{SHOP}/history")).json["items"]
        assert [record["trigger"] for record in records] == ["auto-rollback", "poll", "poll"]
        assert [[one["type"] for one in record["conditions"]] for record in records] == [
            ["RolledBack"],
            ["AnalysisFailed"],
            ["AnalysisSuccessful"],
        ]
        served.agent.trigger([served.key], TriggerKind.POLL)
        assert (await over(served))["pinned"] == "c1"


@pytest.mark.parametrize("down", ["Prometheus is away", ""])
async def test_nothing_to_go_by_is_no_failure(down: str) -> None:
    """Unreachable or without data: the condition and the record say so, and the revision stays."""
    async with serving(Served(analysed())) as served:
        await served.push("c1", "a")
        await over(served)
        served.prometheus.answers["errors"], served.prometheus.down = [()], down
        await served.push("c2", "b")
        document = await over(served)
        said = {
            "type": "AnalysisInconclusive",
            "message": f"errors 2 of 2 measured, 2 inconclusive (last: {down or 'no data'})",
        }
        assert (document["pinned"], document["conditions"]) == (None, [said])
        assert (await served.get(f"{SHOP}/history")).json["items"][0]["conditions"] == [said]


async def test_unless_asked_to() -> None:
    """`inconclusive: rollback` takes it for a failure."""
    async with serving(Served(analysed(strict=True))) as served:
        served.prometheus.answers["errors"] = [(0.0,), (0.0,), ()]
        await served.push("c1", "a")
        await over(served)
        await served.push("c2", "b")
        assert (await over(served))["pinned"] == "c1"


async def test_a_newer_commit_ends_it() -> None:
    """What is under way shows in the conditions; the analysis of the next commit takes its place."""
    world = analysed()
    metric = Metric("errors", "errors", "result < 0.05", interval=3600.0)
    world.app = app(prune=True, own=AppSettings(analysis=Analysis((metric,))))
    async with serving(Served(world)) as served:
        await served.push("c1", "a")
        document = (await served.get(SHOP)).json
        assert document["conditions"] == [
            {"type": "AnalysisRunning", "message": "of c1 under way: errors 0 of 5 measured"},
        ]
        await served.push("c2", "b")
        assert (await served.get(SHOP)).json["conditions"][0]["message"].startswith("of c2 under way")


async def test_a_restart_begins_it_anew() -> None:
    """The record of the sync has no verdict yet; one that has is not analysed again."""
    world = analysed()
    async with serving(Served(world)) as served:
        served.prometheus.answers["errors"] = [(0.0,)]
        await served.push("c1", "a")
        await over(served)
    world.restart()
    async with serving(Served(world)) as served:
        await over(served)
        assert served.prometheus.asked == []


async def test_it_may_stand_in_a_configmap() -> None:
    """One that the application holds, or any other of its namespace; a bad one is inconclusive, with its line."""
    text = "metrics: [{name: errors, query: errors, condition: result < 0.05, interval: 1s, count: 1}]"
    world = World(app=app(prune=True, self_heal=True, own=AppSettings(analysis=Configured("asked"))))
    async with serving(Served(world)) as served:
        world.git.push("c1", manifest(name="asked", data={"analysis.yaml": text.replace("count: 1", "count: no")}))
        served.agent.trigger([served.key], TriggerKind.POLL)
        document = await over(served)
        said = document["conditions"][0]
        assert said["type"] == "AnalysisInconclusive"
        assert said["message"].startswith("ConfigMap/web/asked analysis.yaml:1:")
        served.prometheus.answers["errors"] = [(0.0,)]
        world.git.push("c2", manifest(name="asked", data={"analysis.yaml": text}))
        served.agent.trigger([served.key], TriggerKind.POLL)
        document = await over(served)
        assert document["conditions"] == []
        assert served.prometheus.asked == ["errors"]


@pytest.fixture
def scraped(tmp_path: Path) -> Iterator[tuple[str, Exposer]]:
    """A real Prometheus, and what it scrapes."""
    exposer = Exposer({"shop_errors": 0.01})
    with prometheus(tmp_path, exposer) as url:
        yield url, exposer


@pytest.mark.neighbour
async def test_a_real_prometheus_decides(scraped: tuple[str, Exposer]) -> None:
    """What the new revision exposes is scraped, and too high: it is left for the old one."""
    url, exposer = scraped
    metric = Metric("errors", "max_over_time(shop_errors[2s])", "result < 0.05", interval=0.3, count=3)
    world = World(app=app(prune=True, self_heal=True, own=AppSettings(analysis=Analysis((metric,)))))
    port = Prometheus(url)
    while not await port.query("shop_errors"):  # noqa: ASYNC110 - the first scrape sends no event
        await asyncio.sleep(0.05)
    async with serving(Served(world)) as served:
        served.returns._analyses.port = port
        await served.push("c1", "a")
        assert (await over(served))["conditions"] == []
        exposer.metrics["shop_errors"] = 0.5
        while (await port.query("shop_errors"))[0] < 0.5:  # noqa: ASYNC110 - likewise
            await asyncio.sleep(0.05)
        await served.push("c2", "b")
        document = await over(served)
        assert (document["pinned"], served.world.names()) == ("c1", {"ConfigMap/web/a"})
        assert "c2 failed its analysis: errors 1 of 3 measured, 1 failed (last: 0.5)" in document["conditions"][0]["message"]

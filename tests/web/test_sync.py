"""The manual resync over HTTP: asked for, joined, waited for, repeated, terminated."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from gitopsd.model.app import App
from gitopsd.model.plan import Step
from gitopsd.ports import Written
from tests.fakes import FakeCluster
from tests.plan.builders import app, manifest
from tests.reconciling import World
from tests.serving import API, Served, serving
from tests.waiting import until

SHOP = f"{API}/shop"
SYNC = f"{SHOP}/sync"
MANUALLY = app(prune=False)


@dataclass(slots=True)
class GatedCluster(FakeCluster):
    """A cluster whose writes wait until the gate is open."""

    gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def write(self, app: App, step: Step) -> Written:
        await self.gate.wait()
        return await FakeCluster.write(self, app, step)


def gated() -> tuple[Served, asyncio.Event]:
    """An application without automation whose syncs wait for the gate; Git holds one ConfigMap."""
    cluster = GatedCluster()
    served = Served(World(app=app(), cluster=cluster))
    served.world.git.push("c1", manifest(name="a"))
    return served, cluster.gate


@pytest.mark.parametrize("path", [SYNC, f"{API}/argocd/shop/sync"])
async def test_a_sync_is_accepted_and_carried_out(path: str) -> None:
    """202 with the operation; it runs in its turn, and history names who asked."""
    served, gate = gated()
    async with serving(served):
        answer = await served.call("POST", path, X_Gitopsd_Actor="ann\n")
        assert answer.status == 202
        assert answer.json.items() >= {"phase": "Running", "trigger": "manual", "actor": "ann"}.items()
        gate.set()
        await served.quiet()
        (record,) = (await served.get(f"{SHOP}/history")).json["items"]
    assert (record["phase"], record["trigger"], record["actor"]) == ("Succeeded", "manual", "ann")
    assert served.world.names() == {"ConfigMap/web/a"}


async def test_waiting_gives_the_record() -> None:
    """With `wait` the answer comes with the end: 200 and what was done."""
    served, gate = gated()
    gate.set()
    async with serving(served):
        answer = await served.call("POST", f"{SYNC}?wait=30s", {})
    assert answer.status == 200
    assert answer.json.items() >= {"phase": "Succeeded", "sync": "Synced", "result": "1 created"}.items()
    assert [entry["object"]["name"] for entry in answer.json["objects"]] == ["a"]


async def test_who_waits_too_short_gets_the_operation() -> None:
    """When the time is over the sync goes on, and the answer is as without waiting."""
    served, gate = gated()
    async with serving(served):
        answer = await served.call("POST", f"{SYNC}?wait=1ms")
        assert (answer.status, answer.json["phase"]) == (202, "Running")
        assert (await served.get(SHOP)).json["operation"]["phase"] == "Running"
        gate.set()
        await served.quiet()
        assert (await served.get(SHOP)).json["operation"]["phase"] == "Succeeded"


@pytest.mark.parametrize("wait", ["30", "-1s", "soon", "1e9s", "99999999999999999h"])
async def test_a_wait_that_is_no_duration_starts_nothing(wait: str) -> None:
    """422 before anything is begun; the value is not repeated."""
    served, _ = gated()
    async with serving(served):
        answer = await served.call("POST", f"{SYNC}?wait={wait}")
        assert (await served.get(SHOP)).json["operation"] is None
    assert answer.status == 422
    assert "soon" not in answer.problem


async def test_force_is_a_word_of_the_sync() -> None:
    """What can't be changed in place may be made anew by this sync."""
    served, gate = gated()
    async with serving(served):
        asked = asyncio.create_task(served.call("POST", f"{SYNC}?wait=30s", {"force": True}))
        await until(lambda: bool(served.agent._operations.asked))
        (operation,) = served.agent._operations.asked.values()
        gate.set()
        assert (await asked).status == 200
    assert operation.trigger.force


async def test_the_same_request_joins_and_another_one_conflicts() -> None:
    """While a sync is under way: two who ask for the same get one sync; who asks for something else gets 409."""
    served, gate = gated()
    async with serving(served):
        first, second = (asyncio.create_task(served.call("POST", f"{SYNC}?wait=30s", X_Gitopsd_Actor=name)) for name in "ab")
        await until(lambda: bool(served.agent._operations.asked))
        other = await served.call("POST", SYNC, {"prune": True})
        gate.set()
        answers = await asyncio.gather(first, second)
        history = (await served.get(f"{SHOP}/history")).json["items"]
    assert other.status == 409
    assert "another sync is under way" in other.problem
    assert [answer.json["id"] for answer in answers] == [history[0]["id"]] * 2
    assert len(history) == 1


async def test_a_repeated_request_gets_the_first_ones_sync() -> None:
    """An Idempotency-Key that was seen is answered from memory, also when its sync is over; another request is refused."""
    served, gate = gated()
    gate.set()
    async with serving(served):
        first = await served.call("POST", f"{SYNC}?wait=30s", {}, Idempotency_Key="k1")
        again = await served.call("POST", f"{SYNC}?wait=30s", {}, Idempotency_Key="k1")
        fresh = await served.call("POST", f"{SYNC}?wait=30s", {}, Idempotency_Key="k2")
        misused = await served.call("POST", SYNC, {"dryRun": True}, Idempotency_Key="k1")
    assert first.json == again.json
    assert fresh.json["id"] != first.json["id"]
    assert misused.status == 422
    assert "Idempotency-Key" in misused.problem


async def test_a_dry_run_tells_and_changes_nothing() -> None:
    """What would be done comes back; neither cluster nor history nor status changes."""
    served, _ = gated()
    async with serving(served):
        before = (await served.get(SHOP)).json
        served.world.git.push("c2", manifest(name="b"))
        answer = await served.call("POST", f"{SYNC}?wait=30s", {"dryRun": True, "revision": "c2"})
        assert (await served.get(SHOP)).json == before
    assert [(o["action"], o["status"]) for o in answer.json["objects"]] == [("create", "Pending")]
    assert served.world.names() == set()
    assert served.world.history.records == {}


async def test_some_objects_only() -> None:
    """`resources` bounds the sync; the status is that of the whole application afterwards."""
    served, gate = gated()
    gate.set()
    served.world.git.push("c1", manifest(name="a"), manifest(name="b"))
    async with serving(served):
        answer = await served.call("POST", f"{SYNC}?wait=30s", {"resources": ["ConfigMap/b"]})
        await served.quiet()
        document = (await served.get(SHOP)).json
    assert [entry["object"]["name"] for entry in answer.json["objects"]] == ["b"]
    assert served.world.names() == {"ConfigMap/web/b"}
    assert (document["sync"]["status"], document["drift"]["objects"]) == ("OutOfSync", 0)


async def test_termination_ends_a_sync() -> None:
    """204; who waits for it gets 409, the history says "terminated", and it is not begun again by itself."""
    served, gate = gated()
    async with serving(served):
        waiting = asyncio.create_task(served.call("POST", f"{SYNC}?wait=30s"))
        await until(lambda: served.world.cluster.called("remember") != [])
        assert (await served.get(SHOP)).json["operation"]["id"] == "1"
        assert (await served.call("DELETE", f"{SHOP}/operation")).status == 204
        answer = await waiting
        await served.quiet()
        document = (await served.get(SHOP)).json
        assert (await served.call("DELETE", f"{SHOP}/operation")).status == 404
        gate.set()
        assert (await served.call("POST", f"{SYNC}?wait=30s")).json["phase"] == "Succeeded"
    assert answer.status == 409
    assert "terminated" in answer.problem
    assert (document["operation"]["phase"], document["operation"]["message"]) == ("Failed", "terminated")
    assert served.world.history.records[1].message.startswith("terminated")


async def test_refresh_asks_the_repositories() -> None:
    """202 when they have answered."""
    async with serving() as served:
        answer = await served.call("POST", f"{API}/argocd/shop/refresh")
        assert (answer.status, answer.body) == (202, b"")
        assert (await served.call("POST", f"{API}/argocd/shop/refresh?hard=true")).status == 202
        assert served.refreshed == [(served.key, False), (served.key, True)]


BAD_BODIES = [
    b"{",
    b"[]",
    b'"s3cr3t"',
    b'{"prune": "s3cr3t"}',
    b'{"s3cr3t value": 1}',
    b'{"resources": [1]}',
    b'{"resources": "s3cr3t"}',
    b'{"revision": null}',
    b'{"revision": "%s"}' % (b"s3cr3t" * 100),
    b"\xff\xfe",
    b"[" * 5000,
]


@pytest.mark.parametrize("body", BAD_BODIES)
async def test_a_body_that_is_no_request_starts_nothing(body: bytes) -> None:
    """A client error as a problem document, which never repeats what was sent."""
    served, _ = gated()
    async with serving(served):
        answer = await served.call("POST", SYNC, body)
        assert (await served.get(SHOP)).json["operation"] is None
    assert answer.status in (400, 422)
    assert "s3cr3t" not in answer.problem


async def test_an_ending_daemon_begins_nothing() -> None:
    """Once the end has begun, a sync is 503: it would be lost."""
    served, _ = gated()
    async with serving(served):
        await served.agent.drain(0)
        answer = await served.call("POST", SYNC)
    assert answer.status == 503
    assert "ending" in answer.problem

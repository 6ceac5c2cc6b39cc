"""The event stream: what is told, to whom, and how much of it is kept."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing

from gitopsd.model.app import AppKey
from gitopsd.model.record import Condition, TriggerKind
from gitopsd.web.events import KEPT, MAX_FOLLOWERS, Events
from tests.plan.builders import ref
from tests.serving import Served, serving

Told = tuple[str, str, dict[str, object]]


async def next_events(stream: AsyncIterator[str], count: int) -> list[Told]:
    """The next events of a stream: id, kind, document."""
    told: list[Told] = []
    while len(told) < count:
        fields = dict(line.split(": ", 1) for line in (await anext(stream)).strip().splitlines() if not line.startswith(":"))
        if "event" in fields:
            told.append((fields.get("id", ""), fields["event"], json.loads(fields["data"])))
    return told


async def test_a_sync_is_told_as_it_goes() -> None:
    """The application is Running, then its record and how it stands now; a pass without news is no event."""
    async with serving() as served, aclosing(served.events.stream()) as stream:
        await anext(stream)
        await served.push("c1", "a")
        served.agent.trigger([served.key], TriggerKind.POLL)
        await served.quiet()
        await served.push("c2", "a", "b")
        told = await next_events(stream, 6)
    phases = [(kind, document.get("phase") or document["operation"]["phase"]) for _, kind, document in told]  # type: ignore[index]
    once = [("application", "Running"), ("application", "Succeeded"), ("record", "Succeeded")]
    assert phases == once * 2
    assert told[2][2]["revision"] == "c1"


async def test_drift_and_conditions_are_told() -> None:
    """What somebody else changed, and what is wrong with an application although no pass has found it."""
    async with serving() as served:
        await served.push("c1", "a")
        async with aclosing(served.events.stream()) as stream:
            await anext(stream)
            served.world.delete(ref("a"))
            served.agent.trigger([served.key], TriggerKind.WATCH)
            await served.quiet()
            served.agent.note([served.key], "repository", Condition("ComparisonError", "unreachable"))
            served.events.forget(AppKey("argocd", "shop"))
            told = await next_events(stream, 6)
    assert [kind for _, kind, _ in told] == ["application", "application", "record", "drift", "application", "gone"]
    assert told[3][2]["outcome"] == "healed"
    assert told[4][2]["conditions"] == [{"type": "ComparisonError", "message": "unreachable"}]
    assert told[5][2] == {"namespace": "argocd", "name": "shop"}


async def test_who_comes_back_goes_on_where_they_were() -> None:
    """With the id of the last event seen, nothing is told twice and nothing is left out."""
    events = Events()
    for number in range(5):
        events.forget(AppKey("a", str(number)))
    async with aclosing(events.stream("elsewhere-3")) as stream:
        (reset,) = await next_events(stream, 1)
    assert reset[1] == "reset"
    events.forget(AppKey("a", "5"))
    async with aclosing(events.stream()) as stream:
        await anext(stream)
        events.forget(AppKey("a", "6"))
        ((last, _, _),) = await next_events(stream, 1)
    process, _, seen = last.partition("-")
    async with aclosing(events.stream(f"{process}-{int(seen) - 3}")) as stream:
        assert [document["name"] for _, _, document in await next_events(stream, 3)] == ["4", "5", "6"]


async def test_who_is_too_slow_is_told_to_look_anew() -> None:
    """The log is bounded for all: who falls behind it gets `reset`, and then what comes."""
    events = Events()
    async with aclosing(events.stream()) as stream:
        await anext(stream)
        for number in range(KEPT + 1):
            events.forget(AppKey("a", str(number)))
        assert [kind for _, kind, _ in await next_events(stream, 1)] == ["reset"]
        events.forget(AppKey("a", "next"))
        ((_, _, document),) = await next_events(stream, 1)
    assert document["name"] == "next"
    assert len(events._kept) == KEPT


async def test_silence_is_broken() -> None:
    """A comment now and then keeps the connection, and finds out that nobody is there any more."""
    events = Events(heartbeat=0.0)
    async with aclosing(events.stream()) as stream:
        assert (await anext(stream)).endswith("\nretry: 2000\n\n")
        assert (await anext(stream)).startswith(":")


async def test_the_end_ends_all_streams() -> None:
    """So that the daemon's end waits for nobody; who left is not counted any more."""
    events = Events()

    async def follow() -> list[str]:
        return [text async for text in events.stream()]

    followers = [asyncio.create_task(follow()) for _ in range(3)]
    await asyncio.sleep(0)
    assert events.followers == 3
    events.close()
    assert [len(texts) for texts in await asyncio.gather(*followers)] == [1, 1, 1]
    assert events.followers == 0


async def test_the_stream_over_http() -> None:
    """As text/event-stream that nobody may keep; as many as may follow it do, the next one gets 503."""
    served = Served()
    served.events.close()
    answer = await served.get("/api/v1/events", Last_Event_ID="x-1")
    # The id is not of this process, so what happened since is not known.
    begun = f"id: {served.events._process}-0\n"
    assert (answer.status, answer.body.decode()) == (200, f"{begun}retry: 2000\n\n{begun}event: reset\ndata: {{}}\n\n")
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["cache-control"] == "no-store"
    served.events.followers = MAX_FOLLOWERS
    refused = await served.get("/api/v1/events")
    assert (refused.status, refused.headers["retry-after"]) == (503, "30")
    assert refused.problem

"""The events of several replicas in one stream, whichever of them is asked."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from gitopsd.model.app import AppKey
from gitopsd.peers import Question
from gitopsd.web import chorus as module
from gitopsd.web.chorus import Chorus
from tests.web.test_elsewhere import TOKEN, Pair
from tests.web.test_events import next_events

ONE, TWO, THREE, FOUR = (AppKey("argocd", name) for name in ("one", "two", "three", "four"))


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits before they look again."""
    monkeypatch.setattr(module, "_PAUSE", 0.01)


def asked(pair: Pair) -> AsyncGenerator[str, None]:
    """The stream of somebody who asks replica `a`."""
    assert pair.a.others
    return Chorus(pair.a.others, Question("GET", "/api/v1/events", {})).stream(pair.a.events.stream())


async def test_the_events_of_all_are_one_stream() -> None:
    """Who comes back with the id of the last one, to whichever replica, goes on from there."""
    pair = Pair()
    async with aclosing(asked(pair)) as stream:
        for _ in range(2):  # both have begun
            await anext(stream)
        pair.b.events.forget(ONE)
        pair.a.events.forget(TWO)
        told = await next_events(stream, 2)
    assert {document["name"] for _, _, document in told} == {"one", "two"}
    last, _, _ = told[-1]
    for events, app in ((pair.a.events, THREE), (pair.b.events, FOUR)):
        events.forget(app)
        async with aclosing(events.stream(last)) as stream:
            ((_, kind, document),) = await next_events(stream, 1)
        assert (kind, document["name"]) == ("gone", app.name)


async def test_one_that_does_not_answer_ends_nothing() -> None:
    """The others are heard; when it answers again, it says that something of it was missed, and goes on."""
    pair = Pair(down=True)
    async with aclosing(asked(pair)) as stream:
        await anext(stream)
        pair.a.events.forget(ONE)
        ((_, _, document),) = await next_events(stream, 1)
        assert document["name"] == "one"
        pair.down = False
        ((_, kind, _),) = await next_events(stream, 1)
        assert kind == "reset"
        pair.b.events.forget(TWO)
        ((_, _, document),) = await next_events(stream, 1)
        assert document["name"] == "two"


async def test_one_that_goes_is_followed_no_longer() -> None:
    """Nor is it in the ids any more; the stream goes on without it."""
    pair = Pair()
    assert pair.a.others
    async with aclosing(asked(pair)) as stream:
        for _ in range(2):
            await anext(stream)
        membership = pair.a.others.membership
        membership.roll = type(membership.roll)(tuple(lease for lease in membership.roll.leases if lease.name == "a"))
        while pair.b.events.followers:
            pair.a.events.forget(ONE)
            await next_events(stream, 1)
        pair.a.events.forget(TWO)
        ((number, _, _),) = await next_events(stream, 1)
    assert "." not in number


async def test_the_stream_over_http() -> None:
    """The others are asked with the token and the id that came; who was asked by another replica tells of its own alone."""
    pair = Pair()
    pair.a.events.close()
    pair.b.events.close()
    answer = await pair.a.get("/api/v1/events", Last_Event_ID="x-1", **TOKEN)
    assert answer.status == 200
    (question,) = pair.asked
    assert (question.target, question.headers["last-event-id"]) == ("/api/v1/events", "x-1")
    assert question.headers["authorization"] == "Bearer t0ken"
    await pair.a.get("/api/v1/events", X_Gitopsd_Replica="b", **TOKEN)
    assert len(pair.asked) == 1

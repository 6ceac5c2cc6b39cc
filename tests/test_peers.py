"""Other replicas over real HTTP."""

from __future__ import annotations

from contextlib import aclosing

import pytest

from gitopsd.model.app import AppKey
from gitopsd.model.errors import PeerError
from gitopsd.model.replicas import Lease, Mode
from gitopsd.peers import Question, ask, follow
from tests.listening import listening
from tests.serving import Served

TOKEN = {"authorization": "Bearer t0ken"}


def at(address: str) -> Lease:
    """A replica there."""
    return Lease("b", "b_1", Mode.LEADER, address)


async def test_events_are_followed() -> None:
    """Each as it comes; a stream that is refused, or that nobody gives, is an error with the replica's name."""
    question = Question("GET", "/api/v1/events", TOKEN, seconds=30)
    with listening(lambda: Served(token="t0ken")) as daemon:

        async def happen(served: Served) -> None:
            served.events.forget(AppKey("argocd", "one"))

        async with aclosing(follow(at(daemon.address), question)) as events:
            assert (await anext(events)).startswith("id: ")
            daemon.do(happen)
            assert 'data: {"namespace":"argocd","name":"one"}\n\n' in await anext(events)
        with pytest.raises(PeerError, match="replica b: it answers 401"):
            await anext(follow(at(daemon.address), Question("GET", "/api/v1/events", {})))
    with pytest.raises(PeerError, match="replica b: it can't be reached at"):
        await anext(follow(at(daemon.address), question))


async def test_a_question_is_answered() -> None:
    """As it is, an error too; where no answer comes, that is said with the replica's name."""
    with listening(lambda: Served(token="t0ken")) as daemon:
        reply = await ask(at(daemon.address), Question("GET", "/api/v1/applications", TOKEN))
        assert (reply.status, reply.media_type) == (200, "application/json")
        assert (await ask(at(daemon.address), Question("GET", "/api/v1/applications", {}))).status == 401
    with pytest.raises(PeerError, match="replica b: it can't be reached at"):
        await ask(at(daemon.address), Question("GET", "/healthz", {}))
    with pytest.raises(PeerError, match=r"set replicas\.address there"):
        await ask(at(""), Question("GET", "/healthz", {}))

"""Several replicas, one API: whichever is asked, who has an application answers."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

from gitopsd.daemon.membership import Membership
from gitopsd.model.app import AppKey
from gitopsd.model.errors import PeerError
from gitopsd.model.replicas import Lease, Mode, Roll
from gitopsd.peers import Question, Reply
from gitopsd.web.elsewhere import FROM, Others
from tests.daemon.test_membership import Server, Watch
from tests.fakes_history import FakeClock
from tests.serving import API, Served, call, named

SECRET = b"secret"


@dataclass
class Pair:
    """Replica `a` stands by, `b` leads and has the applications `one` and `two`, unless it is `down` or has `let_go` of them."""

    down: bool = False
    let_go: bool = False
    asked: list[Question] = field(default_factory=list)
    a: Served = field(init=False)
    b: Served = field(init=False)

    def __post_init__(self) -> None:
        self.a, self.b = self._replica("a"), self._replica("b")
        self.a.agent.holds = lambda _: False
        self.b.agent.holds = lambda _: not self.let_go

    def _replica(self, name: str) -> Served:
        a, b = (Lease(one, f"{one}_1", Mode.LEADER, f"http://{one}", reckons=("b", "a")) for one in "ab")
        membership = Membership({"a": a, "b": b}[name], Watch(Server()), FakeClock(), roll=Roll((b, a)))
        membership._until = 1.0
        served = Served(token="t0ken", others=Others(membership, self._ask, self._follow), secrets={"generic": SECRET})
        apps = [named(served.world.app, "argocd", "one"), named(served.world.app, "argocd", "two")]
        served.agent.adopt({app.key: app for app in apps}, {})
        return served

    async def _ask(self, replica: Lease, question: Question) -> Reply:
        self.asked.append(question)
        if self.down:
            raise PeerError(replica.name, "it can't be reached")
        answer = await call(self.b.app, question.method, question.target, question.body, question.headers)
        return Reply(answer.status, answer.headers["content-type"], answer.body)

    async def _follow(self, replica: Lease, question: Question) -> AsyncGenerator[str, None]:
        self.asked.append(question)
        if self.down:
            raise PeerError(replica.name, "it can't be reached")
        async for event in self.b.events.stream(question.headers.get("last-event-id")):
            yield event


TOKEN = {"authorization": "Bearer t0ken"}


async def test_who_has_it_answers() -> None:
    """What is asked, who asks, the body and the token go along, and the answer comes back as it is, an error too."""
    pair = Pair()
    answer = await pair.a.call("POST", f"{API}/one/suspend", x_gitopsd_actor="ann", **TOKEN)
    assert (answer.status, answer.json["suspended"]) == (200, True)
    assert pair.b.agent.find("one").app.standing.suspended
    assert not pair.a.agent.find("one").app.standing.suspended
    assert pair.asked[0].headers["x-gitopsd-actor"] == "ann"
    refused = await pair.a.call("POST", f"{API}/argocd/one/sync", {"dryRun": "perhaps"}, **TOKEN)
    assert refused.status == 422
    assert "dryRun" in refused.problem


async def test_nobody_comes_in_without_the_token() -> None:
    """Neither here nor there, and nothing is passed on."""
    pair = Pair()
    assert (await pair.a.get(f"{API}/one")).status == 401
    assert pair.asked == []


async def test_a_replica_that_does_not_answer_is_named() -> None:
    """502, and the replica's name."""
    pair = Pair(down=True)
    answer = await pair.a.get(f"{API}/one", **TOKEN)
    assert (answer.status, answer.problem) == (502, "replica b: it can't be reached")


async def test_what_changes_hands_is_asked_for_again() -> None:
    """503 with the time to wait; and nothing goes in circles: who was asked by another replica asks no other."""
    pair = Pair(let_go=True)
    answer = await pair.a.get(f"{API}/one", **TOKEN)
    assert (answer.status, answer.problem) == (
        503,
        "application argocd/one passes from one replica to another; ask again in a moment",
    )
    assert len(pair.asked) == 1
    passed_on = await pair.a.call("GET", f"{API}/one", None, **{FROM: "c"}, **TOKEN)
    assert passed_on.status == 503
    assert len(pair.asked) == 1


async def test_the_list_is_everybodys() -> None:
    """In order and in pages, however the applications are spread."""
    pair = Pair()
    pair.a.agent.holds = lambda key: key == AppKey("argocd", "one")
    pair.b.agent.holds = lambda key: key == AppKey("argocd", "two")
    listed = (await pair.a.get(API, **TOKEN)).json
    assert ([item["name"] for item in listed["items"]], listed["next"], listed["unreachable"]) == (["one", "two"], None, [])
    first = (await pair.a.get(f"{API}?limit=1", **TOKEN)).json
    second = (await pair.a.get(f"{API}?limit=1&cursor={first['next']}", **TOKEN)).json
    assert [page["items"][0]["name"] for page in (first, second)] == ["one", "two"]
    assert second["next"] is None


async def test_what_is_not_known_now_is_said_to_be() -> None:
    """The applications of a replica that does not answer are listed, and say so; it is named."""
    pair = Pair(down=True)
    listed = (await pair.a.get(API, **TOKEN)).json
    assert listed["unreachable"] == ["b"]
    for item in listed["items"]:
        assert item["sync"]["status"] == "Unknown"
        assert item["conditions"] == [{"type": "ReplicaError", "message": "replica b: it can't be reached"}]
    assert (await pair.a.get(f"{API}?object=ConfigMap/a", **TOKEN)).json["items"] == []


async def test_all_are_told_of_a_push() -> None:
    """With its proof, which each of them verifies: whoever is told of it, the repository is asked by who uses it."""
    pair = Pair()
    body = json.dumps({"id": "1", "time": pair.a.world.clock.now().isoformat(), "repository": "https://git.test/ops"}).encode()
    signature = "sha256=" + hmac.new(SECRET, body, hashlib.sha256).hexdigest()
    answer = await pair.a.call("POST", "/api/v1/webhooks/generic", body, x_signature_256=signature)
    assert answer.status == 202
    assert pair.a.pushed == pair.b.pushed == ["https://git.test/ops"]
    assert len(pair.asked) == 1

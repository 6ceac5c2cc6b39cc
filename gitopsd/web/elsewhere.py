"""What other replicas answer: every replica takes every request, and passes on what is not its own.

A request that was passed on once is answered where it came to, so none goes in circles. It carries the token that it came with.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus

from fastapi import FastAPI, HTTPException, Request, Response
from pydantic import ValidationError

from gitopsd.daemon.membership import Membership
from gitopsd.model.app import AppKey
from gitopsd.model.errors import GitopsdError, PeerError
from gitopsd.model.record import Condition
from gitopsd.model.replicas import Lease
from gitopsd.model.status import AppStatus
from gitopsd.peers import Question, Reply, ask, follow
from gitopsd.web.documents import Application, Applications

FROM = "x-gitopsd-replica"
"""The header that says which replica has passed a request on."""
_PASSED = ("authorization", "content-type", "accept", "idempotency-key", "last-event-id", "x-gitopsd-actor")
_LONGEST = 660.0
"""Seconds that an answer may take: a request may wait ten minutes for its sync."""
_AT_ONCE = 5.0
"""... and one that is made of what is known."""


@dataclass(frozen=True, slots=True)
class Others:
    """The other replicas. `ask` and `follow` pass a question on to one, and raise PeerError where no answer comes."""

    membership: Membership
    ask: Callable[[Lease, Question], Awaitable[Reply]] = ask
    follow: Callable[[Lease, Question], AsyncGenerator[str, None]] = follow

    @property
    def me(self) -> str:
        """What this one is called."""
        return self.membership.me.name

    def all(self) -> tuple[Lease, ...]:
        """All that are alive but this one."""
        return tuple(lease for lease in self.membership.roll.leases if lease.name != self.me)


class ElsewhereError(GitopsdError):
    """The request is for another replica; it is passed on rather than told."""

    def __init__(self, others: Others, replica: Lease) -> None:
        super().__init__(f"replica {replica.name} has it")
        self.others = others
        self.replica = replica


def keep_to_ours(request: Request, others: Others, key: AppKey) -> None:
    """For an application that is not worked on here: raises ElsewhereError, or that it changes hands just now."""
    holder = others.membership.holder(key)
    if holder is None or holder.name == others.me or FROM in request.headers:
        message = f"application {key} passes from one replica to another; ask again in a moment"
        raise HTTPException(HTTPStatus.SERVICE_UNAVAILABLE, message, {"Retry-After": "1"})
    raise ElsewhereError(others, holder)


def install(app: FastAPI) -> None:
    """Has what another replica has to answer answered by it."""

    @app.exception_handler(ElsewhereError)
    async def passed_on(request: Request, error: ElsewhereError) -> Response:
        question = question_of(request, error.others, await request.body(), _LONGEST)
        reply = await error.others.ask(error.replica, question)
        return Response(reply.body, reply.status, media_type=reply.media_type)


def question_of(request: Request, others: Others, body: bytes, seconds: float) -> Question:
    """The request as it is passed on."""
    headers = {name: request.headers[name] for name in _PASSED if name in request.headers}
    target = request.scope.get("raw_path", request.url.path.encode()).decode()
    query = f"?{request.url.query}" if request.url.query else ""
    return Question(request.method, target + query, {**headers, FROM: others.me}, body, seconds)


@dataclass(frozen=True, slots=True)
class Known:
    """What is known here of a list: `page` of our own, and `rest`, the applications of others."""

    page: Applications
    rest: Iterable[AppStatus]


async def merged(request: Request, others: Others | None, known: Known, limit: int) -> Applications:
    """The list of all replicas. Of one that does not answer, the applications are listed with that, and it is named."""
    if others is None or FROM in request.headers:
        return known.page
    replicas = others.all()
    question = question_of(request, others, b"", _AT_ONCE)
    answers = await asyncio.gather(*(_list_of(others, replica, question) for replica in replicas))
    said = {replica.name: answer for replica, answer in zip(replicas, answers, strict=True)}
    pages = [known.page, *(answer for answer in said.values() if isinstance(answer, Applications))]
    items = {(item.namespace, item.name): item for page in pages for item in page.items}
    for status in known.rest:
        holder = others.membership.holder(status.app.key)
        answer = said.get(holder.name) if holder else None
        if not isinstance(answer, Applications):
            items.setdefault((status.app.key.namespace, status.app.key.name), _unanswered(status, answer))
    first = [items[key] for key in sorted(items)]
    more = len(first) > limit or any(page.next for page in pages)
    cursor = f"{first[:limit][-1].namespace}/{first[:limit][-1].name}" if more else None
    silent = sorted(name for name, answer in said.items() if isinstance(answer, PeerError))
    return Applications(items=first[:limit], next=cursor, unreachable=silent)


async def _list_of(others: Others, replica: Lease, question: Question) -> Applications | PeerError:
    try:
        return Applications.model_validate_json((await others.ask(replica, question)).body)
    except PeerError as error:
        return error
    except ValidationError:
        return PeerError(replica.name, "it answers with an error, and with no list")


def _unanswered(status: AppStatus, why: PeerError | None) -> Application:
    message = str(why or "no replica has it just now: it passes from one to another")
    problem: Mapping[str, Condition] = {"replica": Condition(PeerError.condition, message)}
    return Application.of(replace(status, problems={**status.problems, **problem}))


async def told(request: Request, others: Others | None, body: bytes) -> list[Reply]:
    """Tells all other replicas what came here, as it came; what they answer, of those that do."""
    if others is None or FROM in request.headers:
        return []
    headers = {name: value for name, value in request.headers.items() if name not in ("host", "content-length", "connection")}
    question = replace(question_of(request, others, body, _AT_ONCE), headers={**headers, FROM: others.me})
    answers = await asyncio.gather(*(others.ask(replica, question) for replica in others.all()), return_exceptions=True)
    return [answer for answer in answers if isinstance(answer, Reply)]

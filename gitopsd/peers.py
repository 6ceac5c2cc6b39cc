"""The other replicas over HTTP: what is asked here and is theirs to answer."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus

import aiohttp

from gitopsd.model.errors import PeerError
from gitopsd.model.replicas import Lease

_CONNECT = 3.0
"""Seconds until a replica has taken a connection."""
_LARGEST = 64 << 20
"""Bytes of an answer."""


@dataclass(frozen=True, slots=True)
class Question:
    """A request as it came; `target` is path and query. `seconds` is how long its answer may take, or each piece of a stream."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""
    seconds: float = 10.0


@dataclass(frozen=True, slots=True)
class Reply:
    """What a replica answers, an error too."""

    status: int
    media_type: str
    body: bytes


async def ask(replica: Lease, question: Question) -> Reply:
    """Passes a question on. Raises PeerError where no whole answer comes."""
    async with _asked(replica, question, aiohttp.ClientTimeout(total=question.seconds, sock_connect=_CONNECT)) as answer:
        body = b""
        async for chunk in answer.content.iter_chunked(1 << 16):
            body += _bounded(replica, chunk, len(body))
        return Reply(answer.status, answer.headers.get("Content-Type", "application/json"), body)


async def follow(replica: Lease, question: Question) -> AsyncGenerator[str, None]:
    """Passes a question on whose answer is a stream of events; gives each with the empty line that ends it.

    Raises PeerError where no stream comes, or where it is broken off.
    """
    limit = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT, sock_read=question.seconds)
    async with _asked(replica, question, limit) as answer:
        if answer.status != HTTPStatus.OK:
            raise PeerError(replica.name, f"it answers {answer.status}")
        rest = b""
        async for chunk in answer.content.iter_any():
            *events, rest = (rest + _bounded(replica, chunk, len(rest))).split(b"\n\n")
            for event in events:
                yield f"{event.decode()}\n\n"


def _bounded(replica: Lease, chunk: bytes, before: int) -> bytes:
    if before + len(chunk) > _LARGEST:
        raise PeerError(replica.name, f"it answers with more than {_LARGEST >> 20} MiB")
    return chunk


@asynccontextmanager
async def _asked(replica: Lease, question: Question, limit: aiohttp.ClientTimeout) -> AsyncIterator[aiohttp.ClientResponse]:
    """The answer, to be read. Whatever goes wrong meanwhile is a PeerError."""
    if not replica.address:
        raise PeerError(replica.name, "it does not say where its API is: set replicas.address there")
    url = replica.address + question.target
    try:
        async with (
            aiohttp.ClientSession(timeout=limit) as session,
            # No redirect: the token is for this replica.
            session.request(question.method, url, headers=question.headers, data=question.body, allow_redirects=False) as answer,
        ):
            yield answer
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise PeerError(replica.name, f"it can't be reached at {replica.address} ({type(error).__name__})") from error

"""The other replicas over HTTP: what is asked here and is theirs to answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp

from gitopsd.model.errors import PeerError
from gitopsd.model.replicas import Lease

_CONNECT = 3.0
"""Seconds until a replica has taken a connection."""
_LARGEST = 64 << 20
"""Bytes of an answer."""


@dataclass(frozen=True, slots=True)
class Question:
    """A request as it came; `target` is path and query. `seconds` is how long its answer may take."""

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
    if not replica.address:
        raise PeerError(replica.name, "it does not say where its API is: set replicas.address there")
    limit = aiohttp.ClientTimeout(total=question.seconds, sock_connect=_CONNECT)
    url = replica.address + question.target
    try:
        async with (
            aiohttp.ClientSession(timeout=limit) as session,
            # No redirect: the token is for this replica.
            session.request(question.method, url, headers=question.headers, data=question.body, allow_redirects=False) as answer,
        ):
            body = b""
            async for chunk in answer.content.iter_chunked(1 << 16):
                body += chunk
                if len(body) > _LARGEST:
                    raise PeerError(replica.name, f"it answers with more than {_LARGEST >> 20} MiB")
            return Reply(answer.status, answer.headers.get("Content-Type", "application/json"), body)
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise PeerError(replica.name, f"it can't be reached at {replica.address} ({type(error).__name__})") from error

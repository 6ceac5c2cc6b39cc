"""What stands before every route: who may come in, how much they may bring, and HEAD."""

from __future__ import annotations

import hmac
from http import HTTPStatus

from fastapi import HTTPException, Request, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gitopsd.model.errors import GitopsdError
from gitopsd.web.control import Control
from gitopsd.web.problems import problem

MAX_BODY = 1 << 20
"""Bytes of a request's body; none that the API understands comes near."""

OPEN = frozenset({"/healthz", "/readyz", "/metrics", "/openapi.json"})
"""Paths that ask for no token: they tell nothing secret, and who asks (kubelet, Prometheus) has none."""

WEBHOOKS = "/api/v1/webhooks/"
"""Paths below it ask for no token either: a Git server has a proof of its own (`webhooks`)."""


def is_open(path: str) -> bool:
    """Whether a path asks for no token."""
    return path in OPEN or path.startswith(WEBHOOKS)


class Guard:
    """ASGI middleware. A request has to show the token, as RFC 6750 says, and its body is cut off where it grows too large.

    HEAD is answered as GET without the body (RFC 9110, 9.3.2).
    """

    def __init__(self, app: ASGIApp, control: Control) -> None:
        self._app, self._control = app, control

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the ASGI specification."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if refusal := self._refusal(Request(scope)):
            await refusal(scope, receive, send)
            return
        if scope["method"] == "HEAD":
            scope, send = {**scope, "method": "GET"}, _headers_alone(send)
        await self._app(scope, _bounded(receive), send)

    def _refusal(self, request: Request) -> Response | None:
        if is_open(request.url.path):
            return None
        try:
            wanted = self._control.token()
        except GitopsdError as error:
            return problem(request, HTTPStatus.SERVICE_UNAVAILABLE, str(error))
        scheme, _, shown = request.headers.get("authorization", "").partition(" ")
        if wanted is None or (scheme.lower() == "bearer" and hmac.compare_digest(shown.strip().encode(), wanted.encode())):
            return None
        message = "a bearer token is needed: gitopsd's commands take it from GITOPSD_TOKEN"
        return problem(request, HTTPStatus.UNAUTHORIZED, message, {"WWW-Authenticate": "Bearer"})


def _bounded(receive: Receive) -> Receive:
    used = 0

    async def bounded() -> Message:
        nonlocal used
        message = await receive()
        used += len(message.get("body", b""))
        if used > MAX_BODY:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a body may have {MAX_BODY} bytes")
        return message

    return bounded


def _headers_alone(send: Send) -> Send:
    """The answer is over with its headers: a server tells a stream then that nobody is there."""

    async def headers_alone(message: Message) -> None:
        if message["type"] == "http.response.start":
            await send(message)
            await send({"type": "http.response.body"})

    return headers_alone

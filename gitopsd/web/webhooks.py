"""`POST /api/v1/webhooks/...`: Git servers tell of pushes, so that nobody has to wait for the next poll."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus

from fastapi import APIRouter, HTTPException, Request

from gitopsd.model.errors import ConfigError
from gitopsd.web.asking import Within
from gitopsd.web.documents import Document
from gitopsd.web.elsewhere import told
from gitopsd.web.guard import WEBHOOKS
from gitopsd.web.problems import problems
from gitopsd.web.pushes import PROVIDERS, Deliveries, Provider, document, repositories


class Pushed(Document):
    """A push that was taken."""

    repositories: int
    """How many repositories are asked for news because of it: none where no application uses any of it."""


def webhooks() -> APIRouter:
    """The routes, one for each kind of server."""
    router = APIRouter(prefix=WEBHOOKS.rstrip("/"), tags=["webhooks"])
    deliveries = Deliveries()
    for provider in PROVIDERS:
        router.post(
            f"/{provider.name}",
            name=f"post_push_of_{provider.name}",
            summary=f"A push, as sent by: {provider.title}",
            status_code=HTTPStatus.ACCEPTED,
            responses=problems(HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
        )(_taker(provider, deliveries))
    return router


def _taker(provider: Provider, deliveries: Deliveries) -> Callable[[Request, Within], Awaitable[Pushed]]:
    async def post_push(request: Request, control: Within) -> Pushed:
        body = await request.body()
        _authenticate(provider, control.pushes.secret, request, body)
        try:
            push = document(body)
        except ValueError as error:
            raise HTTPException(HTTPStatus.BAD_REQUEST, str(error)) from None
        if provider.name == "generic" and (objection := deliveries.objection(push, control.pushes.now())):
            raise HTTPException(HTTPStatus.UNAUTHORIZED, objection)
        if provider.event and request.headers.get(provider.event) not in provider.pushes:
            return Pushed(repositories=0)
        replies = await told(request, control.others, body)
        counts = [Pushed.model_validate_json(reply.body).repositories for reply in replies if reply.status == HTTPStatus.ACCEPTED]
        return Pushed(repositories=max([control.pushes.arrived(repositories(provider, push)), *counts]))

    post_push.__doc__ = (
        f"Proved by `{provider.header}` and the secret at `webhooks.{provider.name}` of the configuration, not by the token. "
        "The repository that it names is asked for news at once, and that answers before the repository does."
    )
    return post_push


def _authenticate(provider: Provider, secret: Callable[[str], bytes | None], request: Request, body: bytes) -> None:
    try:
        wanted = secret(provider.name)
    except ConfigError as error:
        raise HTTPException(HTTPStatus.SERVICE_UNAVAILABLE, str(error)) from None
    if wanted is None:
        raise HTTPException(
            HTTPStatus.UNAUTHORIZED, f"the configuration has no webhooks.{provider.name}: none of its pushes is taken"
        )
    if not provider.proof(wanted, body, request.headers.get(provider.header, "")):
        raise HTTPException(HTTPStatus.UNAUTHORIZED, f"{provider.header} does not prove that this comes from who it says")

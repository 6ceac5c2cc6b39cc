"""What people order of an application, over HTTP: each answers with the application as it stands then, a rollback as a sync."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Body, Response

from gitopsd.model.record import Trigger, TriggerKind
from gitopsd.model.status import AppStatus
from gitopsd.web.asking import SYNC, Actor, Named, Patience, Within, followed
from gitopsd.web.control import Control
from gitopsd.web.documents import (
    AdoptionRequest,
    Application,
    ApprovalRequest,
    OperationState,
    Record,
    RollbackRequest,
)
from gitopsd.web.problems import problems


def add(router: APIRouter) -> None:
    """Adds the routes below an application."""
    responses = problems(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY)
    bodied = responses | problems(HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    router.post("/suspend", summary="Write nothing any more", responses=responses)(post_suspend)
    router.post("/resume", summary="Go on after a suspension", responses=responses)(post_resume)
    router.post("/approve", summary="Approve the plan that waits", responses=bodied)(post_approve)
    router.post("/confirm-prune", summary="Allow the deletions that wait", responses=responses)(post_confirm_prune)
    router.post("/adopt", summary="Take an object over", responses=bodied)(post_adopt)
    rolled = SYNC | problems(HTTPStatus.BAD_GATEWAY)
    router.post("/rollback", summary="Go back, and stay", status_code=202, responses=rolled, response_model=None)(post_rollback)
    router.post("/unpin", summary="Follow Git again", responses=responses)(post_unpin)


async def post_suspend(control: Within, status: Named, actor: Actor) -> Application:
    """Git and cluster are still watched and compared. A sync under way is not ended: `DELETE .../operation` does that."""
    await control.orders.suspend(status.app, actor)
    return _now(control, status)


async def post_resume(control: Within, status: Named, actor: Actor) -> Application:
    """What automation allows is done at once."""
    await control.orders.resume(status.app, actor)
    return _now(control, status)


async def post_approve(control: Within, status: Named, actor: Actor, asked: ApprovalRequest) -> Application:
    """It is carried out at once, automation or not. 409 where the plan is another one by now."""
    await control.orders.approve(status, asked.digest, actor)
    return _now(control, status)


async def post_confirm_prune(control: Within, status: Named, actor: Actor) -> Application:
    """Just those that the last plan lists; they are carried out at once."""
    await control.orders.confirm_prune(status, actor)
    return _now(control, status)


async def post_adopt(control: Within, status: Named, actor: Actor, asked: AdoptionRequest) -> Application:
    """The next sync takes it over, whoever owns it; that is over with the sync."""
    await control.orders.adopt(status, asked.object, actor)
    return _now(control, status)


async def post_rollback(
    control: Within,
    response: Response,
    status: Named,
    actor: Actor,
    patience: Patience,
    asked: Annotated[RollbackRequest | None, Body()] = None,
) -> OperationState | Record:
    """Renders the commits of a record again and stays there, automation or not, until Git moves or `/unpin`.

    Without `id`, the last sync that succeeded with another commit. `wait` as for a sync.
    """
    asked = asked or RollbackRequest()
    trigger = Trigger(TriggerKind.ROLLBACK, actor, prune=asked.prune)
    return await followed(await control.orders.rollback(status.app, asked.id, trigger), patience, response)


async def post_unpin(control: Within, status: Named, actor: Actor) -> Application:
    """What automation allows is done at once."""
    await control.orders.unpin(status.app, actor)
    return _now(control, status)


def _now(control: Control, status: AppStatus) -> Application:
    return Application.of(control.agent.find(str(status.app.key)))

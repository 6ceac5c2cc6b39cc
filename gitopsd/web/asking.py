"""What routes about an application take from a request: the daemon, the application, who asks, how long to wait."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Depends, HTTPException, Path, Query, Request, Response

from gitopsd.daemon.operations import Operation
from gitopsd.formats.durations import parse_duration
from gitopsd.model.status import AppStatus
from gitopsd.web.control import Control
from gitopsd.web.documents import OperationState, Record
from gitopsd.web.elsewhere import keep_to_ours
from gitopsd.web.problems import problems

MAX_WAIT = 600.0
"""Seconds that a request may wait for its sync."""

SYNC: dict[int | str, dict[str, Any]] = {
    202: {"model": OperationState, "description": "It is under way"},
    200: {"model": Record, "description": "It has ended (`wait`)"},
    **problems(
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.CONFLICT,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNPROCESSABLE_ENTITY,
    ),
}
"""What OpenAPI says of the answers of whatever begins a sync."""

Name = Annotated[str, Path(description="The application's name; enough where no other namespace has one of that name.")]
Namespace = Annotated[str, Path(description="The application's namespace.")]


def control_of(request: Request) -> Control:
    """The daemon that the routes speak for."""
    control: Control = request.app.state.control
    return control


Within = Annotated[Control, Depends(control_of)]


def find(request: Request, control: Within, name: Name) -> None:
    """Keeps the application of that name for `Named`."""
    _keep(request, control, control.agent.find(name))


def find_exactly(request: Request, control: Within, namespace: Namespace, name: Name) -> None:
    """Keeps the application of that namespace and name for `Named`."""
    _keep(request, control, control.agent.find(f"{namespace}/{name}"))


def _keep(request: Request, control: Control, status: AppStatus) -> None:
    if control.others and not control.agent.holds(status.app.key):
        keep_to_ours(request, control.others, status.app.key)
    request.state.status = status


def _found(request: Request) -> AppStatus:
    status: AppStatus = request.state.status
    return status


Named = Annotated[AppStatus, Depends(_found)]


def _actor(request: Request) -> str:
    """For whom the request says it is: written down, not checked."""
    return "".join(char for char in request.headers.get("x-gitopsd-actor", "api")[:200] if char.isprintable())


Actor = Annotated[str, Depends(_actor)]


def _patience(
    wait: Annotated[str | None, Query(max_length=20, description="Wait this long for the end: `30s`, at most `10m`.")] = None,
) -> float | None:
    """In seconds; None where only the operation is wanted."""
    if wait is None:
        return None
    try:
        return min(parse_duration(wait).total_seconds(), MAX_WAIT)
    except ValueError as error:
        raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, f"wait: {error}") from None


Patience = Annotated[float | None, Depends(_patience)]


async def followed(operation: Operation, patience: float | None, response: Response) -> OperationState | Record:
    """With patience, 200 and the operation's record where it ends in time; else the operation."""
    if patience is not None:
        try:
            async with asyncio.timeout(patience):
                record = await asyncio.shield(operation.done)
        except TimeoutError:
            pass
        except asyncio.CancelledError:
            if not operation.done.cancelled():
                raise  # it is the request that was given up
            message = f"application {operation.record.app}: the sync was terminated"
            raise HTTPException(HTTPStatus.CONFLICT, message) from None
        else:
            response.status_code = HTTPStatus.OK
            return Record.of(record)
    return OperationState.of(operation.record)

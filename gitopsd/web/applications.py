"""Applications over HTTP: how they stand, what happened, and the manual resync."""

from __future__ import annotations

import asyncio
import re
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Header, HTTPException, Query, Request, Response

from gitopsd.daemon.agent import Operation
from gitopsd.config.units import parse_duration
from gitopsd.model.app import AppKey
from gitopsd.model.record import Trigger, TriggerKind
from gitopsd.model.status import AppStatus
from gitopsd.web.control import Control
from gitopsd.web.documents import Application, DriftDocument, OperationState, Page, Record, Resource, SyncRequest
from gitopsd.web.problems import RESPONSES, Problem

MAX_WAIT = 600.0
"""Seconds that a request may wait for its sync."""

Responses = dict[int | str, dict[str, Any]]
Limit = Annotated[int, Query(ge=1, le=500, description="How many items at most.")]
Cursor = Annotated[str | None, Query(max_length=200, description="`next` of the part before.")]


def _control(request: Request) -> Control:
    control: Control = request.app.state.control
    return control


def _status(request: Request, name: str, namespace: str = "") -> AppStatus:
    return _control(request).agent.find(f"{namespace}/{name}" if namespace else name)


Within = Annotated[Control, Depends(_control)]
Named = Annotated[AppStatus, Depends(_status)]


def routes(prefix: str) -> APIRouter:
    """The routes of one application, below `/{name}` and below `/{namespace}/{name}`: the latter is exact."""
    router = APIRouter(prefix=prefix, tags=["applications"], responses=RESPONSES)
    router.get("", summary="How an application stands")(get_application)
    router.get("/resources", summary="Its objects")(get_resources)
    router.get("/history", summary="Its syncs, newest first")(get_history)
    router.get("/history/{record_id}", summary="One sync, with all it did")(get_record)
    router.get("/drift", summary="What somebody else changed, newest first")(get_drift)
    router.get("/plan", summary="What a sync would do")(get_plan)
    conflict: Responses = {409: {"model": Problem, "description": "Another operation is under way"}}
    accepted: Responses = {202: {"model": OperationState, "description": "Under way"}, 200: {"model": Record, "description": "Done (`wait`)"}}
    router.post("/sync", summary="Sync now", status_code=202, responses={**accepted, **conflict}, response_model=None)(post_sync)
    router.post("/refresh", summary="Ask the repositories now", status_code=202, response_class=Response)(post_refresh)
    router.delete("/operation", summary="End the sync under way", status_code=204)(delete_operation)
    return router


listing = APIRouter(prefix="/api/v1/applications", tags=["applications"], responses=RESPONSES)


@listing.get("", summary="All applications")
async def list_applications(control: Within, limit: Limit = 100, cursor: Cursor = None) -> Page[Application]:
    """By namespace and name."""
    statuses = [status for status in control.agent.statuses() if cursor is None or str(status.app.key) > cursor]
    more = str(statuses[limit - 1].app.key) if len(statuses) > limit else None
    return Page(items=[Application.of(status) for status in statuses[:limit]], next=more)


async def get_application(status: Named) -> Application:
    """Sync, health, drift, the last operation, and conditions."""
    return Application.of(status)


async def get_resources(status: Named, limit: Limit = 500, cursor: Cursor = None) -> Page[Resource]:
    """Each object with its sync status and health."""
    start = int(_issued(cursor) or 0)
    part = status.resources[start : start + limit]
    more = str(start + limit) if start + limit < len(status.resources) else None
    return Page(items=[Resource.of_state(state) for state in part], next=more)


def _issued(cursor: str | None) -> str | None:
    """The cursor, if it can be one that was given out."""
    if cursor is not None and not re.fullmatch(r"[0-9]{1,18}", cursor):
        raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, "cursor is not one that was given out")
    return cursor


async def get_history(control: Within, status: Named, limit: Limit = 50, cursor: Cursor = None) -> Page[Record]:
    """Every attempt, failed ones too; results stand in the single records."""
    page = await control.history.page(status.app.key, limit=limit, cursor=_issued(cursor))
    return Page(items=[Record.of(record) for record in page.items], next=page.next)


async def get_record(control: Within, status: Named, record_id: str) -> Record:
    """Results with field changes, durations by stage, warnings."""
    record = await control.history.get(record_id)
    if record is None or record.app != status.app.key:
        raise HTTPException(HTTPStatus.NOT_FOUND, f"application {status.app.key} has no record {record_id[:40]}")
    return Record.of(record)


async def get_drift(control: Within, status: Named, limit: Limit = 100, cursor: Cursor = None) -> Page[DriftDocument]:
    """Each with field, value, manager, and what became of it."""
    page = await control.history.drift_page(status.app.key, limit=limit, cursor=_issued(cursor))
    return Page(items=[DriftDocument.of(drift) for drift in page.items], next=page.next)


async def get_plan(
    control: Within, status: Named, revision: Annotated[str, Query(max_length=255, description="A branch, tag or commit.")] = ""
) -> Record:
    """Decided by the API server's dry run; nothing is written, and nothing is remembered."""
    return Record.of(await control.agent.preview(status.app.key, revision))


async def post_sync(
    request: Request,
    response: Response,
    status: Named,
    asked: Annotated[SyncRequest | None, Body()] = None,
    wait: Annotated[str | None, Query(description="Wait this long for the end: `30s`.", max_length=20)] = None,
    idempotency_key: Annotated[str | None, Header(max_length=200)] = None,
) -> OperationState | Record:
    """The same request joins a sync under way, another one gets 409; an `Idempotency-Key` that was seen gets its sync again."""
    control = _control(request)
    key, asked = status.app.key, asked or SyncRequest()
    operation = _begin(request, control, key, asked, idempotency_key)
    if wait is None:
        return OperationState(phase="Running", trigger=operation.trigger.kind, actor=operation.trigger.actor, message="accepted")
    try:
        async with asyncio.timeout(min(_seconds(wait), MAX_WAIT)):
            record = await asyncio.shield(operation.done)
    except TimeoutError:
        return OperationState(phase="Running", trigger=operation.trigger.kind, actor=operation.trigger.actor, message="under way")
    except asyncio.CancelledError:
        if not operation.done.cancelled():
            raise
        raise HTTPException(HTTPStatus.CONFLICT, f"application {key}: the sync was terminated") from None
    response.status_code = HTTPStatus.OK
    return Record.of(record)


def _seconds(text: str) -> float:
    try:
        return parse_duration(text).total_seconds()
    except ValueError as error:
        raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, f"wait: {error}") from None


def _begin(request: Request, control: Control, key: AppKey, asked: SyncRequest, idempotency_key: str | None) -> Operation:
    known: dict[tuple[AppKey, str], Operation] = request.app.state.idempotent
    if idempotency_key and (operation := known.get((key, idempotency_key))):
        return operation
    trigger = Trigger(
        TriggerKind.MANUAL,
        actor=request.state.actor,
        revision=asked.revision,
        prune=asked.prune,
        dry_run=asked.dryRun,
        force=asked.force,
        resources=tuple(asked.resources),
    )
    operation = control.agent.sync(key, trigger)
    if idempotency_key:
        known[key, idempotency_key] = operation
        while len(known) > 1000:  # noqa: PLR2004 - the oldest key of a thousand is forgotten
            del known[next(iter(known))]
    return operation


async def post_refresh(control: Within, status: Named) -> Response:
    """The repositories are asked for their refs, and the application is looked at."""
    await control.refresh(status.app.key)
    return Response(status_code=HTTPStatus.ACCEPTED)


async def delete_operation(control: Within, status: Named) -> Response:
    """What was written stays written; the next sync goes on from there."""
    if not control.agent.terminate(status.app.key):
        raise HTTPException(HTTPStatus.NOT_FOUND, f"application {status.app.key} has no sync under way")
    return Response(status_code=HTTPStatus.NO_CONTENT)

"""Applications over HTTP: how they stand, what happened, and the manual resync."""

from __future__ import annotations

import re
from collections import OrderedDict
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Body, Depends, Header, HTTPException, Path, Query, Request, Response

from gitopsd.daemon.operations import Operation
from gitopsd.model.app import AppKey
from gitopsd.model.record import Trigger, TriggerKind
from gitopsd.model.refs import ObjectRef
from gitopsd.model.status import AppStatus
from gitopsd.web import orders, removal
from gitopsd.web.asking import SYNC, Actor, Named, Patience, Within, control_of, find, find_exactly, followed
from gitopsd.web.documents import Application, Applications, DriftDocument, OperationState, Page, Record, Resource, SyncRequest
from gitopsd.web.elsewhere import Known, merged
from gitopsd.web.explanations import Explanation
from gitopsd.web.problems import problems

_REMEMBERED = 1000
"""Idempotency keys; the oldest is forgotten."""

Idempotent = OrderedDict[tuple[AppKey, str], Operation]
"""The operations that were asked for with an `Idempotency-Key`, by it."""

Limit = Annotated[int, Query(ge=1, le=500, description="How many items at most.")]
Cursor = Annotated[str | None, Query(max_length=600, description="The `next` of the page before.")]


def routes(*, exact: bool) -> APIRouter:
    """The routes of one application: below `/{name}`, or below `/{namespace}/{name}`, which is exact."""
    where, finder = ("/{namespace}/{name}", find_exactly) if exact else ("/{name}", find)
    router = APIRouter(prefix=f"/api/v1/applications{where}", tags=["applications"], dependencies=[Depends(finder)])
    asked = problems(HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY)
    looked_up = problems(HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.BAD_GATEWAY)
    router.get("", summary="How an application stands", responses=asked)(get_application)
    router.get("/resources", summary="Its objects", responses=looked_up)(get_resources)
    router.get("/history", summary="Its syncs, newest first", responses=asked)(get_history)
    router.get("/history/{record_id}", summary="One sync, with all it did", responses=asked)(get_record)
    router.get("/drift", summary="What somebody else changed, newest first", responses=asked)(get_drift)
    router.get("/plan", summary="What a sync would do", responses=asked)(get_plan)
    router.get("/explain", summary="Why a live field is as it is", responses=looked_up)(get_explanation)
    router.post("/sync", summary="Sync now", status_code=202, responses=SYNC, response_model=None)(post_sync)
    router.post("/refresh", summary="Ask the repositories now", status_code=202, response_class=Response, responses=asked)(
        post_refresh
    )
    router.delete("/operation", summary="End the sync under way", status_code=204, responses=asked)(delete_operation)
    orders.add(router)
    removal.add(router)
    return router


listing = APIRouter(prefix="/api/v1/applications", tags=["applications"])


@listing.get("", summary="All applications", responses=problems(HTTPStatus.UNPROCESSABLE_ENTITY))
async def list_applications(
    request: Request,
    control: Within,
    limit: Limit = 100,
    cursor: Cursor = None,
    named: Annotated[
        str, Query(alias="object", max_length=600, description="Only those with this object: KIND/NAMESPACE/NAME or KIND/NAME.")
    ] = "",
) -> Applications:
    """By namespace and name; those of all replicas, where there are several."""
    after = _key(cursor)
    statuses = [status for status in control.agent.statuses() if after is None or status.app.key > after]
    ours = [status for status in statuses if control.agent.holds(status.app.key) and (not named or _called(status, named))]
    more = str(ours[limit - 1].app.key) if len(ours) > limit else None
    page = Applications(items=[Application.of(status) for status in ours[:limit]], next=more)
    rest = [status for status in statuses if not (named or control.agent.holds(status.app.key))]
    return await merged(request, control.others, Known(page, rest), limit)


async def get_application(status: Named) -> Application:
    """Sync, health, drift, the sync under way or else the last one, and conditions."""
    return Application.of(status)


async def get_resources(
    control: Within,
    status: Named,
    tree: Annotated[bool, Query(description="With what controllers made of them.")] = False,  # noqa: FBT002 - FastAPI has it by name
    limit: Limit = 500,
    cursor: Cursor = None,
) -> Page[Resource]:
    """Each object with its sync status and health; with `tree` followed by what they own, owners first: asked of the cluster."""
    start = int(_number(cursor) or 0)
    part = status.resources[start : start + limit]
    more = str(start + limit) if start + limit < len(status.resources) else None
    items = [Resource.of_state(state) for state in part]
    if tree:
        refs = frozenset(state.ref for state in part)
        found = await control.agent.reconciler.ports.cluster.offspring(status.app, refs)
        items += [Resource.of_offspring(one) for one in found]
    return Page(items=items, next=more)


async def get_history(control: Within, status: Named, limit: Limit = 50, cursor: Cursor = None) -> Page[Record]:
    """Every attempt, failed ones too; results stand in the single records."""
    page = await control.history.page(status.app.key, limit=limit, cursor=_number(cursor))
    return Page(items=[Record.of(record) for record in page.items], next=page.next)


async def get_record(
    control: Within, status: Named, record_id: Annotated[str, Path(max_length=18, description="The `id` of a record.")]
) -> Record:
    """Results with field changes, durations by stage, warnings."""
    record = await control.history.get(record_id)
    if record is None or record.app != status.app.key:
        raise HTTPException(HTTPStatus.NOT_FOUND, f"application {status.app.key} has no record {record_id}")
    return Record.of(record)


async def get_drift(control: Within, status: Named, limit: Limit = 100, cursor: Cursor = None) -> Page[DriftDocument]:
    """Each with field, value, manager, and what became of it."""
    page = await control.history.drift_page(status.app.key, limit=limit, cursor=_number(cursor))
    return Page(items=[DriftDocument.of(drift) for drift in page.items], next=page.next)


async def get_plan(
    control: Within, status: Named, revision: Annotated[str, Query(max_length=255, description="A branch, tag or commit.")] = ""
) -> Record:
    """Decided by the API server's dry run; nothing is written, and nothing is remembered.

    Where no plan can be made, the record's `phase` says so, and its `result` why.
    """
    return Record.of(await control.agent.preview(status.app.key, revision))


async def get_explanation(
    control: Within,
    status: Named,
    named: Annotated[
        str, Query(alias="object", max_length=600, description="KIND/NAMESPACE/NAME, or KIND/NAME where that is clear.")
    ],
    field: Annotated[str, Query(max_length=1000, description="Only this field and those below it.")] = "",
) -> Explanation:
    """For each field what in Git set it, step by step, with the commit of each line, and who holds it in the cluster.

    Found when it is asked for: the revision that is live is rendered once more, the object read, the lines' history walked.
    """
    ref = _object(status, named)
    found = await control.explain(status.app, status.revision, ref, field)
    if not found.fields:
        raise HTTPException(HTTPStatus.NOT_FOUND, f"{ref} has no field {field}, neither in Git nor in the cluster")
    return Explanation.of(found)


def _object(status: AppStatus, named: str) -> ObjectRef:
    """The one object of an application that `named` means, its kind in any case."""
    found = _called(status, named)
    if len(found) == 1:
        return found[0]
    if found:
        choices = " or ".join(str(ref) for ref in found)
        raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, f"object: {named} may be {choices}")
    raise HTTPException(
        HTTPStatus.NOT_FOUND, f"application {status.app.key} has no object {named}; `/resources` lists those it has"
    )


def _called(status: AppStatus, named: str) -> list[ObjectRef]:
    """The objects of an application that `named` may mean."""
    kind, *where = named.split("/")
    known = [state.ref for state in status.resources if state.ref.kind.casefold() == kind.casefold()]
    return [ref for ref in known if where in ([ref.name], [ref.namespace, ref.name])]


def _number(cursor: str | None) -> str | None:
    """A cursor that counts, if it can be one that was given out."""
    if cursor is not None and not re.fullmatch(r"[0-9]{1,18}", cursor):
        raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, "cursor: is not one that was given out")
    return cursor


def _key(cursor: str | None) -> AppKey | None:
    """A cursor that names an application; it may be gone meanwhile."""
    if cursor is None:
        return None
    namespace, slash, name = cursor.partition("/")
    if not (slash and name):
        raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, "cursor: is not one that was given out")
    return AppKey(namespace, name)


def _trigger(actor: Actor, asked: Annotated[SyncRequest | None, Body()] = None) -> Trigger:
    asked = asked or SyncRequest()
    return Trigger(
        TriggerKind.MANUAL,
        actor=actor,
        revision=asked.revision,
        prune=asked.prune,
        dry_run=asked.dryRun,
        force=asked.force,
        resources=tuple(asked.resources),
    )


async def post_sync(
    request: Request,
    response: Response,
    status: Named,
    trigger: Annotated[Trigger, Depends(_trigger)],
    patience: Patience,
    idempotency_key: Annotated[
        str | None, Header(max_length=200, description="A repetition with it gets the first's sync.")
    ] = None,
) -> OperationState | Record:
    """The same request joins a sync that was asked for and is under way; another one gets 409.

    With `wait`, 200 and the record where the sync ends in time, else 202. `X-Gitopsd-Actor` says for whom, in history and logs.
    """
    return await followed(_begin(request, status.app.key, trigger, idempotency_key), patience, response)


def _begin(request: Request, key: AppKey, trigger: Trigger, idempotency_key: str | None) -> Operation:
    known: Idempotent = request.app.state.idempotent
    if idempotency_key and (operation := known.get((key, idempotency_key))):
        if not operation.asks(trigger):
            message = "Idempotency-Key: was sent with another request before; take a new one"
            raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, message)
        return operation
    operation = control_of(request).agent.sync(key, trigger)
    if idempotency_key:
        known[key, idempotency_key] = operation
        if len(known) > _REMEMBERED:
            known.popitem(last=False)
    return operation


async def post_refresh(
    control: Within,
    status: Named,
    hard: Annotated[bool, Query(description="Render everything anew as well.")] = False,  # noqa: FBT002 - FastAPI has it by name
) -> Response:
    """Answers when the repositories have; the application is looked at then. What fails becomes a condition."""
    await control.refresh(status.app.key, hard=hard)
    return Response(status_code=HTTPStatus.ACCEPTED)


async def delete_operation(control: Within, status: Named) -> Response:
    """What was written stays written; the next sync goes on from there."""
    if not control.agent.terminate(status.app.key):
        raise HTTPException(HTTPStatus.NOT_FOUND, f"application {status.app.key} has no sync under way")
    return Response(status_code=HTTPStatus.NO_CONTENT)

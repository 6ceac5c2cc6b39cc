"""`GET /api/v1/events`."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Header, HTTPException, Request
from fastapi.responses import StreamingResponse

from gitopsd.web.asking import Within
from gitopsd.web.chorus import SILENCE, Chorus
from gitopsd.web.elsewhere import FROM, question_of
from gitopsd.web.events import MAX_FOLLOWERS
from gitopsd.web.problems import problems

stream = APIRouter(prefix="/api/v1/events", tags=["events"])

_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
"""Nobody on the way may keep it, or hold it back (nginx's word for that)."""
_STREAM: dict[str, Any] = {
    "description": "Events, until one side ends it",
    "content": {
        "text/event-stream": {
            "schema": {"type": "string"},
            "example": 'id: 5f2c-12\nevent: gone\ndata: {"namespace":"argocd","name":"monitor-app-dev"}\n\n',
        }
    },
}


@stream.get(
    "",
    summary="What happens, as it happens",
    response_class=StreamingResponse,
    responses={200: _STREAM, **problems(HTTPStatus.UNPROCESSABLE_ENTITY)},
)
async def get_events(
    request: Request,
    control: Within,
    last_event_id: Annotated[str | None, Header(max_length=2048, description="The `id` of the last event that was seen.")] = None,
) -> StreamingResponse:
    """Server-sent events of all replicas, each with the document that the API has for it.

    `application`: it stands otherwise now; `record`: a sync has ended; `drift`: somebody else changed something; `gone`: an
    application is no longer configured; `reset`: events were missed, look at everything anew.
    """
    if control.events.followers >= MAX_FOLLOWERS:
        raise HTTPException(HTTPStatus.SERVICE_UNAVAILABLE, "as many follow the events as may", {"Retry-After": "30"})
    events = control.events.stream(last_event_id)
    if control.others and FROM not in request.headers:
        events = Chorus(control.others, question_of(request, control.others, b"", SILENCE)).stream(events)
    return StreamingResponse(events, media_type="text/event-stream", headers=_HEADERS)

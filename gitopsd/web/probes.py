"""What kubelets and Prometheus ask, on the API's listener and on one of their own."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any, Literal

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from gitopsd.web.asking import Within
from gitopsd.web.documents import Document

probes = APIRouter(tags=["probes"])


class Alive(Document):
    """The process answers."""

    status: Literal["ok"] = "ok"


class CheckDocument(Document):
    """One thing that readiness depends on."""

    name: str
    ok: bool
    message: str = ""


class Readiness(Document):
    """Whether gitopsd can do its work, and what of it."""

    ready: bool
    checks: list[CheckDocument]


@probes.get("/healthz", summary="Alive")
async def healthz() -> Alive:
    """For a liveness probe."""
    return Alive()


_NOT_READY: dict[int | str, dict[str, Any]] = {503: {"model": Readiness, "description": "Not ready; the checks say why"}}


@probes.get("/readyz", summary="Ready", response_model=Readiness, responses=_NOT_READY)
async def readyz(control: Within) -> JSONResponse:
    """Whether clusters are reached, the history is written, other replicas know of this one. One dead cluster is no reason."""
    checks = [CheckDocument(name=check.name, ok=check.ok, message=check.message) for check in await control.checks()]
    readiness = Readiness(ready=all(check.ok for check in checks), checks=checks)
    return JSONResponse(readiness.model_dump(), HTTPStatus.OK if readiness.ready else HTTPStatus.SERVICE_UNAVAILABLE)


_EXPOSITION: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/plain": {"schema": {"type": "string"}, "example": "gitopsd_queue_depth 0.0\n"}}}
}


@probes.get("/metrics", summary="Metrics", response_class=Response, responses=_EXPOSITION)
async def metrics(request: Request, control: Within) -> Response:
    """In Prometheus' text format, or as OpenMetrics for who accepts that."""
    # In a thread, as a thousand applications take a tenth of a second, and the loop has better things to do.
    body, content_type = await asyncio.to_thread(control.metrics, request.headers.get("accept", ""))
    return Response(body, headers={"Content-Type": content_type})

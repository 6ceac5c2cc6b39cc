"""Errors as RFC 9457 problem documents: one sentence in `detail`, a stable `type`, never a stack trace."""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException as StarletteHTTPException

from gitopsd.daemon.operations import NoSuchApplicationError, OperationConflictError, RefusedError, StoppingError
from gitopsd.model.errors import ClusterError, GitopsdError, PeerError, RenderError, SourceError, StorageError

MEDIA_TYPE = "application/problem+json"

_STATUS: Mapping[type[GitopsdError], HTTPStatus] = {
    NoSuchApplicationError: HTTPStatus.NOT_FOUND,
    OperationConflictError: HTTPStatus.CONFLICT,
    RefusedError: HTTPStatus.CONFLICT,
    StoppingError: HTTPStatus.SERVICE_UNAVAILABLE,
    StorageError: HTTPStatus.SERVICE_UNAVAILABLE,
    ClusterError: HTTPStatus.BAD_GATEWAY,
    PeerError: HTTPStatus.BAD_GATEWAY,
    SourceError: HTTPStatus.BAD_GATEWAY,
    RenderError: HTTPStatus.UNPROCESSABLE_ENTITY,
}
"""What our errors mean to a client; any other is not the client's fault."""

_WHEN: Mapping[HTTPStatus, str] = {
    HTTPStatus.BAD_REQUEST: "The body is no text",
    HTTPStatus.UNAUTHORIZED: "No token, or a wrong one",
    HTTPStatus.NOT_FOUND: "There is none",
    HTTPStatus.CONFLICT: "Not as things stand: another operation is under way, or the application is suspended",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is too large",
    HTTPStatus.UNPROCESSABLE_ENTITY: "A parameter, the body, or what the repository holds, can't be taken as it is",
    HTTPStatus.BAD_GATEWAY: "The cluster or the repository can't be reached, or the repository lacks the commit",
    HTTPStatus.SERVICE_UNAVAILABLE: "Not now: the history can't be read, or gitopsd is ending",
}
_KEY = re.compile(r"[A-Za-z0-9_.\[\]-]{1,60}")


class Problem(BaseModel):
    """RFC 9457. `detail` is one sentence for a person; `instance` the path of the request."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    type: str = "about:blank"
    title: str
    status: int
    detail: str = ""
    instance: str = ""


def problem(request: Request, status: HTTPStatus, detail: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """The answer for an error."""
    body = Problem(title=status.phrase, status=status, detail=detail, instance=request.url.path)
    return JSONResponse(body.model_dump(), status, headers, media_type=MEDIA_TYPE)


def problems(*codes: HTTPStatus) -> dict[int | str, dict[str, Any]]:
    """What OpenAPI says of the errors that a route may answer, besides those of all routes."""
    return {code.value: _documented(code) for code in sorted({*codes, HTTPStatus.UNAUTHORIZED, HTTPStatus.SERVICE_UNAVAILABLE})}


def _documented(code: HTTPStatus) -> dict[str, Any]:
    example = Problem(title=code.phrase, status=code, detail=f"{_WHEN[code]}.", instance="/api/v1/applications/web")
    content = {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example.model_dump()}
    return {"description": _WHEN[code], "content": {MEDIA_TYPE: content}}


def install(app: FastAPI) -> None:
    """Has every error of `app` answered as a problem document."""

    @app.exception_handler(GitopsdError)
    async def own(request: Request, error: GitopsdError) -> JSONResponse:
        status = next((status for kind, status in _STATUS.items() if isinstance(error, kind)), HTTPStatus.INTERNAL_SERVER_ERROR)
        return problem(request, status, str(error))

    @app.exception_handler(StarletteHTTPException)
    async def http(request: Request, error: HTTPException) -> JSONResponse:
        return problem(request, HTTPStatus(error.status_code), str(error.detail), error.headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        faults = "; ".join(f"{_where(fault['loc'])}: {fault['msg']}" for fault in error.errors()[:10])
        return problem(request, HTTPStatus.UNPROCESSABLE_ENTITY, faults)

    @app.exception_handler(Exception)
    async def unexpected(request: Request, _error: Exception) -> JSONResponse:
        return problem(request, HTTPStatus.INTERNAL_SERVER_ERROR, "an error in gitopsd itself; its log has the details")


def _where(location: tuple[int | str, ...]) -> str:
    """The place of a fault. Values are never repeated, and a key only if it looks like one: a token may be in the wrong place."""
    return ".".join(str(part) if _KEY.fullmatch(str(part)) else "(a key)" for part in location)

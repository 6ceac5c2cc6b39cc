"""Errors as RFC 9457 problem documents: one sentence in `detail`, a stable `type`, never a stack trace."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException as StarletteHTTPException

from gitopsd.daemon.agent import NoSuchApplicationError, OperationConflictError
from gitopsd.model.errors import ClusterError, GitopsdError, StorageError

_STATUS: dict[type[GitopsdError], HTTPStatus] = {
    NoSuchApplicationError: HTTPStatus.NOT_FOUND,
    OperationConflictError: HTTPStatus.CONFLICT,
    StorageError: HTTPStatus.SERVICE_UNAVAILABLE,
    ClusterError: HTTPStatus.BAD_GATEWAY,
}


class Problem(BaseModel):
    """RFC 9457."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str = ""
    instance: str = ""

    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    "type": "about:blank",
                    "title": "Not Found",
                    "status": 404,
                    "detail": "no application is called web; `gitopsd status` lists those there are",
                    "instance": "/api/v1/applications/web",
                }
            ]
        }
    }


def problem(request: Request, status: HTTPStatus, detail: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """The answer for an error."""
    body = Problem(title=status.phrase, status=status, detail=detail, instance=request.url.path)
    return JSONResponse(body.model_dump(), status, headers, media_type="application/problem+json")


RESPONSES: dict[int | str, dict[str, Any]] = {
    code.value: {"model": Problem, "description": code.phrase, "content": {"application/problem+json": {}}}
    for code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND, HTTPStatus.SERVICE_UNAVAILABLE)
}
"""What any route may answer besides its own."""


def install(app: FastAPI) -> None:
    """Has every error of `app` answered as a problem document."""

    @app.exception_handler(GitopsdError)
    async def own(request: Request, error: GitopsdError) -> JSONResponse:
        return problem(request, _STATUS.get(type(error), HTTPStatus.UNPROCESSABLE_ENTITY), str(error))

    @app.exception_handler(StarletteHTTPException)
    async def http(request: Request, error: HTTPException) -> JSONResponse:
        headers = dict(error.headers) if error.headers else None
        return problem(request, HTTPStatus(error.status_code), str(error.detail), headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        # The values that were sent are not repeated: they may be anything, a token in the wrong place too.
        faults = "; ".join(f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}" for fault in error.errors())
        return problem(request, HTTPStatus.UNPROCESSABLE_ENTITY, faults)

    @app.exception_handler(Exception)
    async def unexpected(request: Request, _error: Exception) -> JSONResponse:
        return problem(request, HTTPStatus.INTERNAL_SERVER_ERROR, "an error in gitopsd itself; its log has the details")

"""The two ASGI applications: the API, and the listener that kubelets and Prometheus ask."""

from __future__ import annotations

import hmac
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import JSONResponse


from gitopsd import __version__
from gitopsd.web import applications, problems
from gitopsd.web.control import Control

MAX_BODY = 1 << 20
"""Bytes of a request's body; none that the API understands comes near."""

_OPEN = ("/healthz", "/readyz", "/metrics", "/openapi.json", "/api/v1/webhooks/")
"""Paths that ask for no token: probes and metrics tell nothing secret, and webhooks are signed."""


def create_app(control: Control) -> FastAPI:
    """The API, with probes and metrics on the same listener."""
    app = FastAPI(title="gitopsd", version=__version__, openapi_url="/openapi.json", docs_url=None, redoc_url=None)
    app.state.control = control
    app.state.idempotent = OrderedDict()
    app.middleware("http")(_guard)
    problems.install(app)
    app.include_router(_probes())
    app.include_router(applications.listing)
    app.include_router(applications.routes("/api/v1/applications/{name}"))
    app.include_router(applications.routes("/api/v1/applications/{namespace}/{name}"))
    return app


def create_probes(control: Control) -> FastAPI:
    """Only probes and metrics."""
    app = FastAPI(title="gitopsd probes", openapi_url=None, docs_url=None, redoc_url=None)
    app.state.control = control
    problems.install(app)
    app.include_router(_probes())
    return app


async def _guard(request: Request, call: Callable[[Request], Awaitable[Response]]) -> Response:
    """Bounds the body, and asks for the token."""
    length = request.headers.get("content-length", "0")
    if not length.isdigit() or int(length) > MAX_BODY or "chunked" in request.headers.get("transfer-encoding", ""):
        return problems.problem(request, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a body may have {MAX_BODY} bytes, and must say its length")
    control: Control = request.app.state.control
    if not request.url.path.startswith(_OPEN) and (wanted := control.token()) is not None:
        scheme, _, shown = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(shown.strip().encode(), wanted.encode()):
            headers = {"WWW-Authenticate": "Bearer"}
            return problems.problem(request, HTTPStatus.UNAUTHORIZED, "a bearer token is needed; set GITOPSD_TOKEN", headers)
    request.state.actor = request.headers.get("x-gitopsd-actor", "api")[:200]
    return await call(request)


def _probes() -> APIRouter:
    router = APIRouter(tags=["probes"])

    @router.get("/healthz", summary="Alive")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @router.get("/readyz", summary="Ready: caches in step with the cluster, history writable")
    async def readyz(request: Request) -> JSONResponse:
        control: Control = request.app.state.control
        checks = await control.checks()
        status = HTTPStatus.OK if all(check.ok for check in checks) else HTTPStatus.SERVICE_UNAVAILABLE
        shown = [{"name": check.name, "ok": check.ok, "message": check.message} for check in checks]
        return JSONResponse({"ready": status is HTTPStatus.OK, "checks": shown}, status)

    @router.get("/metrics", summary="Prometheus", response_class=Response)
    async def metrics(request: Request) -> Response:
        control: Control = request.app.state.control
        body, content_type = control.metrics(request.headers.get("accept", ""))
        return Response(body, headers={"Content-Type": content_type})

    return router

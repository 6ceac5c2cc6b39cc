"""The two ASGI applications: the API, and the listener that kubelets and Prometheus ask."""

from __future__ import annotations

from collections import OrderedDict

from fastapi import FastAPI

from gitopsd import __version__
from gitopsd.web import applications, elsewhere, openapi, problems
from gitopsd.web.control import Control
from gitopsd.web.guard import Guard
from gitopsd.web.probes import probes
from gitopsd.web.stream import stream
from gitopsd.web.webhooks import webhooks


def create_app(control: Control) -> FastAPI:
    """The API, with probes and metrics on the same listener."""
    app = _app(control, title="gitopsd", openapi_url="/openapi.json")
    app.state.idempotent = OrderedDict()
    app.include_router(applications.listing)
    app.include_router(applications.routes(exact=False))
    app.include_router(applications.routes(exact=True))
    app.include_router(stream)
    app.include_router(webhooks())
    openapi.install(app)
    return app


def create_probes(control: Control) -> FastAPI:
    """Only probes and metrics."""
    return _app(control, title="gitopsd probes", openapi_url=None)


def _app(control: Control, title: str, openapi_url: str | None) -> FastAPI:
    app = FastAPI(
        title=title,
        version=__version__,
        openapi_url=openapi_url,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=openapi.operation_id,
    )
    app.state.control = control
    app.add_middleware(Guard, control=control)
    problems.install(app)
    elsewhere.install(app)
    app.include_router(probes)
    return app

"""Who may come in, how much they may bring, HEAD, and errors that are nobody's route."""

from __future__ import annotations

import pytest

from gitopsd.daemon.orders import Orders
from gitopsd.model.errors import ConfigError
from gitopsd.web.app import create_app, create_probes
from gitopsd.web.control import Check, Control
from gitopsd.web.guard import MAX_BODY
from tests.serving import API, Served, call, serving

OPEN = ["/healthz", "/readyz", "/metrics", "/openapi.json"]
CLOSED = [API, f"{API}/shop", f"{API}/argocd/shop/plan", "/api/v1/events", "/", "/nothing", "/healthz/x", "/metricsx"]


WRONG = ["", "Bearer", "Bearer ", "Bearer wrong", "Basic dG9rZW4=", "token", "Bearer tökén", "Bearer token x"]


@pytest.mark.parametrize("path", CLOSED)
async def test_without_the_token_nobody_comes_in(path: str) -> None:
    """401 with the scheme to use, whether or not there is anything behind the path."""
    served = Served(token="token")
    for shown in WRONG:
        answer = await served.get(path, Authorization=shown)
        assert answer.status == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert "GITOPSD_TOKEN" in answer.problem


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_the_token_opens(scheme: str) -> None:
    """The scheme's case does not matter (RFC 9110); the token may change while the daemon runs."""
    async with serving(Served(token="token")) as served:
        assert (await served.get(API, Authorization=f"{scheme} token")).status == 200
        served.token = "another"
        assert (await served.get(API, Authorization=f"{scheme} token")).status == 401


async def test_probes_and_the_description_are_open() -> None:
    """A kubelet and Prometheus have no token."""
    served = Served(token="token")
    assert [(await served.get(path)).status for path in OPEN] == [200] * len(OPEN)


async def test_a_token_that_can_not_be_read_opens_nothing() -> None:
    """503, rather than an open door."""
    served = Served()

    def token() -> str:
        raise ConfigError("the token file can't be read")

    world = served.world
    orders = Orders(served.agent, world.history, world.git, world.clock)
    explain = world.explainer.explain
    control = Control(
        served.agent, orders, world.history, served._refresh, served._checks, served._metrics, explain, served.pushes, token=token
    )
    answer = await call(create_app(control), "GET", API)
    assert (answer.status, answer.problem) == (503, "the token file can't be read")


@pytest.mark.parametrize("chunk", [MAX_BODY + 1, 1000])
async def test_bodies_are_bounded(chunk: int) -> None:
    """413 as soon as a body grows too large, in one piece or in many, whatever its headers say."""
    async with serving() as served:
        answer = await call(served.app, "POST", f"{API}/shop/sync", b" " * (MAX_BODY + 1), chunk=chunk)
        assert answer.status == 413
        assert str(MAX_BODY) in answer.problem
        assert (await served.get(f"{API}/shop")).json["operation"] is None


async def test_head_is_get_without_the_body() -> None:
    """Status and headers are those of GET (RFC 9110)."""
    async with serving() as served:
        for path in (*OPEN, API, f"{API}/shop", f"{API}/shop/history"):
            head, get = await served.call("HEAD", path), await served.get(path)
            assert (head.status, head.headers, head.body) == (get.status, get.headers, b"")


async def test_what_is_not_there_is_a_problem_document() -> None:
    """404, for GET and POST."""
    served = Served()
    for path in ("/", "/nothing", "/api/v1/webhooks/nothing", "/api/v2/applications", f"{API}/a/b/c/d", "/docs"):
        for method in ("GET", "POST"):
            answer = await served.call(method, path)
            assert answer.status == 404
            assert answer.problem


@pytest.mark.parametrize(
    ("method", "path"), [("POST", API), ("PUT", f"{API}/shop"), ("PATCH", f"{API}/shop/sync"), ("DELETE", "/healthz")]
)
async def test_methods_that_a_path_does_not_have(method: str, path: str) -> None:
    """405 says which ones it has."""
    answer = await Served().call(method, path)
    assert answer.status == 405
    assert answer.problem
    assert answer.headers["allow"]


async def test_our_own_error_is_500_without_details() -> None:
    """The log has them; the answer has no trace and no value."""
    served = Served()

    class Broken(Served):
        async def _checks(self) -> tuple[Check, ...]:
            raise RuntimeError("s3cr3t")

    answer = await Broken(world=served.world).get("/readyz")
    assert answer.status == 500
    assert "s3cr3t" not in answer.problem


async def test_liveness_readiness_and_metrics() -> None:
    """On the API's listener and on their own: alive is alive, not ready is 503 with the reason."""
    served = Served(checks=(Check("history", ok=True), Check("cluster west", ok=False, message="refused")))
    world = served.world
    orders = Orders(served.agent, world.history, world.git, world.clock)
    explain = world.explainer.explain
    control = Control(
        served.agent, orders, world.history, served._refresh, served._checks, served._metrics, explain, served.pushes
    )
    for app in (served.app, create_probes(control)):
        assert (await call(app, "GET", "/healthz")).json == {"status": "ok"}
        ready = await call(app, "GET", "/readyz")
        assert (ready.status, ready.json["ready"], ready.json["checks"][1]["message"]) == (503, False, "refused")
        metrics = await call(app, "GET", "/metrics", headers={"accept": "application/openmetrics-text"})
        assert (metrics.headers["content-type"], metrics.body) == ("application/openmetrics-text", b"gitopsd_queue_depth 0.0\n")
    assert (await call(create_probes(control), "GET", API)).status == 404

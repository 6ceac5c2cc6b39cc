"""What every AnalysisPort promises: the fake, and the client against a real Prometheus; and what the client alone has to."""

from __future__ import annotations

import contextlib
import http.server
import threading
from collections.abc import Iterator

import pytest

from gitopsd.model.errors import AnalysisError, ConfigError, Place
from gitopsd.ports import AnalysisPort
from gitopsd.prometheus import Prometheus
from tests.fakes_prometheus import FakePrometheus
from tests.prometheus import Exposer, prometheus


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Prometheus, which has nothing to scrape but what itself makes up."""
    with prometheus(tmp_path_factory.mktemp("prometheus"), Exposer()) as url:
        yield url


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.neighbour)])
def port(request: pytest.FixtureRequest) -> AnalysisPort:
    """One that knows the queries of the tests."""
    if request.param == "real":
        return Prometheus(request.getfixturevalue("url"))
    return FakePrometheus({"vector(0.25)": [(0.25,)], "scalar(vector(3))": [(3.0,)], "nothing": [()]})


async def test_numbers(port: AnalysisPort) -> None:
    """A scalar is one, a vector as many as it has: none where there is no data."""
    assert await port.query("scalar(vector(3))") == (3.0,)
    assert await port.query("vector(0.25)") == (0.25,)
    assert await port.query("nothing") == ()


async def test_a_query_that_is_none(port: AnalysisPort) -> None:
    """The error has Prometheus' own words."""
    with pytest.raises(AnalysisError, match="Prometheus refuses the query"):
        await port.query("sum(")


@pytest.mark.neighbour
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("vector(0) / 0", "(nan,)"),
        ("vector(1) or label_replace(vector(2), 'a', 'b', '', '')", "(1.0, 2.0)"),
        ("vector(1) / 0", "(inf,)"),
    ],
)
async def test_numbers_that_are_none(url: str, query: str, expected: str) -> None:
    """As floats have them."""
    assert str(await Prometheus(url).query(query)) == expected


@pytest.mark.neighbour
@pytest.mark.parametrize(("query", "kind"), [("up[1m]", "matrix"), ("'text'", "string")])
async def test_what_is_no_number(url: str, query: str, kind: str) -> None:
    """The error says what it is."""
    with pytest.raises(AnalysisError, match=f"the query gives a {kind}"):
        await Prometheus(url).query(query)


async def test_nobody_there() -> None:
    """The error names the address; where none is configured, it says what to configure."""
    with pytest.raises(AnalysisError, match=r"Prometheus at http://127\.0\.0\.1:9 can't be asked"):
        await Prometheus("http://127.0.0.1:9").query("up")
    with pytest.raises(AnalysisError, match=r"say where it is in prometheus\.url"):
        await Prometheus("").query("up")


async def test_something_else_is_there() -> None:
    """A server that speaks of something else is no Prometheus."""
    with Exposer({"up": 1.0}).listening() as port, pytest.raises(AnalysisError, match="answers with HTTP 501"):
        await Prometheus(f"http://127.0.0.1:{port}").query("up")


class Strange(http.server.BaseHTTPRequestHandler):
    """Something in front of Prometheus, which wants a token, or leads elsewhere, or talks without end."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        status, body = 200, b'{"status": "success", "data": {"resultType": "scalar", "result": [1, "1"]}}'
        if self.path.startswith("/elsewhere"):
            status, body = 302, b""
        elif self.path.startswith("/endless"):
            body = b" " * (5 << 20)
        elif self.headers["Authorization"] != "Bearer word":
            status, body = 401, b"no"
        self.send_response(status)
        self.send_header("Location", "/")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with contextlib.suppress(ConnectionError):
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Nothing."""


@pytest.fixture(scope="module")
def strange() -> Iterator[str]:
    """Its URL."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Strange) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


async def test_the_token_is_shown(strange: str) -> None:
    """It is read for each query, as it may change; a refusal is told by its status, never with the token."""
    words = ["wrong", "word"]
    port = Prometheus(strange, token=lambda: words.pop(0))
    with pytest.raises(AnalysisError, match="answers with HTTP 401") as refused:
        await port.query("up")
    assert "wrong" not in str(refused.value)
    assert await port.query("up") == (1.0,)


@pytest.mark.parametrize(("path", "said"), [("elsewhere", "answers with HTTP 302"), ("endless", "more than 4 MiB")])
async def test_bounds(strange: str, path: str, said: str) -> None:
    """The token is for this server, so no redirect is followed; an answer has a bounded size."""
    with pytest.raises(AnalysisError, match=said):
        await Prometheus(f"{strange}/{path}").query("up")


async def test_a_file_that_can_not_be_read(strange: str) -> None:
    """The error names the file."""

    def token() -> str:
        raise ConfigError("can't be read: No such file or directory", Place("/run/token"))

    with pytest.raises(AnalysisError, match="/run/token: can't be read"):
        await Prometheus(strange, token=token).query("up")

"""What every AnalysisPort promises: the fake, and the client against a real Prometheus; and what the client alone has to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gitopsd.model.errors import AnalysisError
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

"""The client against a server that behaves badly."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitopsd.cluster.client import MAX_BODY, Client, Request
from gitopsd.cluster.config import ClusterConfig, Listener
from gitopsd.cluster.refusal import Refusal
from gitopsd.model.errors import ClusterError
from tests.cluster_unit.apiserver import in_turn, saying, serving

OK = saying(200, '{"kind": "Thing"}')
BUSY = saying(429, "", Retry_After="0")


async def test_waits_where_the_server_is_busy(tmp_path: Path) -> None:
    """429 is answered with patience, and with fewer requests at once."""
    codes: list[int] = []
    listener = Listener(on_request=lambda _, __, code: codes.append(code))
    async with serving(in_turn(BUSY, BUSY, OK), tmp_path, listener) as client:
        before = client.limits.reads.limit
        assert await client.get("/x") == {"kind": "Thing"}
        assert codes == [429, 429, 200]
        assert client.limits.reads.limit < before


async def test_patience_ends(tmp_path: Path) -> None:
    """A server that would have us wait for longer than a request may take is too busy."""
    async with serving(saying(429, '{"kind": "Status", "reason": "TooManyRequests"}', Retry_After="3600"), tmp_path) as client:
        with pytest.raises(ClusterError, match="too busy"):
            await client.get("/x")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (saying(200, "<html>"), "no JSON object"),
        (saying(200, "[]"), "no JSON object"),
        (saying(302, "", Location="http://elsewhere.test/"), "redirect"),
        (saying(401, '{"kind": "Status", "message": "Unauthorized"}'), "does not accept our credentials"),
        (saying(503, "<html>"), "too busy or not ready"),
    ],
    ids=["html", "a list", "redirect", "unauthorized", "a proxy"],
)
async def test_says_what_is_wrong_with_a_cluster(answer: object, words: str, tmp_path: Path) -> None:
    """What no API server would say is the cluster's error, by its name."""
    async with serving(answer, tmp_path) as client:  # type: ignore[arg-type]
        with pytest.raises(ClusterError, match=f"cluster toy: .*{words}"):
            await client.get("/x")


async def test_reads_no_more_than_it_should(tmp_path: Path) -> None:
    """An endless answer is given up."""
    async with serving(saying(200, " " * (MAX_BODY + 1)), tmp_path) as client:
        with pytest.raises(ClusterError, match="more than 64 MiB"):
            await client.get("/x")


async def test_gives_refusals_as_they_are(tmp_path: Path) -> None:
    """A Status with a code of its own is a refusal of that one request."""
    status = '{"kind": "Status", "reason": "NotFound", "message": "things \\"x\\" not found", "code": 404}'
    async with serving(saying(404, status), tmp_path) as client:
        with pytest.raises(Refusal) as refusal:
            await client.get("/x")
        assert (refusal.value.code, refusal.value.reason) == (404, "NotFound")


async def test_collects_warnings(tmp_path: Path) -> None:
    """Warning headers come with the answer, unquoted."""
    async with serving(saying(200, "{}", Warning='299 - "v1 \\"Thing\\" is deprecated"'), tmp_path) as client:
        answer = await client.send(Request("GET", "/x", "get"))
        assert answer.warnings == ('v1 "Thing" is deprecated',)


async def test_sends_paths_as_they_are(tmp_path: Path) -> None:
    """A name that has been escaped stays one segment."""
    paths: list[str] = []

    async def answer(request):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        paths.append(request.raw_path)
        return await OK(request)

    async with serving(answer, tmp_path) as client:
        await client.get("/api/v1/namespaces/a%2F..%2Fb/things/x%3Fy")
    assert paths == ["/api/v1/namespaces/a%2F..%2Fb/things/x%3Fy"]


async def test_a_port_without_a_server(tmp_path: Path) -> None:
    """Nobody there is said at once; and a client that was closed asks nobody."""
    async with serving(OK, tmp_path) as closed:
        pass
    with pytest.raises(ClusterError, match="it is not configured any more"):
        await closed.get("/x")
    client = Client(ClusterConfig("toy", kubeconfig=str(tmp_path / "kubeconfig")), Listener())
    with pytest.raises(ClusterError, match="it can't be reached: Connection refused"):
        await client.get("/x")
    await client.close()

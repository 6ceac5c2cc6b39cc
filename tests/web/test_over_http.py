"""What only a real server shows: bodies in chunks, HEAD of a stream, clients that leave."""

from __future__ import annotations

import http.client
import time
from collections.abc import Iterator

import pytest

from gitopsd.web.guard import MAX_BODY
from tests.listening import Listening, listening


@pytest.fixture
def daemon() -> Iterator[Listening]:
    """A world behind a port."""
    with listening() as found:
        yield found


@pytest.fixture
def client(daemon: Listening) -> Iterator[http.client.HTTPConnection]:
    """A connection to it."""
    connection = http.client.HTTPConnection(daemon.address.removeprefix("http://"), timeout=30)
    yield connection
    connection.close()


def test_a_body_in_chunks_is_bounded(client: http.client.HTTPConnection) -> None:
    """Although nobody said how long it would be."""
    chunks = (b" " * 1000 for _ in range(MAX_BODY // 1000 + 10))
    client.request("POST", "/api/v1/applications/shop/sync", chunks, {"Content-Type": "application/json"}, encode_chunked=True)
    assert client.getresponse().status == 413


def test_head_of_the_stream_ends(client: http.client.HTTPConnection) -> None:
    """Headers, and no more; the connection serves the next request."""
    client.request("HEAD", "/api/v1/events")
    answer = client.getresponse()
    assert (answer.status, answer.read()) == (200, b"")
    client.request("GET", "/healthz")
    assert client.getresponse().read() == b'{"status":"ok"}'


def test_who_leaves_is_not_followed_any_more(daemon: Listening, client: http.client.HTTPConnection) -> None:
    """A client that is gone costs nothing."""
    client.request("GET", "/api/v1/events")
    answer = client.getresponse()
    assert answer.readline().startswith(b"id: ")
    assert answer.readline() == b"retry: 2000\n"
    assert daemon.served.events.followers == 1
    answer.close()
    client.close()
    while daemon.served.events.followers:
        time.sleep(0.01)

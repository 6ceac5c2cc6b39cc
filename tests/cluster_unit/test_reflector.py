"""The reflector against streams that break off, expire, or are not what they should be."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest
from aiohttp import web

from gitopsd.cluster.config import Listener
from gitopsd.cluster.link import Link
from gitopsd.cluster.reflector import Reflector, Target
from gitopsd.model.errors import ClusterError
from gitopsd.model.refs import Object
from tests.cluster_unit.apiserver import Answer, in_turn, saying, serving, streaming
from tests.waiting import until

KUBE_SYSTEM = saying(200, '{"metadata": {"uid": "this-cluster"}}')


@dataclass(slots=True)
class Seen:
    """A sink that remembers."""

    now: dict[str, str] = field(default_factory=dict)
    lists: int = 0
    _list: dict[str, str] = field(default_factory=dict)

    def begin(self) -> None:
        self._list = {}

    def listed(self, obj: Object) -> None:
        self._list[obj["metadata"]["name"]] = obj["metadata"]["resourceVersion"]

    def complete(self, resource_version: int) -> None:
        self.now, self._list, self.lists = self._list, {}, self.lists + 1

    def changed(self, obj: Object) -> None:
        self.now[obj["metadata"]["name"]] = obj["metadata"]["resourceVersion"]

    def deleted(self, obj: Object) -> None:
        self.now.pop(obj["metadata"]["name"], None)


def event(kind: str, name: str, version: int) -> str:
    """A line of a watch."""
    return json.dumps({"type": kind, "object": {"metadata": {"name": name, "resourceVersion": str(version)}}})


def bookmark(version: int, *, end_of_list: bool = False) -> str:
    """A bookmark's line."""
    annotations = {"k8s.io/initial-events-end": "true"} if end_of_list else {}
    return json.dumps({"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": str(version), "annotations": annotations}}})


def error(code: int, message: str = "") -> str:
    """An error's line."""
    return json.dumps({"type": "ERROR", "object": {"kind": "Status", "code": code, "message": message}})


LIST = (event("ADDED", "a", 1), event("ADDED", "b", 2), bookmark(5, end_of_list=True))


@dataclass(slots=True)
class Running:
    """A reflector at work, what it saw, and what it asked for."""

    reflector: Reflector
    seen: Seen
    asked: list[dict[str, str]]


@asynccontextmanager
async def reflecting(watch: Answer, folder: Path) -> AsyncIterator[Running]:
    """A reflector of things on a server whose watches answer so."""
    asked: list[dict[str, str]] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        if request.path.endswith("/kube-system"):
            return await KUBE_SYSTEM(request)
        asked.append(dict(request.query))
        return await watch(request)

    async with serving(answer, folder) as client:
        seen = Seen()
        link = Link(client, Listener(), lambda _: None)
        reflector = Reflector(client, Target("things", "/things"), seen, link)
        task = asyncio.create_task(reflector.run())
        try:
            yield Running(reflector, seen, asked)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def test_lists_as_a_stream(tmp_path: Path) -> None:
    """Objects before the marked bookmark are the list, later events change it."""
    later = (event("ADDED", "c", 6), event("MODIFIED", "a", 7), event("DELETED", "b", 8))
    async with reflecting(streaming(*LIST, *later, end=False), tmp_path) as running:
        await running.reflector.wait(5)
        await until(lambda: running.seen.now == {"a": "7", "c": "6"})
    assert running.asked[0]["sendInitialEvents"] == "true"


async def test_a_burst_leaves_turns(tmp_path: Path) -> None:
    """However many changes come at once, the loop goes round between some and some more."""
    burst = "\n".join(event("MODIFIED", f"object-{number}", number) for number in range(10, 510))
    taken = [0]

    async def look(seen: Seen) -> None:
        while True:
            taken.append(len(seen.now))
            await asyncio.sleep(0)

    async with reflecting(streaming(*LIST, burst, end=False), tmp_path) as running:
        looking = asyncio.create_task(look(running.seen))
        await until(lambda: len(running.seen.now) == 502)
        looking.cancel()
    assert max(later - earlier for earlier, later in pairwise(taken)) <= 16


async def test_lists_anew_after_410(tmp_path: Path) -> None:
    """A version that is too old, as an event or as the answer itself, is followed by a new list, not by the same version."""
    gone = saying(410, '{"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"}')
    fresh = (event("ADDED", "z", 90), bookmark(91, end_of_list=True))
    answers = in_turn(streaming(*LIST, error(410)), gone, streaming(*fresh, end=False))
    async with reflecting(answers, tmp_path) as running:
        await until(lambda: running.seen.now == {"z": "90"})
        assert running.reflector.ready
    assert all("sendInitialEvents" in query for query in running.asked)


async def test_an_unfinished_list_is_no_list(tmp_path: Path) -> None:
    """A stream that breaks off before its list is complete changes nothing."""
    answers = in_turn(
        streaming(*LIST), streaming(event("ADDED", "z", 9)), streaming(event("ADDED", "y", 9)), streaming(*LIST, end=False)
    )
    async with reflecting(answers, tmp_path) as running:
        await until(lambda: len(running.asked) == 4)
        await until(lambda: running.seen.lists == 2)
        assert running.seen.now == {"a": "1", "b": "2"}


async def test_pages_where_the_server_does_not_stream(tmp_path: Path) -> None:
    """A server without WatchList is asked for pages, and then watched from there."""
    refused = saying(422, '{"kind": "Status", "code": 422, "reason": "Invalid", "message": "sendInitialEvents: Forbidden"}')

    async def answer(request: web.Request) -> web.StreamResponse:
        if "sendInitialEvents" in request.query:
            return await refused(request)
        if "watch" in request.query:
            assert request.query["resourceVersion"] == "5"
            return await streaming(event("ADDED", "c", 6), end=False)(request)
        more = "continue" not in request.query
        item = {"metadata": {"name": "a" if more else "b", "resourceVersion": "1"}}
        metadata = {"resourceVersion": "5"} | ({"continue": "next"} if more else {})
        return web.json_response({"metadata": metadata, "items": [item]})

    async with reflecting(answer, tmp_path) as running:
        await until(lambda: running.seen.now.keys() == {"a", "b", "c"})
        assert running.reflector.ready


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (
            saying(403, '{"kind": "Status", "code": 403, "reason": "Forbidden", "message": "no right"}'),
            "refused .Forbidden.: no right",
        ),
        (streaming("{", end=True), "no JSON object"),
        (streaming('{"type": "ADDED", "object": {}}', end=True), "can't be understood"),
        (streaming(error(500, "etcd is away"), end=True), "etcd is away"),
    ],
    ids=["forbidden", "not JSON", "no object", "error"],
)
async def test_says_why_it_can_not_watch(answer: Answer, words: str, tmp_path: Path) -> None:
    """Whoever waits for the list gets the reason; the reflector goes on trying."""
    async with reflecting(answer, tmp_path) as running:
        with pytest.raises(ClusterError, match=words):
            await running.reflector.wait(5)
        assert not running.reflector.ready

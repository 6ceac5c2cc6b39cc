"""The bare client that gitopsd is held against: 16 connections, one request for each object, nothing else.

A careful one tries each object by a dry run before, as anybody has to who writes nothing that the server would refuse: what it
takes is out of reach for gitopsd, which besides looks, compares and remembers.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import aiohttp

from bench.fleet import RESOURCES
from localcluster import LocalCluster

CONNECTIONS = 16
Bodies = Iterable[tuple[str, dict[str, Any]]]
"""Paths, and what to send there."""

_APPLY = "application/apply-patch+yaml"
_MERGE = "application/merge-patch+json"


@dataclass(frozen=True, slots=True)
class Bare:
    """Requests as fast as they go."""

    cluster: LocalCluster

    def apply(self, bodies: Bodies, *, careful: bool = False) -> float:
        """Server-side applies each body at its path; gives the seconds that it took."""
        params = {"fieldManager": "bare", "fieldValidation": "Strict", "force": "true"}
        return self._send(_APPLY, [params | {"dryRun": "All"}, params] if careful else [params], bodies)

    def patch(self, bodies: Bodies) -> float:
        """Merges each body into the object at its path, as a script would; gives the seconds that it took."""
        return self._send(_MERGE, [{"fieldManager": "script"}], bodies)

    def requests(self) -> Counter[str]:
        """What the API server has counted by itself: requests for the four kinds, by `VERB` or `VERB dry run`."""
        found: Counter[str] = Counter()
        for line in self.metrics():
            if line.startswith("apiserver_request_total{"):
                labels = dict(pair.split("=", 1) for pair in line[line.index("{") + 1 : line.index("}")].split(","))
                named = {name: value.strip('"') for name, value in labels.items()}
                if named["resource"] in RESOURCES and not named["subresource"]:
                    found[named["verb"] + (" dry run" if named["dry_run"] else "")] += int(float(line.rpartition(" ")[2]))
        return found

    def metrics(self) -> list[str]:
        """The lines of the API server's own metrics."""
        return asyncio.run(self._metrics()).splitlines()

    async def _metrics(self) -> str:
        connector = aiohttp.TCPConnector(ssl=self._trust)
        async with aiohttp.ClientSession(self.cluster.server, connector=connector, headers=self._headers) as session:
            return await (await session.get("/metrics")).text()

    def _send(self, content_type: str, rounds: list[dict[str, str]], bodies: Bodies) -> float:
        ready = [(path, json.dumps(body).encode()) for path, body in bodies]
        return asyncio.run(self._send_all(content_type, rounds, ready))

    async def _send_all(self, content_type: str, rounds: list[dict[str, str]], bodies: list[tuple[str, bytes]]) -> float:
        """Each body once for each of `rounds`, which are parameters: these one after the other, the bodies side by side."""
        waiting = iter(bodies)
        headers = {**self._headers, "Content-Type": content_type}
        connector = aiohttp.TCPConnector(limit=CONNECTIONS, ssl=self._trust)
        async with aiohttp.ClientSession(self.cluster.server, connector=connector, headers=headers) as session:

            async def send() -> None:
                for path, body in waiting:
                    for params in rounds:
                        async with session.patch(path, params=params, data=body) as response:
                            await response.read()
                            response.raise_for_status()

            begun = time.perf_counter()
            await asyncio.gather(*(send() for _ in range(CONNECTIONS)))
            return time.perf_counter() - begun

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.cluster.token}"}

    @property
    def _trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.cluster.authority))

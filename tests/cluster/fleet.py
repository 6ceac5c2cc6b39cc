"""Several gitopsds of one installation, and what shows whether they keep out of each other's way."""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPException, HTTPSConnection
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

from localcluster import LocalCluster
from tests.cluster.daemon import Daemon

APPS = tuple(f"app-{number:02}" for number in range(30))


def until(condition: Callable[[], bool], said: Callable[[], object] = lambda: "", seconds: float = 60) -> float:
    """Waits for a condition; gives how long that took."""
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() < begun + seconds, f"waited in vain; {said()}"
        time.sleep(0.05)
    return time.monotonic() - begun


@dataclass(frozen=True, slots=True)
class Installation:
    """What replicas have in common: the cluster, the name of the installation, the database, how they share (`mode`).

    Their own names are made up anew at each start.
    """

    cluster: LocalCluster
    name: str
    history: str
    mode: str

    def replica(self, folder: Path, way: Path | None = None) -> Daemon:
        """One that lives in `folder` and reaches the cluster by the kubeconfig `way`."""
        said = f"replicas: {{mode: {self.mode}, address: 127.0.0.1}}\nworkers: {{renders: 1}}\n"
        return Daemon(folder, self.cluster, self.name, history=self.history, kubeconfig=way, more=said)


class Fleet:
    """Replicas of one repository and one set of documents, which deploy to `namespace`."""

    def __init__(self, cluster: LocalCluster, namespace: str, *replicas: Daemon) -> None:
        self.cluster, self.namespace, self.all = cluster, namespace, replicas
        self.repo = replicas[0].repo
        for replica in replicas:
            replica.repo = self.repo
            for app in APPS:
                replica.declare(app, namespace, path=app)
        self.commits = 0
        self.wanted = dict.fromkeys(APPS, "0")

    def commit(self) -> None:
        """Every third application gets another value."""
        self.commits += 1
        for app in APPS[self.commits % 3 :: 3]:
            self.wanted[app] = str(self.commits)
        self.repo.commit({f"{app}/cm.yaml": _config_map(app, value) for app, value in self.wanted.items()})

    @contextmanager
    def committing(self) -> Iterator[None]:
        """Commits arrive all along."""
        enough = threading.Event()

        def commit() -> None:
            while not enough.wait(0.7):
                self.commit()

        thread = threading.Thread(target=commit)
        thread.start()
        try:
            yield
        finally:
            enough.set()
            thread.join()

    def live(self) -> dict[str, str]:
        """What each application has in the cluster: the number of a commit."""
        found = self.cluster.api.get(f"/api/v1/namespaces/{self.namespace}/configmaps")["items"]
        return {obj["metadata"]["name"]: obj["data"]["commit"] for obj in found if obj["metadata"]["name"] in APPS}

    def until_live(self) -> float:
        """Waits until the newest commit is live everywhere."""
        return until(lambda: self.live() == self.wanted, self.live)

    def held(self, *replicas: Daemon) -> list[int]:
        """How many applications each of these works on."""
        return [int(metric(replica, "gitopsd_held_applications")) for replica in replicas]

    def until_shared(self, *replicas: Daemon) -> float:
        """Waits until these, and no others, share all applications."""
        return until(lambda: sum(held := self.held(*replicas)) == len(APPS) and all(held), lambda: self.held(*replicas))


def _config_map(name: str, value: str) -> str:
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{commit: '{value}'}}\n"


def metric(replica: Daemon, name: str) -> float:
    """A metric without labels."""
    (line,) = (line for line in replica.text("/metrics").splitlines() if line.startswith(f"{name} "))
    return float(line.rpartition(" ")[2])


class Fences:
    """All that replicas write into the inventories of an installation, in the order in which the API server took it."""

    def __init__(self, cluster: LocalCluster, installation: str) -> None:
        self._installation = installation
        self.seen: dict[str, list[tuple[int, str]]] = {}
        """Of each application, the number of the take-over and whose it was."""
        api = cluster.api
        self._connection = HTTPSConnection(api.host, api.port, context=ssl.create_default_context(cafile=str(api.authority)))
        path = "/api/v1/namespaces/gitopsd/configmaps?watch=1&labelSelector=applyset.kubernetes.io/id"
        self._connection.request("GET", path, headers={"Authorization": f"Bearer {api.token}"})
        self._events = self._connection.getresponse()
        self._thread = threading.Thread(target=self._read)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.sock.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._connection.close()

    def _read(self) -> None:
        with suppress(OSError, HTTPException, ValueError):
            while line := self._events.readline():
                said = json.loads(line)["object"]["metadata"].get("annotations", {})
                if said.get("gitopsd.dev/installation") == self._installation:
                    number, _, hold = said["gitopsd.dev/fence"].partition("/")
                    self.seen.setdefault(said["gitopsd.dev/application"], []).append((int(number), hold))


def assert_each_worked_on_by_one(fences: Fences, *apps: str) -> None:
    """The fence of each of the applications (`namespace/name`) only grows, and each number is one replica's."""
    assert set(fences.seen) == set(apps)
    for app, seen in fences.seen.items():
        assert seen == sorted(seen, key=lambda fence: fence[0]), (app, seen)
        assert len(set(seen)) == len({number for number, _ in seen}), (app, seen)


def assert_nothing_at_the_same_time(replica: Daemon) -> None:
    """By the history, whoever did them, no two syncs of one application were under way at once.

    One that was stopped before its first write is no sync that was under way: when it wakes up it is not let go on to it.
    """
    for app in APPS:
        records = replica.get(f"/api/v1/applications/{app}/history?limit=500")["items"]
        syncs = filter(may_have_written, records)
        for one, other in pairwise(sorted(syncs, key=lambda record: str(record["started"]))):
            assert one["finished"] <= other["started"], json.dumps([one, other], indent=1)


def may_have_written(record: dict[str, Any]) -> bool:
    """Whether the sync came to a write; what another replica has closed does not say how far it came."""
    refused = "has not renewed its Lease in time" in record["result"]
    return ("apply" in record["stages"] and not refused) or record["result"].startswith("interrupted")


def said(what: str, seconds: float) -> None:
    """For who wants to know (`pytest -s`)."""
    print(f"{what} after {seconds:.1f} s")  # noqa: T201 - the times are measured, not asserted

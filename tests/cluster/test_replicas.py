"""Three gitopsds share applications; they are killed, stopped and cut off while commits arrive."""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from http.client import HTTPException, HTTPSConnection
from itertools import pairwise
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import pytest

from localcluster import LocalCluster
from tests.cluster.daemon import Daemon
from tests.cluster.partition import Cut
from tests.postgres import Postgres

APPS = tuple(f"app-{number:02}" for number in range(30))


def until(condition: Callable[[], bool], said: Callable[[], object] = lambda: "", seconds: float = 60) -> float:
    """Waits for a condition; gives how long that took."""
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() < begun + seconds, f"waited in vain; {said()}"
        time.sleep(0.05)
    return time.monotonic() - begun


class Fleet:
    """The replicas, all of one repository, one database and one set of documents; the third reaches the cluster through `cut`."""

    def __init__(self, folder: Path, cluster: LocalCluster, namespace: str, history: str, cut: Cut, mode: str) -> None:
        self.cluster, self.namespace = cluster, namespace
        kubeconfig = folder / "through-the-cut"
        kubeconfig.write_text(cluster.kubeconfig.read_text().replace(cluster.server, f"https://127.0.0.1:{cut.port}"))
        self.all = tuple(
            Daemon(
                folder / name,
                cluster,
                installation=namespace,
                history=history,
                kubeconfig=kubeconfig if name == "c" else None,
                more=f"replicas: {{mode: {mode}, name: {name}, address: 127.0.0.1}}\nworkers: {{renders: 1}}\n",
            )
            for name in "abc"
        )
        self.repo = self.all[0].repo
        for replica in self.all:
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
        return [int(_metric(replica, "gitopsd_held_applications")) for replica in replicas]

    def until_shared(self, *replicas: Daemon) -> float:
        """Waits until these, and no others, share all applications."""
        return until(lambda: sum(held := self.held(*replicas)) == len(APPS) and all(held), lambda: self.held(*replicas))


def _config_map(name: str, value: str) -> str:
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{commit: '{value}'}}\n"


def _metric(replica: Daemon, name: str) -> float:
    (line,) = (line for line in replica.text("/metrics").splitlines() if line.startswith(f"{name} "))
    return float(line.rpartition(" ")[2])


@pytest.fixture
def cut(cluster: LocalCluster) -> Iterator[Cut]:
    """The third replica's way to the cluster."""
    address = urlsplit(cluster.server)
    with Cut((str(address.hostname), int(address.port or 443))) as cut:
        yield cut


@pytest.fixture
def fleet(cluster: LocalCluster, namespace: str, postgres: Postgres, tmp_path: Path, cut: Cut) -> Iterator[Fleet]:
    """Three replicas that run and share all applications."""
    fleet = Fleet(tmp_path, cluster, namespace, postgres.database(), cut, "shards")
    with ExitStack() as running:
        for replica in fleet.all:
            running.callback(replica.kill)
        fleet.commit()
        for replica in fleet.all:
            replica.start()
        fleet.until_shared(*fleet.all)
        yield fleet


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


def test_whatever_happens_to_replicas(fleet: Fleet, cut: Cut, cluster: LocalCluster) -> None:
    """Killed, stopped for longer than its Lease, cut off: others take over, every commit goes live, no two work on one."""
    a, b, c = fleet.all
    with Fences(cluster, fleet.namespace) as fences:
        with fleet.committing():
            a.kill(signal.SIGKILL)
            said("killed: shared anew", fleet.until_shared(b, c))
            os.kill(b.pid, signal.SIGSTOP)
            said("stopped: shared anew", fleet.until_shared(c))
            os.kill(b.pid, signal.SIGCONT)
            said("woken: shared anew", fleet.until_shared(b, c))
            cut.cut()
            said("cut off: shared anew", fleet.until_shared(b))
            cut.heal()
            said("healed: shared anew", fleet.until_shared(b, c))
        said("the last commit live", fleet.until_live())
    listed = b.get("/api/v1/applications?limit=100")
    assert [app["name"] for app in listed["items"]] == list(APPS)
    assert listed["unreachable"] == []
    assert_each_worked_on_by_one(fences)
    assert_nothing_at_the_same_time(b)
    assert c.kill(signal.SIGTERM) == 0
    said("ended in order: shared anew", fleet.until_shared(b))


def assert_each_worked_on_by_one(fences: Fences) -> None:
    """The fence of an application only grows, and each number is one replica's."""
    assert set(fences.seen) == {f"argocd/{app}" for app in APPS}
    for app, seen in fences.seen.items():
        assert seen == sorted(seen, key=lambda fence: fence[0]), (app, seen)
        assert len(set(seen)) == len({number for number, _ in seen}), (app, seen)
    assert max(len(set(seen)) for seen in fences.seen.values()) > 1, "nothing was taken over"


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

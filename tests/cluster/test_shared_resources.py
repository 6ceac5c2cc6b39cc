"""Application resources whose applications two replicas share: each is obeyed, written to and let go by the one that has it."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from gitopsd.cluster.declared import APPLICATIONS
from gitopsd.cluster.paths import collection
from gitopsd.model.refs import Object
from localcluster import LocalCluster
from tests.cluster.daemon import Daemon
from tests.cluster.fleet import Fences, Installation, assert_each_worked_on_by_one, metric, until
from tests.cluster.resources import Land, define, follow
from tests.postgres import Postgres

NAMES = tuple(f"shared-{number}" for number in range(20))
FINALIZER = "resources-finalizer.argocd.argoproj.io"


@pytest.fixture
def pair(cluster: LocalCluster, namespace: str, postgres: Postgres, tmp_path: Path) -> Iterator[tuple[Land, Daemon]]:
    """Two replicas; a resource that declares nothing acceptable is there before them."""
    define(cluster)
    shards = Installation(cluster, namespace, postgres.database(), "shards")
    a, b = shards.replica(tmp_path / "a"), shards.replica(tmp_path / "b")
    land = Land(cluster, a, namespace)
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{key: value}}\n"
    a.repo.commit({f"{name}/a.yaml": text.format(name=name) for name in NAMES})
    land.create("broken", destination={"namespace": namespace})
    with ExitStack() as ending:
        for replica in a, b:
            follow(replica, namespace)
            ending.callback(replica.kill)
            replica.start()
        until(lambda: [metric(replica, "gitopsd_replicas") for replica in (a, b)] == [2, 2], lambda: "not both are there")
        yield land, b


def all_of(land: Land) -> dict[str, Object]:
    """The resources by name."""
    found = land.cluster.api.get(collection(APPLICATIONS, land.namespace))["items"]
    return {item["metadata"]["name"]: item for item in found if item["metadata"]["name"] in NAMES}


def until_all(land: Land, state: str) -> None:
    """Waits until each resource says so."""
    until(lambda: {land.state(name) for name in NAMES} == {state}, lambda: [(name, land.state(name)) for name in NAMES])


def syncs(land: Land, name: str) -> list[dict[str, Any]]:
    """The records of an application."""
    found: list[dict[str, Any]] = land.daemon.get(f"/api/v1/applications/{name}/history")["items"]
    return found


def asking(land: Land) -> list[str]:
    """The resources whose operation is not over."""
    return [name for name, found in all_of(land).items() if "operation" in found]


def known(*replicas: Daemon) -> list[float]:
    """How many applications each knows."""
    return [metric(replica, "gitopsd_applications") for replica in replicas]


def deleted_by(replica: Daemon) -> list[str]:
    """The applications whose objects it deleted, by its log."""
    lines = map(json.loads, replica.log_text().splitlines())
    return [str(line["application"]).partition("/")[2] for line in lines if line["event"] == "sync" and line.get("pruned")]


def test_each_is_one_replicas(pair: tuple[Land, Daemon]) -> None:
    """An operation is done once, a status is written and a deletion done by who has the application, or takes it over."""
    land, other = pair
    with Fences(land.cluster, land.namespace) as fences:
        for name in NAMES:
            land.create(name, automated=False)
            land.patch(name, {"metadata": {"finalizers": [FINALIZER]}})
        until_all(land, "OutOfSync Missing")
        for name in NAMES:
            land.patch(name, {"operation": {"initiatedBy": {"username": "ann"}, "sync": {}}}, "argocd-server")
        until_all(land, "Synced Healthy")
        until(lambda: not asking(land), lambda: asking(land))
    assert_each_worked_on_by_one(fences, *(f"{land.namespace}/{name}" for name in NAMES))
    for name, found in all_of(land).items():
        (sync,) = syncs(land, name)
        assert (sync["actor"], sync["phase"]) == ("ann", "Succeeded")
        assert [entry["id"] for entry in found["status"]["history"]] == [int(sync["id"])]
    land.until_said("broken", "InvalidSpecError: .*spec.destination")
    first = half_of_each(land, fences)
    delete(land, *first)
    os.kill(other.pid, signal.SIGSTOP)
    delete(land, *(set(NAMES) - first))
    os.kill(other.pid, signal.SIGCONT)
    until(lambda: not any(known(land.daemon, other)), lambda: known(land.daemon, other))
    assert all(map(deleted_by, (land.daemon, other)))
    assert sorted(deleted_by(land.daemon) + deleted_by(other)) == sorted(NAMES)


def half_of_each(land: Land, fences: Fences) -> set[str]:
    """Half of the applications of each replica, by what it wrote into their inventories."""
    holds = {name: fences.seen[f"{land.namespace}/{name}"][-1][1].partition(".")[0] for name in NAMES}
    held = [[name for name in NAMES if holds[name] == holder] for holder in set(holds.values())]
    assert len(held) == 2
    return {name for names in held for name in names[: len(names) // 2 + 1]}


def delete(land: Land, *names: str) -> None:
    """Somebody deletes these; returns when they are gone, with their objects."""
    for name in names:
        land.delete(name)
    until(lambda: not all_of(land).keys() & set(names), lambda: list(all_of(land)))
    until(lambda: not any(map(land.config_map, names)), lambda: [name for name in names if land.config_map(name)])

"""Several gitopsds share applications, or one of two leads; they are killed, stopped and cut off while commits arrive."""

from __future__ import annotations

import json
import os
import signal
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from localcluster import LocalCluster
from tests.cluster.daemon import Daemon
from tests.cluster.fleet import (
    APPS,
    Fences,
    Fleet,
    Installation,
    assert_each_worked_on_by_one,
    assert_nothing_at_the_same_time,
    metric,
    said,
    until,
)
from tests.cluster.partition import Cut
from tests.postgres import Postgres

LIST = "/api/v1/applications?limit=100"


@pytest.fixture
def cut(cluster: LocalCluster) -> Iterator[Cut]:
    """The third replica's way to the cluster."""
    address = urlsplit(cluster.server)
    with Cut((str(address.hostname), int(address.port or 443))) as cut:
        yield cut


@contextmanager
def running(fleet: Fleet) -> Iterator[Fleet]:
    """The replicas, started one after the other; all of them have ended afterwards."""
    with ExitStack() as ending:
        fleet.commit()
        for replica in fleet.all:
            ending.callback(replica.kill)
            replica.start()
        yield fleet


@pytest.fixture
def fleet(cluster: LocalCluster, namespace: str, postgres: Postgres, tmp_path: Path, cut: Cut) -> Iterator[Fleet]:
    """Three replicas that share all applications; the third reaches the cluster through `cut`."""
    shards = Installation(cluster, namespace, postgres.database(), "shards")
    way = tmp_path / "through-the-cut"
    way.write_text(cluster.kubeconfig.read_text().replace(cluster.server, f"https://127.0.0.1:{cut.port}"))
    replicas = shards.replica(tmp_path / "a"), shards.replica(tmp_path / "b"), shards.replica(tmp_path / "c", way)
    with running(Fleet(cluster, namespace, *replicas)) as fleet:
        fleet.until_shared(*fleet.all)
        yield fleet


@pytest.fixture
def pair(cluster: LocalCluster, namespace: str, postgres: Postgres, tmp_path: Path) -> Iterator[Fleet]:
    """Two replicas, of which one leads."""
    pair = Installation(cluster, namespace, postgres.database(), "leader")
    with running(Fleet(cluster, namespace, pair.replica(tmp_path / "a"), pair.replica(tmp_path / "b"))) as fleet:
        yield fleet


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
    listed = b.get(LIST)
    assert [app["name"] for app in listed["items"]] == list(APPS)
    assert listed["unreachable"] == []
    assert_each_worked_on_by_one(fences, *(f"argocd/{app}" for app in APPS))
    assert max(len(set(seen)) for seen in fences.seen.values()) > 1, "nothing was taken over"
    assert_nothing_at_the_same_time(b)
    assert c.kill(signal.SIGTERM) == 0
    said("ended in order: shared anew", fleet.until_shared(b))


def test_whatever_happens_to_a_leader(pair: Fleet) -> None:
    """Killed, or stopped for longer than its Lease: the other one takes over and stays; who comes back takes nothing."""
    leader, other = pair.all
    until_led_by(leader, other)
    assert_stands_by(other, leader)
    with Fences(pair.cluster, pair.namespace) as fences:
        with pair.committing():
            leader.kill(signal.SIGKILL)
            said("leader killed: taken over", pair.until_shared(other))
            leader.start()
            said("leader back: stands by", until_led_by(other, leader))
            os.kill(other.pid, signal.SIGSTOP)
            said("leader stopped: taken over", pair.until_shared(leader))
            os.kill(other.pid, signal.SIGCONT)
            said("leader woken: stands by", until_led_by(leader, other))
        said("the last commit live", pair.until_live())
    assert_stands_by(other, leader)
    assert_each_worked_on_by_one(fences, *(f"argocd/{app}" for app in APPS))
    assert max(len(set(seen)) for seen in fences.seen.values()) > 1, "nothing was taken over"
    assert_nothing_at_the_same_time(other)


def until_led_by(leader: Daemon, other: Daemon) -> float:
    """Waits until one of two has all applications, and both know of each other."""

    def shares() -> list[tuple[float, ...]]:
        names = "gitopsd_held_applications", "gitopsd_leader", "gitopsd_replicas"
        return [tuple(metric(replica, name) for name in names) for replica in (leader, other)]

    return until(lambda: shares() == [(len(APPS), 1, 2), (0, 0, 2)], shares)


def assert_stands_by(replica: Daemon, leader: Daemon) -> None:
    """It becomes ready, and whoever asks it is answered by the leader: how applications stand, a sync, and what happens."""
    until(lambda: bool(json.loads(replica.text("/readyz"))["ready"]), lambda: replica.text("/readyz"))
    until(lambda: replica.get(LIST) == leader.get(LIST), lambda: (replica.get(LIST), leader.get(LIST)))
    assert [app["name"] for app in replica.get(LIST)["items"]] == list(APPS)
    asked = f"/api/v1/applications/{APPS[0]}"
    with urllib.request.urlopen(f"http://127.0.0.1:{replica.api}/api/v1/events", timeout=30) as events:
        while b"." not in events.readline():  # in its ids, once both are heard
            continue
        record = json.loads(replica.text(f"{asked}/sync?wait=30s", method="POST", body={}))
        assert record["phase"] == "Succeeded"
        while events.readline() != b"event: record\n":
            continue
        assert json.loads(events.readline().removeprefix(b"data: "))["id"] == record["id"]
    assert leader.get(asked)["operation"]["started"] == record["started"]
    assert replica.get(f"{asked}/history/{record['id']}") == record

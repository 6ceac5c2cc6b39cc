"""Two hundred applications whose API server goes and comes back under a running daemon: what they ask, and when."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import pytest

from localcluster import LocalCluster
from tests.cluster.daemon import Daemon

COUNT = 200
RETURN = 100
"""Requests by which one makes sure, once, that it is the same cluster: its identity, what it serves, one list for each kind."""


@pytest.fixture
def own(tmp_path: Path) -> Iterator[LocalCluster]:
    """A cluster of the test's own, as it will be stopped: etcd and API server only."""
    cluster = LocalCluster(tmp_path / "cluster")
    try:
        cluster.up(controllers=False, bound=True)
        yield cluster
    finally:
        cluster.down()


def push(daemon: Daemon, value: str) -> str:
    """Commits another value for all applications."""
    base = {"base/kustomization.yaml": "resources: [settings.yaml]\n"}
    base["base/settings.yaml"] = f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: settings}}\ndata: {{value: '{value}'}}\n"
    overlays = {
        f"app-{n}/kustomization.yaml": f"resources: [../base]\nnamePrefix: app-{n}-\nnamespace: default\n" for n in range(COUNT)
    }
    return daemon.repo.commit(base | overlays)


def settled(daemon: Daemon, revision: str) -> bool:
    """Whether all applications are in sync with it, and nothing waits."""
    apps = daemon.get(f"/api/v1/applications?limit={2 * COUNT}")["items"]
    done = [app for app in apps if (app["sync"]["status"], app["sync"]["revision"]) == ("Synced", revision)]
    return len(done) == COUNT and not any(app["conditions"] for app in done)


def tries(daemon: Daemon) -> dict[str, list[datetime]]:
    """When each application was tried in vain, as the log says."""
    found = defaultdict(list)
    for line in daemon.log_text().rpartition("\n")[0].splitlines():  # the last one may be under way
        said = json.loads(line)
        if said.get("phase") == "Error":
            found[said["application"]].append(datetime.fromisoformat(said["time"]))
    return found


def test_after_an_outage_everybody_is_looked_at_once(own: LocalCluster, tmp_path: Path) -> None:
    """A commit that came meanwhile costs one pass and three requests each, as it would have; no try before came too early."""
    daemon = Daemon(tmp_path / "daemon", own, installation="stampede")
    for number in range(COUNT):
        daemon.declare(f"app-{number}", "default", path=f"app-{number}")
    first = push(daemon, "1")
    with daemon:
        daemon.until(lambda: settled(daemon, first))
        own.stop("kube-apiserver")
        second = push(daemon, "2")
        daemon.until(lambda: len(tries(daemon)) == COUNT and min(map(len, tries(daemon).values())) > 2)
        passes, requests = daemon.passes(), daemon.requests()
        own.start("kube-apiserver")
        daemon.until(lambda: settled(daemon, second))
        assert daemon.passes() - passes == COUNT
        assert daemon.requests() - requests <= 3 * COUNT + RETURN
        assert min(late for times in tries(daemon).values() for late in patience(times)) >= 0


def patience(times: list[datetime]) -> list[float]:
    """By how many seconds each try was later than it may be: a quarter before 1, 2, 4 ... 30 s, and the log is a moment late."""
    gaps = [(later - earlier).total_seconds() for earlier, later in pairwise(times)]
    return [gap - 0.75 * min(30.0, 2.0**nth) + 0.05 for nth, gap in enumerate(gaps)]

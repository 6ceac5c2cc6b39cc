"""The daemon with its history in PostgreSQL: killed, and with the server stopped under it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from localcluster import LocalCluster
from tests.cluster.daemon import Daemon
from tests.postgres import Postgres

APP = "app"
STEADY = "steady"


@pytest.fixture
def daemon(cluster: LocalCluster, namespace: str, tmp_path: Path, postgres: Postgres) -> Iterator[Daemon]:
    """A daemon that keeps its history in PostgreSQL; it is not started yet."""
    daemon = Daemon(tmp_path / "daemon", cluster, installation=namespace, history=postgres.database())
    daemon.declare(APP, namespace)
    yield daemon
    daemon.kill()


def settings(value: str, name: str = "settings", wave: int = 0) -> str:
    """A ConfigMap as YAML."""
    annotations = f"annotations: {{argocd.argoproj.io/sync-wave: '{wave}'}}"
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, {annotations}}}\ndata: {{value: '{value}'}}\n"


def waiting(label: str) -> str:
    """A Pod that is not healthy before some node has this label: what comes in the next wave waits for it."""
    return f"""
apiVersion: v1
kind: Pod
metadata: {{name: waiting}}
spec: {{nodeSelector: {{{label}: "1"}}, containers: [{{name: main, image: "example.test/web:1"}}]}}
"""


def history(daemon: Daemon, name: str = APP) -> list[dict[str, Any]]:
    """The records of an application, newest first."""
    found: list[dict[str, Any]] = daemon.get(f"/api/v1/applications/{name}/history")["items"]
    return found


def phases(daemon: Daemon, name: str = APP) -> list[str]:
    """How its syncs went, newest first."""
    return [record["phase"] for record in history(daemon, name)]


def ready(daemon: Daemon) -> bool:
    """What readiness says."""
    return bool(json.loads(daemon.text("/readyz"))["ready"])


def test_history_and_orders_outlive_a_kill(daemon: Daemon, namespace: str) -> None:
    """A sync that was under way is closed as interrupted; what people ordered holds; the records are all there."""
    daemon.declare(STEADY, namespace, path=STEADY)
    red = daemon.repo.commit({"app/a.yaml": settings("1"), "steady/b.yaml": settings("red", "steady")})
    with daemon:
        daemon.until_synced(APP, red)
        daemon.until_synced(STEADY, red)
        tree = {
            "app/a.yaml": settings("2", wave=1),
            "app/pod.yaml": waiting(namespace),
            "steady/b.yaml": settings("blue", "steady"),
        }
        blue = daemon.repo.commit(tree)
        daemon.until_synced(STEADY, blue)
        assert json.loads(daemon.text(f"/api/v1/applications/{STEADY}/rollback?wait=60s", method="POST"))["revision"] == red
        daemon.text(f"/api/v1/applications/{STEADY}/suspend", method="POST")
        daemon.until(lambda: phases(daemon) == ["Running", "Succeeded"])
        (running, first), steady = history(daemon), history(daemon, STEADY)
        daemon.kill()

        daemon.start()
        daemon.until(lambda: daemon.knows(STEADY))
        interrupted = next(record for record in history(daemon) if record["id"] == running["id"])
        assert (interrupted["phase"], interrupted["revision"]) == ("Error", blue)
        assert "interrupted: gitopsd ended while this sync was under way" in interrupted["result"]
        assert first in history(daemon)
        assert history(daemon, STEADY) == steady
        assert (daemon.app(STEADY)["pinned"], daemon.app(STEADY)["suspended"]) == (red, True)
        daemon.until_synced(APP, daemon.repo.commit({"app/a.yaml": settings("3"), "app/pod.yaml": ""}))


def test_the_database_away_for_a_while(daemon: Daemon, cluster: LocalCluster, namespace: str, postgres: Postgres) -> None:
    """Nothing is begun that could not be recorded, and everybody is told why; what was under way ends, and its end is kept.

    When the database is back, so is the daemon, by itself. Its password is nowhere.
    """
    daemon.declare(STEADY, namespace, path=STEADY)
    tree = {"app/a.yaml": settings("1", wave=1), "app/pod.yaml": waiting(namespace), "steady/b.yaml": settings("red", "steady")}
    revision = daemon.repo.commit(tree)
    with daemon:
        daemon.until_synced(STEADY)
        daemon.until(lambda: phases(daemon) == ["Running"])
        assert ready(daemon)
        with postgres.away():
            daemon.until(lambda: not ready(daemon))
            blue = daemon.repo.commit({**tree, "steady/b.yaml": settings("blue", "steady")})
            daemon.until(lambda: "StorageError" in [each["type"] for each in daemon.app(STEADY)["conditions"]])
            answers = [daemon.text("/readyz"), json.dumps(daemon.app(STEADY)), daemon.text(f"/api/v1/applications/{APP}/history")]
            assert all("the database failed: connection failed" in answer for answer in answers)
            labels = {"metadata": {"labels": {namespace: "1"}}}
            node = cluster.api.get("/api/v1/nodes")["items"][0]["metadata"]["name"]
            cluster.api.request("PATCH", f"/api/v1/nodes/{node}", labels, "application/merge-patch+json")
            daemon.until(lambda: daemon.app(APP)["operation"]["phase"] == "Error")
        daemon.until(lambda: ready(daemon))
        daemon.until_synced(STEADY, blue)
        daemon.until_synced(APP)
        daemon.until(lambda: phases(daemon) == ["Succeeded"])
        assert history(daemon)[0]["revision"] == revision
        assert phases(daemon, STEADY) == ["Succeeded", "Succeeded"]
        assert postgres.password not in "".join((*answers, daemon.log_text()))

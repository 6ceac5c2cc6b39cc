"""What can't be reached: the API server stopped, and replaced by an empty one, under a running daemon."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from localcluster import LocalCluster
from localcluster.api import RequestError
from tests.cluster.daemon import Daemon

NAMESPACE = "apiVersion: v1\nkind: Namespace\nmetadata: {name: web}\n"
SETTINGS = "/api/v1/namespaces/web/configmaps/settings"


@pytest.fixture
def own(tmp_path: Path) -> Iterator[LocalCluster]:
    """A cluster of the test's own, as it will be stopped."""
    with LocalCluster(tmp_path / "cluster") as cluster:
        yield cluster


def settings(value: str) -> str:
    """A ConfigMap as YAML."""
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: settings, namespace: web}}\ndata: {{value: '{value}'}}\n"


def push(daemon: Daemon, value: str) -> str:
    """Commits a namespace and a ConfigMap in it."""
    kustomization = "resources: [namespace.yaml, settings.yaml]\n"
    files = {"kustomization.yaml": kustomization, "namespace.yaml": NAMESPACE, "settings.yaml": settings(value)}
    return daemon.repo.commit({f"app/{name}": text for name, text in files.items()})


def live(cluster: LocalCluster) -> str:
    """The value in the cluster, empty where there is none."""
    try:
        return str(cluster.api.get(SETTINGS)["data"]["value"])
    except RequestError:
        return ""


def ready(daemon: Daemon) -> bool:
    """What readiness says."""
    return bool(json.loads(daemon.text("/readyz"))["ready"])


def test_the_daemon_outlives_its_api_server(own: LocalCluster, tmp_path: Path) -> None:
    """Stopped, started, and replaced by an empty one: readiness says so, the daemon stays up and converges by itself."""
    daemon = Daemon(tmp_path / "daemon", own, installation="outage")
    daemon.declare("app", "web")
    push(daemon, "1")
    with daemon:
        daemon.until_synced("app")
        assert ready(daemon)
        own.stop("kube-apiserver")
        daemon.until(lambda: not ready(daemon))
        revision = push(daemon, "2")
        daemon.until(lambda: bool(daemon.app("app")["conditions"]))
        own.start("kube-apiserver")
        daemon.until_synced("app", revision)
        assert ready(daemon)
        assert live(own) == "2"

        own.reset()
        daemon.until(lambda: live(own) == "2")
        daemon.until_synced("app", revision)
        daemon.until_synced("app", push(daemon, "3"))
        assert live(own) == "3"


def test_a_daemon_that_starts_before_its_api_server(own: LocalCluster, tmp_path: Path) -> None:
    """It is not ready, says why, and goes on as soon as the server is there."""
    daemon = Daemon(tmp_path / "daemon", own, installation="early")
    daemon.declare("app", "web")
    revision = push(daemon, "1")
    own.stop("kube-apiserver")
    with daemon:
        daemon.until(lambda: bool(daemon.app("app")["conditions"]))
        assert not ready(daemon)
        own.start("kube-apiserver")
        daemon.until_synced("app", revision)
        assert live(own) == "1"


def test_a_cluster_that_never_answers_holds_up_only_its_own(cluster: LocalCluster, namespace: str, tmp_path: Path) -> None:
    """Twice as many applications as workers wait for it; one of another cluster is synced, and synced again, all the same."""
    daemon = Daemon(tmp_path / "daemon", cluster, installation=namespace)
    lost = [f"lost-{number}" for number in range(8)]
    daemon.repo.commit({"app/settings.yaml": settings("1").replace(", namespace: web", "")})
    with socket.create_server(("127.0.0.1", 0), backlog=1000) as hole:  # it is never accepted from
        kubeconfig = tmp_path / "hole"
        kubeconfig.write_text(
            cluster.kubeconfig.read_text().replace(cluster.server, f"https://127.0.0.1:{hole.getsockname()[1]}")
        )
        config = daemon.folder / "config.yaml"
        clusters = f"workers: {{syncs: 4}}\nclusters:\n  - {{name: hole, kubeconfig: {kubeconfig}}}\n"
        config.write_text(config.read_text().replace("clusters:\n", clusters))
        for name in (*lost, "well"):
            daemon.declare(name, namespace)
        for name in lost:
            document = daemon.folder / "apps" / f"{name}.yaml"
            document.write_text(document.read_text().replace("server: 'https://kubernetes.default.svc'", "name: hole"))
        with daemon:
            daemon.until_synced("well")
            daemon.until_synced("well", daemon.repo.commit({"app/settings.yaml": settings("2").replace(", namespace: web", "")}))
            assert {daemon.app(name)["sync"]["status"] for name in lost} == {"Unknown"}
            daemon.until(lambda: "cluster hole" in json.dumps([daemon.app(name)["conditions"] for name in lost]))
            daemon.until_synced("well", daemon.repo.commit({"app/settings.yaml": settings("3").replace(", namespace: web", "")}))

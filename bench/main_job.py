"""How long the main job takes, as its user sees it: `python -m bench.main_job`.

The daemon as a process on a local cluster, polling every second: commit to live; a scaled Deployment and a deleted Service
back, each several times. Seconds, from the act to the moment when the API server shows its end.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench.table import print_table
from localcluster import LocalCluster
from localcluster.api import RequestError
from tests.cluster.daemon import Daemon

TIMES = 10
_WEB = "/apis/apps/v1/namespaces/web/deployments/web"
_SERVICE_MANIFEST = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {selector: {app: web}, ports: [{port: 80}]}\n"
_SERVICE = "/api/v1/namespaces/web/services/web"


def main() -> None:
    """Measures and prints."""
    with tempfile.TemporaryDirectory() as folder, LocalCluster(Path(folder) / "cluster") as cluster:
        daemon = Daemon(Path(folder) / "daemon", cluster, installation="bench")
        daemon.declare("app", "web")
        _push(daemon, 1)
        with daemon:
            daemon.until_synced("app")
            rows = [
                ("commit to live, 1 s poll", *_figures([_commit(daemon, cluster, n) for n in range(2, 2 + TIMES)])),
                ("scaled Deployment back", *_figures([_scale(daemon, cluster, n) for n in range(TIMES)])),
                ("deleted Service back", *_figures([_delete(daemon, cluster) for _ in range(TIMES)])),
            ]
    print_table(("seconds", "minimum", "median", "maximum"), rows)


def _figures(seconds: list[float]) -> tuple[str, str, str]:
    return f"{min(seconds):.2f}", f"{statistics.median(seconds):.2f}", f"{max(seconds):.2f}"


def _push(daemon: Daemon, replicas: int) -> None:
    deployment = (
        f"apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web}}\nspec:\n  replicas: {replicas}\n"
        "  selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n"
        '    spec: {containers: [{name: web, image: "example.test/web:1"}]}\n'
    )
    files = {
        "kustomization.yaml": "namespace: web\nresources: [namespace.yaml, deployment.yaml, service.yaml]\n",
        "namespace.yaml": "apiVersion: v1\nkind: Namespace\nmetadata: {name: web}\n",
        "deployment.yaml": deployment,
        "service.yaml": _SERVICE_MANIFEST,
    }
    daemon.repo.commit({f"app/{name}": text for name, text in files.items()})


def _replicas(cluster: LocalCluster) -> int:
    return int(cluster.api.get(_WEB)["spec"]["replicas"])


def _timed(condition: Callable[[], bool]) -> float:
    begun = time.perf_counter()
    while not condition():
        time.sleep(0.01)
    return time.perf_counter() - begun


def _commit(daemon: Daemon, cluster: LocalCluster, replicas: int) -> float:
    daemon.until_synced("app")
    _push(daemon, replicas)
    return _timed(lambda: _replicas(cluster) == replicas)


def _scale(daemon: Daemon, cluster: LocalCluster, more: int) -> float:
    daemon.until_synced("app")
    wanted = _replicas(cluster)
    cluster.api.request("PATCH", _WEB, {"spec": {"replicas": 50 + more}}, "application/merge-patch+json")
    return _timed(lambda: _replicas(cluster) == wanted)


def _delete(daemon: Daemon, cluster: LocalCluster) -> float:
    daemon.until_synced("app")
    uid = cluster.api.get(_SERVICE)["metadata"]["uid"]
    cluster.api.request("DELETE", _SERVICE)

    def back() -> bool:
        try:
            return bool(cluster.api.get(_SERVICE)["metadata"]["uid"] != uid)
        except RequestError:
            return False

    return _timed(back)


if __name__ == "__main__":
    main()

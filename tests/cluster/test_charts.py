"""Charts, end to end: the real helm, the real daemon, a real API server."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from localcluster import LocalCluster, neighbour
from tests.charts import below, packed
from tests.cluster.daemon import Daemon

pytestmark = pytest.mark.cluster

_APPLICATION = """\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {{name: {name}, namespace: argocd}}
spec:
  sources:
  - {source}
  - {{repoURL: '{repository}', ref: settings}}
  destination: {{server: 'https://kubernetes.default.svc', namespace: {namespace}}}
  syncPolicy: {{automated: {{prune: true, selfHeal: true}}}}
"""
_SHOWN = """\
apiVersion: v1
kind: ConfigMap
metadata: {{name: {{{{ .Release.Name }}}}}}
data:
  version: "{version}"
  color: {{{{ .Values.color }}}}
  apps: '{{{{ .Capabilities.APIVersions.Has "apps/v1/Deployment" }}}}'
"""
_HOOK = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: "before-{{ .Release.Name }}", annotations: {helm.sh/hook: pre-install}}
"""


def chart(version: str) -> dict[str, str | bytes]:
    """A chart that shows its version, a value, and what it knows of the cluster; it has a hook and a test."""
    return {
        "Chart.yaml": f"apiVersion: v2\nname: web\nversion: {version}\n",
        "values.yaml": "color: red\n",
        "templates/shown.yaml": _SHOWN.format(version=version),
        "templates/hook.yaml": _HOOK,
        "templates/test.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: test, annotations: {helm.sh/hook: test}}\n",
    }


@pytest.fixture
def daemon(cluster: LocalCluster, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Daemon]:
    """A daemon that may run helm."""
    monkeypatch.setenv("GITOPSD_HELM__ENABLED", "true")
    monkeypatch.setenv("GITOPSD_HELM__PROGRAM", str(neighbour("helm")))
    daemon = Daemon(tmp_path / "daemon", cluster, installation=namespace)
    yield daemon
    daemon.kill()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        pass


@pytest.fixture
def store(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """The folder of a Helm repository, and its URL."""
    folder = tmp_path / "charts"
    folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def publish(folder: Path, *versions: str) -> None:
    """These versions are in the repository."""
    entries = []
    for version in versions:
        data = packed(chart(version))
        (folder / f"web-{version}.tgz").write_bytes(data)
        entries.append({"version": version, "urls": [f"web-{version}.tgz"], "digest": hashlib.sha256(data).hexdigest()})
    (folder / "new.yaml").write_text(json.dumps({"entries": {"web": entries}}))
    (folder / "new.yaml").rename(folder / "index.yaml")


def declare(daemon: Daemon, name: str, namespace: str, source: str) -> None:
    """Declares an application whose chart takes values from the daemon's repository."""
    text = _APPLICATION.format(name=name, namespace=namespace, source=source, repository=daemon.repo.url)
    (daemon.folder / "apps" / f"{name}.yaml").write_text(text)


def data(cluster: LocalCluster, namespace: str, name: str) -> Any:
    """What is in a ConfigMap."""
    return cluster.api.get(f"/api/v1/namespaces/{namespace}/configmaps/{name}").get("data")


def test_charts_go_live_and_move(daemon: Daemon, cluster: LocalCluster, namespace: str, store: tuple[Path, str]) -> None:
    """A chart in a folder of Git and one of a Helm repository, with values of a commit.

    Both see the cluster's API, run their hooks, leave their tests out, and move: one with a commit, the other with a new version.
    """
    folder, url = store
    daemon.repo.commit({**below("web", chart("0.1.0")), "prod.yaml": "color: blue"})
    publish(folder, "1.0.0")
    near = f"{{repoURL: '{daemon.repo.url}', path: web, helm: {{valueFiles: [/prod.yaml]}}}}"
    far = f"{{repoURL: '{url}', chart: web, targetRevision: ^1, helm: {{valueFiles: [$settings/prod.yaml]}}}}"
    declare(daemon, "near", namespace, near)
    declare(daemon, "far", namespace, far)
    with daemon:
        daemon.until_synced("near")
        daemon.until_synced("far")
        assert data(cluster, namespace, "near") == {"version": "0.1.0", "color": "blue", "apps": "true"}
        assert data(cluster, namespace, "far") == {"version": "1.0.0", "color": "blue", "apps": "true"}
        digest = hashlib.sha256((folder / "web-1.0.0.tgz").read_bytes()).hexdigest()
        assert daemon.app("far")["sync"]["revision"] == f"1.0.0@sha256:{digest}"
        maps = {item["metadata"]["name"] for item in cluster.api.get(f"/api/v1/namespaces/{namespace}/configmaps")["items"]}
        assert {"before-near", "before-far", "test"} & maps == {"before-near", "before-far"}
        publish(folder, "1.0.0", "1.1.0")
        daemon.repo.commit({**below("web", chart("0.2.0")), "prod.yaml": "color: green"})
        daemon.until(lambda: data(cluster, namespace, "far") == {"version": "1.1.0", "color": "green", "apps": "true"})
        daemon.until(lambda: data(cluster, namespace, "near") == {"version": "0.2.0", "color": "green", "apps": "true"})

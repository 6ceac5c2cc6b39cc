"""The main job, end to end: a real repository, the real daemon, a real API server."""

from __future__ import annotations

import base64
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from localcluster import LocalCluster
from localcluster.api import RequestError
from tests.cluster.daemon import Daemon

APP = "app"
LABELS = {"app": "web"}


@pytest.fixture
def daemon(cluster: LocalCluster, namespace: str, tmp_path: Path) -> Iterator[Daemon]:
    """A daemon with one application `app`, whose objects go to the test's namespace; it is not started yet."""
    daemon = Daemon(tmp_path / "daemon", cluster, installation=namespace)
    daemon.declare(APP, namespace)
    yield daemon
    daemon.kill()


def deployment(replicas: int = 2) -> str:
    """A Deployment that kwok makes available."""
    return f"""
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web}}
spec:
  replicas: {replicas}
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec:
      containers: [{{name: web, image: "example.test/web:1"}}]
"""


SERVICE = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {selector: {app: web}, ports: [{port: 80}]}\n"


def overlay(*files: str, more: str = "") -> str:
    """A kustomization of these resources."""
    return "resources:\n" + "".join(f"- {file}\n" for file in files) + more


def commit(daemon: Daemon, more: str = "", **files: str) -> str:
    """Commits a kustomization of these YAML files (without the ending)."""
    tree: dict[str, Any] = {f"app/{name}.yaml": text for name, text in files.items()}
    tree["app/kustomization.yaml"] = overlay(*(f"{name}.yaml" for name in files), more=more)
    return daemon.repo.commit(tree)


def config_map(name: str, **data: str) -> str:
    """A ConfigMap as YAML."""
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {data}\n"


def exists(cluster: LocalCluster, path: str) -> bool:
    """Whether the API server has the object."""
    try:
        cluster.api.get(path)
    except RequestError as error:
        if error.status != 404:
            raise
        return False
    return True


def test_a_commit_goes_live_and_what_it_drops_is_pruned(daemon: Daemon, cluster: LocalCluster, namespace: str) -> None:
    """Commit after commit: objects are created, changed and pruned; a bystander in the same namespace is not touched."""
    core = f"/api/v1/namespaces/{namespace}"
    cluster.api.create(f"{core}/configmaps", {"metadata": {"name": "bystander", "labels": LABELS}, "data": {"k": "v"}})
    first = commit(daemon, web=deployment(), service=SERVICE, extra=config_map("extra", a="1"))
    with daemon:
        daemon.until_synced(APP, first)
        assert exists(cluster, f"{core}/configmaps/extra")
        before = cluster.api.get(f"{core}/configmaps/bystander")
        second = commit(daemon, web=deployment(replicas=3), service=SERVICE)
        daemon.until_synced(APP, second)
        web = cluster.api.get(f"/apis/apps/v1/namespaces/{namespace}/deployments/web")
        assert web["spec"]["replicas"] == 3
        daemon.until(lambda: not exists(cluster, f"{core}/configmaps/extra"))
        assert cluster.api.get(f"{core}/configmaps/bystander") == before
        records = daemon.get(f"/api/v1/applications/{APP}/history")["items"]
        assert [record["revision"] for record in records] == [second, first]
        newest = daemon.get(f"/api/v1/applications/{APP}/history/{records[0]['id']}")
        actions = {entry["object"]["name"]: entry["action"] for entry in newest["objects"]}
        assert actions == {"web": "configure", "extra": "prune"}


def test_drift_goes_back_and_names_who_caused_it(daemon: Daemon, cluster: LocalCluster, namespace: str) -> None:
    """A Deployment scaled by hand and a deleted Service come back; the record has field, values, manager and operation."""
    commit(daemon, web=deployment(), service=SERVICE)
    web = f"/apis/apps/v1/namespaces/{namespace}/deployments/web"
    service = f"/api/v1/namespaces/{namespace}/services/web"
    with daemon:
        daemon.until_synced(APP)
        patch = {"spec": {"replicas": 9}}
        cluster.api.request("PATCH", f"{web}?fieldManager=kubectl-edit", patch, "application/merge-patch+json")
        daemon.until(lambda: cluster.api.get(web)["spec"]["replicas"] == 2)
        daemon.until(lambda: bool(daemon.get(f"/api/v1/applications/{APP}/drift")["items"]))
        (drift,) = daemon.get(f"/api/v1/applications/{APP}/drift")["items"]
        assert (drift["field"], drift["from"], drift["to"]) == ("spec.replicas", 2, 9)
        assert (drift["manager"], drift["operation"], drift["outcome"]) == ("kubectl-edit", "Update", "healed")
        cluster.api.request("DELETE", service)
        daemon.until(lambda: exists(cluster, service))


def test_what_the_server_normalises_is_no_drift(daemon: Daemon, cluster: LocalCluster) -> None:
    """Quantities, empty values, defaults and stringData: applied once, in sync from then on, with no request at all."""
    odd = deployment().replace(
        'image: "example.test/web:1"',
        'image: "example.test/web:1", resources: {requests: {cpu: 1000m, memory: 0.5Gi}}, env: [{name: A, value: ""}], args: []',
    )
    secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {a: b}\n"
    commit(daemon, web=odd, service=SERVICE, secret=secret)
    with daemon:
        daemon.until_synced(APP)
        daemon.text(f"/api/v1/applications/{APP}/sync?wait=30s", method="POST")
        before = daemon.requests()
        daemon.text(f"/api/v1/applications/{APP}/sync?wait=30s", method="POST")
        assert daemon.requests() == before
        assert daemon.get(f"/api/v1/applications/{APP}/drift")["items"] == []


def test_a_commit_that_can_not_be_rendered_changes_nothing(daemon: Daemon, cluster: LocalCluster, namespace: str) -> None:
    """The status names the missing file; live stays as it was; the next commit mends it."""
    good = {"app/kustomization.yaml": overlay("a.yaml"), "app/a.yaml": config_map("a", k="1")}
    daemon.repo.commit(good)
    with daemon:
        daemon.until_synced(APP)
        broken = daemon.repo.commit({**good, "app/kustomization.yaml": overlay("a.yaml", "missing.yaml")})
        daemon.until(lambda: daemon.app(APP)["sync"]["revision"] == broken)
        app = daemon.app(APP)
        assert app["conditions"][0]["type"] == "RenderError"
        assert "missing.yaml" in app["conditions"][0]["message"]
        assert exists(cluster, f"/api/v1/namespaces/{namespace}/configmaps/a")
        assert daemon.get(f"/api/v1/applications/{APP}/history")["items"][0]["phase"] == "Failed"
        daemon.until_synced(APP, daemon.repo.commit({**good, "app/a.yaml": config_map("a", k="2")}))


def test_git_out_of_reach_prunes_nothing(daemon: Daemon, cluster: LocalCluster, namespace: str) -> None:
    """The last commit is kept alive, drift is healed all the while, the condition says what is wrong; it mends itself."""
    settings = f"/api/v1/namespaces/{namespace}/configmaps/a"
    commit(daemon, a=config_map("a", k="1"))
    away = daemon.repo.path.with_name("away.git")
    with daemon:
        daemon.until_synced(APP)
        daemon.repo.path.rename(away)
        daemon.until(lambda: bool(daemon.app(APP)["conditions"]))
        assert exists(cluster, settings)
        cluster.api.request("DELETE", settings)
        daemon.until(lambda: exists(cluster, settings))
        away.rename(daemon.repo.path)
        daemon.until(lambda: not daemon.app(APP)["conditions"])
        daemon.until_synced(APP, commit(daemon, a=config_map("a", k="2")))


def test_sigterm_ends_in_order_and_the_next_start_goes_on(daemon: Daemon) -> None:
    """Exit code 0, and a restart finds everything in sync: nothing is written, no new record."""
    commit(daemon, a=config_map("a", k="1"))
    with daemon:
        daemon.until_synced(APP)
        assert daemon.kill(signal.SIGTERM) == 0
        daemon.start()
        daemon.until_synced(APP)
        assert len(daemon.get(f"/api/v1/applications/{APP}/history")["items"]) == 1


@pytest.mark.timeout(600)
def test_killed_in_the_middle_of_an_apply(daemon: Daemon, cluster: LocalCluster, namespace: str) -> None:
    """kill -9 at ten moments of an apply of 200 objects: live equals Git afterwards, nothing orphaned, nothing applied twice."""
    maps = f"/api/v1/namespaces/{namespace}/configmaps?labelSelector=applyset.kubernetes.io%2Fpart-of"
    applied: dict[str, int] = {}
    for round_ in range(10):
        names = {f"m{round_}-{index}" for index in range(200)}
        text = "---\n".join(config_map(name, k=str(round_)) for name in sorted(names))
        revision = commit(daemon, all=text)
        daemon.start()
        wanted = 20 * round_
        daemon.until(lambda: len(_named(cluster, maps, f"m{round_}-")) >= wanted)  # noqa: B023 - called within the round
        daemon.kill()
        daemon.start()
        daemon.until_synced(APP, revision)
        # A deletion that was accepted ends when the garbage collector has seen to it.
        daemon.until(lambda: _named(cluster, maps, "") == names)  # noqa: B023 - called within the round
        daemon.kill(signal.SIGTERM)
    daemon.start()
    for record in daemon.get(f"/api/v1/applications/{APP}/history?limit=100")["items"]:
        for entry in daemon.get(f"/api/v1/applications/{APP}/history/{record['id']}")["objects"]:
            if (entry["action"], entry["status"]) == ("create", "Synced"):
                applied[entry["object"]["name"]] = applied.get(entry["object"]["name"], 0) + 1
    assert [name for name, times in applied.items() if times > 1] == []


def _named(cluster: LocalCluster, path: str, prefix: str) -> set[str]:
    names = (item["metadata"]["name"] for item in cluster.api.get(path)["items"])
    return {name for name in names if name.startswith(prefix)}


def test_a_secret_is_nowhere(daemon: Daemon, cluster: LocalCluster, namespace: str) -> None:
    """A generator's value, changed once: in no log line, HTTP answer, metric, event or file of the daemon's."""
    values = ("Tr0ub4dor-and-3", "c0rrect-h0rse-battery")

    def push(value: str) -> str:
        more = f"secretGenerator:\n- name: s\n  literals: [password={value}]\ngeneratorOptions: {{disableNameSuffixHash: true}}\n"
        tree = {"app/kustomization.yaml": overlay("a.yaml", more=more), "app/a.yaml": config_map("a", k="1")}
        return daemon.repo.commit(tree)

    push(values[0])
    with daemon:
        daemon.until_synced(APP)
        daemon.until_synced(APP, push(values[1]))
        secret = f"/api/v1/namespaces/{namespace}/secrets/s"
        patch = {"stringData": {"password": "by-hand-" + values[0]}}
        cluster.api.request("PATCH", secret, patch, "application/merge-patch+json")
        daemon.until(lambda: bool(daemon.get(f"/api/v1/applications/{APP}/drift")["items"]))
        daemon.until_synced(APP)
        records = daemon.get(f"/api/v1/applications/{APP}/history")["items"]
        paths = ["", "/resources", "/history", "/drift", "/plan", *(f"/history/{record['id']}" for record in records)]
        answers = [daemon.text(f"/api/v1/applications/{APP}{path}") for path in paths]
        answers += [daemon.text("/metrics"), daemon.text("/readyz"), str(cluster.api.get("/apis/events.k8s.io/v1/events"))]
        daemon.kill(signal.SIGTERM)
    files = [path for path in daemon.folder.rglob("*") if path.is_file() and "mirrors" not in path.parts]
    files = [path for path in files if "repository.git" not in path.parts]
    assert daemon.log in files
    shown = [text.encode() for text in answers] + [path.read_bytes() for path in files]
    for value in values:
        encoded = base64.b64encode(value.encode())
        assert not [text for text in shown if value.encode() in text or encoded in text]

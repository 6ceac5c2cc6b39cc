"""Drift as the daemon tells of it: healed, reported, ignored, and fought over, on a real API server."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from gitopsd.model.refs import ObjectRef
from localcluster import LocalCluster
from tests.cluster.daemon import Daemon
from tests.cluster.hands import got, patched

_MANIFESTS = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 0
  selector: {matchLabels: {app: web}}
  template: {metadata: {labels: {app: web}}, spec: {containers: [{name: web, image: "example.test/web:1"}]}}
---
apiVersion: v1
kind: Secret
metadata: {name: login}
stringData: {password: correct horse}
"""


@pytest.fixture
def daemon(cluster: LocalCluster, namespace: str, tmp_path: Path) -> Iterator[Daemon]:
    """A daemon that is not started yet, and whose repository holds a Deployment and a Secret."""
    daemon = Daemon(tmp_path / "daemon", cluster, installation=namespace)
    daemon.repo.commit({"app/all.yaml": _MANIFESTS, "app/kustomization.yaml": "resources: [all.yaml]\n"})
    yield daemon
    daemon.kill()


def _declared(daemon: Daemon, namespace: str, *, spec: str = "", **annotations: str) -> None:
    """Declares the application with annotations, and more in its spec."""
    daemon.declare("app", namespace, **annotations)
    with (daemon.folder / "apps" / "app.yaml").open("a") as file:
        file.write(spec)


@contextmanager
def _another_controller(cluster: LocalCluster, ref: ObjectRef) -> Iterator[None]:
    """Somebody who sets replicas to 1 whenever they are not."""
    over = threading.Event()

    def work() -> None:
        while not over.wait(0.02):
            if got(cluster, ref)["spec"]["replicas"] != 1:
                patched(cluster, ref, {"spec": {"replicas": 1}}, manager="other-controller")

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _drifts(daemon: Daemon) -> list[dict[str, Any]]:
    return list(daemon.get("/api/v1/applications/app/drift")["items"])


def test_a_fight_says_who_the_other_one_is(daemon: Daemon, cluster: LocalCluster, namespace: str) -> None:
    """After a score of heals they come slowly, and the application's condition names the other controller and the field."""
    _declared(daemon, namespace)
    ref = ObjectRef("apps", "Deployment", namespace, "web")
    with daemon:
        daemon.until_synced("app")
        with _another_controller(cluster, ref):
            daemon.until(lambda: bool(daemon.app("app")["conditions"]), lambda: str(_drifts(daemon)[:3]))
        (condition,) = daemon.app("app")["conditions"]
        assert condition["type"] == "ContestedResourceWarning"
        assert condition["message"].startswith(f"other-controller (Update) changes Deployment/{namespace}/web spec.replicas back")
        daemon.until_synced("app")
        assert got(cluster, ref)["spec"]["replicas"] == 0


def test_reported_drift_is_counted_and_kept(daemon: Daemon, cluster: LocalCluster, namespace: str) -> None:
    """`gitopsd.dev/drift: report`: shown with manager, operation and time, in metrics too, not healed, and no Secret's value."""
    _declared(daemon, namespace, drift="report")
    ref, secret = ObjectRef("apps", "Deployment", namespace, "web"), ObjectRef("", "Secret", namespace, "login")
    with daemon:
        daemon.until_synced("app")
        patched(cluster, ref, {"spec": {"replicas": 1}}, manager="kubectl-edit")
        patched(cluster, secret, {"stringData": {"password": "battery staple"}}, manager="kubectl-edit")
        daemon.until(lambda: daemon.app("app")["drift"]["objects"] == 2)
        found = {drift["field"]: drift for drift in _drifts(daemon)}
        replicas, password = found["spec.replicas"], found["data.password"]
        who = ("kubectl-edit", "Update", "reported")
        assert {(drift["manager"], drift["operation"], drift["outcome"]) for drift in found.values()} == {who}
        assert (replicas["from"], replicas["to"], replicas["time"][:2]) == (0, 1, "20")
        assert password["from"].startswith("<hidden:")
        assert password["from"] != password["to"]
        (planned,) = [o for o in daemon.get("/api/v1/applications/app/plan")["objects"] if o["object"]["name"] == "login"]
        assert [(c["field"], c["manager"], c["before"][:8]) for c in planned["changes"]] == [
            ("data.password", "kubectl-edit", "<hidden:")
        ]
        metrics = daemon.text("/metrics")
        assert 'gitopsd_drifted_objects{application="argocd/app"} 2.0' in metrics
        labels = 'application="argocd/app",manager="kubectl-edit",outcome="reported"'
        assert f"gitopsd_drift_events_total{{{labels}}} 2.0" in metrics
        assert got(cluster, ref)["spec"]["replicas"] == 1


def test_ignored_drift_is_recorded_and_nothing_else(daemon: Daemon, cluster: LocalCluster, namespace: str) -> None:
    """The application stays Synced; what was seen is in the drift with its outcome, and is counted."""
    rule = "  ignoreDifferences: [{group: apps, kind: Deployment, jqPathExpressions: [.spec.replicas]}]\n"
    _declared(daemon, namespace, spec=rule)
    ref = ObjectRef("apps", "Deployment", namespace, "web")
    with daemon:
        daemon.until_synced("app")
        patched(cluster, ref, {"spec": {"replicas": 1}}, manager="kubectl-edit")
        daemon.until(lambda: bool(_drifts(daemon)))
        (drift,) = _drifts(daemon)
        assert (drift["field"], drift["from"], drift["to"], drift["outcome"]) == ("spec.replicas", 0, 1, "ignored")
        app = daemon.app("app")
        assert (app["sync"]["status"], app["drift"]["objects"], app["conditions"]) == ("Synced", 0, [])
        assert 'manager="kubectl-edit",outcome="ignored"} 1.0' in daemon.text("/metrics")
        assert got(cluster, ref)["spec"]["replicas"] == 1

"""Beside the real controller of Argo Rollouts: what it says, what it writes, and the way back from what it aborts."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from localcluster import LocalCluster, neighbour
from localcluster.layout import free_ports
from tests.cluster.daemon import Daemon

APP = "shop"
HASH = "rollouts-pod-template-hash"
_KINDS = {
    "Rollout": "rollouts",
    "AnalysisRun": "analysisruns",
    "AnalysisTemplate": "analysistemplates",
    "ClusterAnalysisTemplate": "clusteranalysistemplates",
    "Experiment": "experiments",
}


def loose(**properties: Any) -> dict[str, Any]:
    """The schema of a mapping of which only these are known."""
    return {"type": "object", "x-kubernetes-preserve-unknown-fields": True, "properties": properties}


CONTAINERS = {
    "type": "array",
    "items": loose(name={"type": "string"}) | {"required": ["name"]},
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["name"],
}


def definition(kind: str, plural: str) -> dict[str, Any]:
    """The kind's definition. Of the schema, half a megabyte, there is what decides whose a field is: lists with keys."""
    version = {
        "name": "v1alpha1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": loose(spec=loose(template=loose(spec=loose(containers=CONTAINERS))))},
        "subresources": {"status": {}},
    }
    return {
        "metadata": {"name": f"{plural}.argoproj.io"},
        "spec": {
            "group": "argoproj.io",
            "names": {"kind": kind, "plural": plural},
            "scope": "Cluster" if kind.startswith("Cluster") else "Namespaced",
            "versions": [version],
        },
    }


@pytest.fixture(scope="module")
def controller(cluster: LocalCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The controller, as a process; it waits for its kinds itself."""
    for kind, plural in _KINDS.items():
        cluster.api.ensure("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition(kind, plural))
    cluster.api.ensure("/api/v1/namespaces", {"metadata": {"name": "argo-rollouts"}})
    metrics, health = free_ports(2)
    options = [f"--kubeconfig={cluster.kubeconfig}", "--namespace=argo-rollouts", "--leader-elect=false"]
    command = [str(neighbour("rollouts-controller")), *options, f"--metricsPort={metrics}", f"--healthzPort={health}"]
    with (
        (tmp_path_factory.mktemp("rollouts") / "log").open("wb") as log,
        subprocess.Popen(command, stdout=log, stderr=log) as process,
    ):
        yield
        process.terminate()


@pytest.fixture
def daemon(controller: None, cluster: LocalCluster, namespace: str, tmp_path: Path) -> Iterator[Daemon]:
    """A daemon with an application that asks for the way back."""
    daemon = Daemon(tmp_path / "daemon", cluster, installation=namespace)
    daemon.declare(APP, namespace, rollback_on="degraded")
    yield daemon
    daemon.kill()


def manifests(image: str, **pod: Any) -> dict[str, str]:
    """A canary with its two Services, and a Rollout that refers to a Deployment."""
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": image}], **pod}}
    workload = {"replicas": 2, "selector": {"matchLabels": {"app": "web"}}}
    canary = {"canaryService": "web-canary", "stableService": "web-stable", "steps": [{"setWeight": 50}, {"pause": {}}]}
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "base", "scaleDown": "onsuccess"}
    referring = based(workload) | {"workloadRef": reference, "strategy": {"canary": {}}}
    service = {"selector": {"app": "web"}, "ports": [{"port": 80}]}
    objects = (
        manifest("argoproj.io/v1alpha1", "Rollout", "web", workload | {"template": template, "strategy": {"canary": canary}}),
        manifest("v1", "Service", "web-canary", service),
        manifest("v1", "Service", "web-stable", service),
        manifest("apps/v1", "Deployment", "base", based(workload) | {"template": based(template)}),
        manifest("argoproj.io/v1alpha1", "Rollout", "base", referring),
    )
    return {"app/all.yaml": "---\n".join(f"{json.dumps(obj)}\n" for obj in objects)}


def manifest(api: str, kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    """One object."""
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name}, "spec": spec}


def based(part: dict[str, Any]) -> dict[str, Any]:
    """The same for pods of the other name."""
    other: dict[str, Any] = json.loads(json.dumps(part).replace('"app": "web"', '"app": "base"'))
    return other


def test_steps_pauses_an_abort_and_what_it_writes(daemon: Daemon, cluster: LocalCluster, namespace: str) -> None:
    """A pause is Suspended, a wait Progressing, an abort Degraded, which starts the way back; nothing that it writes is drift."""
    first = daemon.repo.commit(manifests("example.test/web:1"))
    core, apps = f"/api/v1/namespaces/{namespace}", f"/apis/apps/v1/namespaces/{namespace}"
    web = f"/apis/argoproj.io/v1alpha1/namespaces/{namespace}/rollouts/web/status"

    def selectors() -> list[dict[str, str]]:
        return [cluster.api.get(f"{core}/services/{name}")["spec"]["selector"] for name in ("web-canary", "web-stable")]

    def is_under_way(rollout: dict[str, Any]) -> bool:
        status = rollout["status"]
        seen = status.get("observedGeneration") == str(rollout["metadata"]["generation"])
        return bool(seen and status["currentPodHash"] != status["stableRS"])

    def health() -> tuple[str, str]:
        found = daemon.app(APP)["health"]
        return found["status"], found["message"]

    with daemon:
        daemon.until_synced(APP, first)
        daemon.until(lambda: all(HASH in selector for selector in selectors()))
        daemon.until(lambda: cluster.api.get(f"{apps}/deployments/base")["spec"]["replicas"] == 0)
        daemon.until(lambda: daemon.state(APP) == "Synced Healthy")
        assert daemon.get(f"/api/v1/applications/{APP}/drift")["items"] == []

        second = daemon.repo.commit(manifests("example.test/web:2"))
        daemon.until(lambda: health()[0] == "Suspended", lambda: str(daemon.app(APP)))
        assert "CanaryPauseStep" in health()[1]
        assert daemon.app(APP)["sync"]["status"] == "Synced"
        cluster.api.request("PATCH", web, {"status": {"pauseConditions": None}}, "application/merge-patch+json")
        daemon.until_synced(APP, second)
        stable = selectors()
        assert stable[0] == stable[1]

        daemon.repo.commit(manifests("example.test/web:3", nodeSelector={"there": "is-none"}))
        daemon.until(lambda: health()[0] == "Progressing" and "Rollout/" in health()[1], lambda: str(daemon.app(APP)))
        daemon.until(lambda: is_under_way(cluster.api.get(web)))  # before, the controller would take the abort back
        cluster.api.request("PATCH", web, {"status": {"abort": True}}, "application/merge-patch+json")
        daemon.until(lambda: bool(daemon.app(APP)["pinned"]), lambda: str(daemon.app(APP)))
        daemon.until_synced(APP, second)
        app = daemon.app(APP)
        assert app["pinned"] == second
        assert "RolloutAborted" in app["conditions"][0]["message"]
        assert selectors() == stable

        assert daemon.get(f"/api/v1/applications/{APP}/drift")["items"] == []
        history = daemon.get(f"/api/v1/applications/{APP}/history")["items"]
        assert [record["trigger"] for record in history] == ["auto-rollback", "poll", "poll", "start"]

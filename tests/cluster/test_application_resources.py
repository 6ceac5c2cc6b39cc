"""Application resources in the cluster: taken up, obeyed, and their status written as Argo CD writes it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator

import pytest

from gitopsd.config.resources import REFRESH
from gitopsd.model.refs import Object
from gitopsd.resources.holder import CONTROLLER
from localcluster import LocalCluster
from localcluster.api import RequestError
from tests.cluster.resources import LABEL, Land, land
from tests.gitrepo import Content

NAMESPACE = "application-resources"
LATE = "application-resources-late"


@pytest.fixture(scope="module")
def here(cluster: LocalCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Land]:
    """A daemon whose repository has a folder for each test: only what a test names is deployed."""
    cluster.api.create("/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
    with land(cluster, NAMESPACE, tmp_path_factory.mktemp("land")) as found:
        found.daemon.repo.commit({**FILES, **family(found)})
        yield found
    cluster.api.request("DELETE", f"/api/v1/namespaces/{NAMESPACE}")


def config_map(name: str, annotations: str = "", namespace: str = "") -> str:
    """A ConfigMap as YAML."""
    metadata = f"{{name: {name}, namespace: '{namespace}', annotations: {{{annotations}}}}}"
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata: {metadata}\ndata: {{key: value}}\n"


FILES: dict[str, Content] = {
    **{f"{name}/a.yaml": config_map(name) for name in ("quiet", "asked", "held", "broken", "going", "child")},
    "tried/a.yaml": config_map("tried", namespace=LATE),
}


def family(found: Land) -> dict[str, Content]:
    """An application that deploys an application, and, a wave later, a ConfigMap."""
    child = found.application("child")
    child["metadata"]["annotations"] = {"argocd.argoproj.io/sync-wave": "-1"}
    return {"parent/child.yaml": json.dumps(child), "parent/later.yaml": config_map("later")}


def test_a_resource_is_deployed_and_says_so(here: Land, cluster: LocalCluster) -> None:
    """Sync, health, objects, history and operation stand in its status; `kubectl` shows them; then all is quiet."""
    here.create("quiet")
    here.until_state("quiet", "Synced Healthy")
    status = here.status("quiet")
    revision = here.daemon.app("quiet")["sync"]["revision"]
    assert status["sync"]["revision"] == revision
    assert status["sync"]["comparedTo"]["source"]["path"] == "quiet"
    assert [(found["kind"], found["name"], found["status"]) for found in status["resources"]] == [
        ("ConfigMap", "quiet", "Synced")
    ]
    assert [(entry["revision"], entry["initiatedBy"]) for entry in status["history"]] == [(revision, {"automated": True})]
    operation = status["operationState"]
    assert (operation["phase"], operation["syncResult"]["revision"]) == ("Succeeded", revision)
    assert operation["startedAt"] <= operation["finishedAt"] <= status["reconciledAt"]
    command = [
        "kubectl",
        "--kubeconfig",
        str(cluster.kubeconfig),
        "-n",
        NAMESPACE,
        "get",
        "applications",
        "--no-headers",
        "quiet",
    ]
    shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert shown.split() == ["quiet", "Synced", "Healthy"]
    asked, version, passes = here.daemon.requests(), here.get("quiet")["metadata"]["resourceVersion"], here.daemon.passes()
    here.daemon.text("/api/v1/applications/quiet/refresh", method="POST")
    here.daemon.until(lambda: here.daemon.passes() > passes)
    assert (here.daemon.requests(), here.get("quiet")["metadata"]["resourceVersion"]) == (asked, version)


def test_an_operation_and_a_refresh_are_obeyed_and_taken_away(here: Land) -> None:
    """What `argocd app sync` and `argocd app get --refresh` write."""
    here.create("asked", automated=False)
    here.until_state("asked", "OutOfSync Missing")
    here.patch("asked", {"operation": {"initiatedBy": {"username": "ann"}, "sync": {"prune": True}}}, "argocd-server")
    here.daemon.until(lambda: "operation" not in here.get("asked"), lambda: json.dumps(here.get("asked")))
    here.until_state("asked", "Synced Healthy")
    status = here.status("asked")
    assert status["operationState"]["phase"] == "Succeeded"
    assert [entry["initiatedBy"] for entry in status["history"]] == [{"username": "ann"}]
    here.patch("asked", {"metadata": {"annotations": {REFRESH: "normal"}}}, "argocd-server")
    here.daemon.until(lambda: REFRESH not in here.get("asked")["metadata"].get("annotations", {}))
    assert here.status("asked")["reconciledAt"] >= status["reconciledAt"]


def test_an_operation_is_tried_again_as_it_says(here: Land, cluster: LocalCluster) -> None:
    """It goes on while it waits, and its state counts; what it lacked is there now, and it has been done as it was asked for."""
    here.create("tried", automated=False)
    here.until_state("tried", "OutOfSync Missing")
    retry = {"limit": -1, "backoff": {"duration": "1s", "factor": 1}}
    here.patch("tried", {"operation": {"initiatedBy": {"username": "ann"}, "sync": {"prune": True}, "retry": retry}})

    def state() -> Object:
        found: Object = here.status("tried").get("operationState") or {}
        return found

    here.daemon.until(lambda: state().get("retryCount", 0) > 1, lambda: json.dumps(here.get("tried")))
    assert (state()["phase"], state()["operation"]["retry"]["limit"], here.get("tried")["operation"]["retry"]) == (
        "Running",
        -1,
        retry,
    )
    cluster.api.create("/api/v1/namespaces", {"metadata": {"name": LATE}})
    here.daemon.until(lambda: "operation" not in here.get("tried"), lambda: json.dumps(here.get("tried")))
    here.until_state("tried", "Synced Healthy")
    ended = state()
    assert (ended["phase"], ended["operation"]["initiatedBy"]) == ("Succeeded", {"username": "ann"})
    assert ended["retryCount"] > 1
    cluster.api.request("DELETE", f"/api/v1/namespaces/{LATE}")


def test_what_argo_cd_reconciles_is_refused_and_left_alone(here: Land) -> None:
    """Its controller's entry in managedFields is fresh: nothing is deployed, nothing written, and our own status says why."""
    here.create("held", labels={})
    here.patch("held", {"status": {"sync": {"status": "OutOfSync"}}}, CONTROLLER)
    version = here.patch("held", {"metadata": {"labels": LABEL}})["metadata"]["resourceVersion"]
    here.daemon.until(lambda: "HeldError" in here.daemon.text("/api/v1/applications/held"))
    (condition,) = here.daemon.app("held")["conditions"]
    assert "Argo CD reconciles it" in condition["message"]
    assert here.config_map("held") is None
    assert here.get("held")["metadata"]["resourceVersion"] == version


def test_a_broken_resource_says_what_is_wrong(here: Land) -> None:
    """A condition as Argo CD writes it; what the schema knows to be wrong, the server refuses itself."""
    here.create("broken", destination={"namespace": NAMESPACE})
    here.daemon.until(lambda: bool(here.status("broken").get("conditions")))
    (condition,) = here.status("broken")["conditions"]
    assert condition["type"] == "InvalidSpecError"
    assert "spec.destination: must have exactly one of server and name" in condition["message"]
    with pytest.raises(RequestError, match=r"spec\.source\.repoURL: Invalid value"):
        here.create("worse", source={"repoURL": 1})


def test_a_resource_that_is_deleted_takes_its_objects_along(here: Land) -> None:
    """Its finalizer holds it until they are gone."""
    here.create("going")
    here.patch("going", {"metadata": {"finalizers": ["resources-finalizer.argocd.argoproj.io"]}})
    here.until_state("going", "Synced Healthy")
    here.delete("going")
    here.daemon.until(lambda: not here.exists("going"), lambda: json.dumps(here.get("going")))
    assert here.config_map("going") is None
    here.daemon.until(lambda: "no application is called going" in here.daemon.text("/api/v1/applications/going"))


def test_an_application_deploys_applications(here: Land) -> None:
    """The child comes from Git, is picked up by its label, and its health ends the wave; then nobody changes anything."""
    here.create("parent")
    here.until_state("parent", "Synced Healthy")
    assert here.state("child") == "Synced Healthy"
    later, child = here.config_map("later"), here.config_map("child")
    assert later
    assert child
    assert later["metadata"]["creationTimestamp"] >= child["metadata"]["creationTimestamp"]
    assert here.status("child")["operationState"]["finishedAt"] <= later["metadata"]["creationTimestamp"]
    asked, passes = here.daemon.requests(), here.daemon.passes()
    here.daemon.text("/api/v1/applications/parent/refresh", method="POST")
    here.daemon.until(lambda: here.daemon.passes() > passes)
    assert here.daemon.requests() == asked

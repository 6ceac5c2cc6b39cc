"""Application resources in the cluster: taken up, obeyed, and their status written as Argo CD writes it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from localcluster import LocalCluster
from tests.cluster.resources import Land, land
from tests.gitrepo import Content

pytestmark = pytest.mark.cluster


@pytest.fixture
def here(cluster: LocalCluster, namespace: str, tmp_path: Path) -> Iterator[Land]:
    """A daemon whose repository deploys a ConfigMap `settings`."""
    with land(cluster, namespace, tmp_path) as found:
        found.daemon.repo.commit(settings("1"))
        yield found


def settings(value: str) -> dict[str, Content]:
    """A folder `app` with one ConfigMap."""
    return {"app/settings.yaml": f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: settings}}\ndata: {{key: '{value}'}}\n"}


def test_a_resource_is_deployed_and_says_so(here: Land, cluster: LocalCluster) -> None:
    """Sync, health, objects, history and operation stand in its status; `kubectl` shows them; then all is quiet."""
    here.create("web")
    here.until_state("web", "Synced Healthy")
    status = here.status("web")
    revision = here.daemon.app("web")["sync"]["revision"]
    assert status["sync"]["revision"] == revision
    assert status["sync"]["comparedTo"]["source"]["path"] == "app"
    assert [(found["kind"], found["name"], found["status"]) for found in status["resources"]] == [
        ("ConfigMap", "settings", "Synced")
    ]
    assert [(entry["revision"], entry["initiatedBy"]) for entry in status["history"]] == [(revision, {"automated": True})]
    operation = status["operationState"]
    assert (operation["phase"], operation["syncResult"]["revision"]) == ("Succeeded", revision)
    assert operation["startedAt"] <= operation["finishedAt"] <= status["reconciledAt"]
    command = ["kubectl", "--kubeconfig", str(cluster.kubeconfig), "-n", here.namespace, "get", "applications", "--no-headers"]
    shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert shown.split() == ["web", "Synced", "Healthy"]
    asked, version, passes = here.daemon.requests(), here.get("web")["metadata"]["resourceVersion"], here.daemon.passes()
    here.daemon.text("/api/v1/applications/web/refresh", method="POST")
    here.daemon.until(lambda: here.daemon.passes() > passes)
    assert (here.daemon.requests(), here.get("web")["metadata"]["resourceVersion"]) == (asked, version)

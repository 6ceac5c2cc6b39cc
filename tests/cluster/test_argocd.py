"""The `argocd` command through a real argocd-server: it lists, gets, waits for, syncs and ends what gitopsd reconciles."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gitopsd.model.refs import Object
from localcluster import LocalCluster
from tests.cluster.argocd import ArgoCd, argocd_server
from tests.cluster.resources import Land, land

pytestmark = pytest.mark.cluster


SETTINGS = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\n"
LATER = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: later, annotations: {argocd.argoproj.io/sync-wave: '1'}}\n"
CLAIM = """\
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: never}
spec: {storageClassName: nowhere, accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
"""


@pytest.fixture
def here(cluster: LocalCluster, namespace: str, tmp_path: Path) -> Iterator[Land]:
    """A daemon with two applications that only a person syncs; the first wave of one never becomes healthy."""
    with land(cluster, namespace, tmp_path) as found:
        found.daemon.repo.commit({"web/a.yaml": SETTINGS, "stuck/claim.yaml": CLAIM, "stuck/later.yaml": LATER})
        found.create("web", automated=False)
        found.create("stuck", automated=False)
        yield found


@pytest.fixture
def argocd(cluster: LocalCluster, here: Land, tmp_path: Path) -> Iterator[ArgoCd]:
    """The command, and its server."""
    with argocd_server(cluster, here.namespace, tmp_path) as found:
        yield found


def operation(here: Land) -> Object:
    """How the operation of the application stands that never gets far."""
    return here.status("stuck").get("operationState") or {}


def test_argocd_works_on_what_gitopsd_reconciles(here: Land, argocd: ArgoCd) -> None:
    """List, get and history show our status; a refresh is obeyed; a sync is waited for, taken up after a restart, and ended."""
    here.until_state("web", "OutOfSync Missing")
    assert [app["metadata"]["name"] for app in argocd.document("app", "list")] == ["stuck", "web"]
    assert "OutOfSync" in argocd("app", "get", "web")
    revision = here.daemon.app("web")["sync"]["revision"]
    done = argocd("app", "sync", "web", "--revision", revision, "--timeout", "60")
    assert "Succeeded" in done
    argocd("app", "wait", "web", "--sync", "--health", "--operation", "--timeout", "60")
    shown = argocd.document("app", "get", "web", "--refresh")
    assert (shown["status"]["sync"]["status"], shown["status"]["sync"]["revision"]) == ("Synced", revision)
    assert [resource["name"] for resource in shown["status"]["resources"]] == ["settings"]
    assert revision[:7] in argocd("app", "history", "web")
    assert here.config_map("settings")
    revision = here.daemon.app("stuck")["sync"]["revision"]
    argocd("app", "sync", "stuck", "--revision", revision, "--async")
    here.daemon.until(lambda: operation(here).get("phase") == "Running")
    begun = operation(here)["startedAt"]
    here.daemon.kill()
    here.daemon.start()
    here.daemon.until(lambda: operation(here)["phase"] == "Running" and operation(here)["startedAt"] > begun)
    argocd("app", "terminate-op", "stuck")
    here.daemon.until(lambda: "operation" not in here.get("stuck"))
    assert operation(here)["phase"] == "Failed"
    assert here.config_map("later") is None

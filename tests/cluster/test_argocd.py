"""The `argocd` command through a real argocd-server: it lists, gets, waits for, syncs, retries and ends what gitopsd has."""

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
HOMELESS = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: homeless, namespace: no-such-namespace}\n"


@pytest.fixture
def here(cluster: LocalCluster, namespace: str, tmp_path: Path) -> Iterator[Land]:
    """A daemon with applications that only a person syncs; one's first wave never becomes healthy, one's object is refused."""
    with land(cluster, namespace, tmp_path) as found:
        stuck = {"stuck/claim.yaml": CLAIM, "stuck/later.yaml": LATER}
        found.daemon.repo.commit({"web/a.yaml": SETTINGS, "refused/a.yaml": HOMELESS, **stuck})
        for name in ("web", "stuck", "refused"):
            found.create(name, automated=False)
        yield found


@pytest.fixture
def argocd(cluster: LocalCluster, here: Land, tmp_path: Path) -> Iterator[ArgoCd]:
    """The command, and its server."""
    with argocd_server(cluster, here.namespace, tmp_path) as found:
        yield found


def operation(here: Land, name: str = "stuck") -> Object:
    """How the operation of an application stands that never gets far."""
    return here.status(name).get("operationState") or {}


def test_argocd_works_on_what_gitopsd_reconciles(here: Land, argocd: ArgoCd) -> None:
    """List, get and history show our status; a sync is waited for, tried again, taken up after a restart, and ended."""
    here.until_state("web", "OutOfSync Missing")
    assert [app["metadata"]["name"] for app in argocd.document("app", "list")] == ["refused", "stuck", "web"]
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
    argocd("app", "sync", "refused", "--revision", revision, "--retry-limit", "2", "--retry-backoff-duration", "1s", "--async")
    here.daemon.until(lambda: operation(here, "refused").get("phase") == "Failed")
    assert (operation(here, "refused")["retryCount"], operation(here, "refused")["operation"]["retry"]["limit"]) == (2, 2)
    assert "(retried 2 times)" in argocd("app", "get", "refused", "--show-operation")
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

"""Applications under another name, in another namespace, at a cluster of another name: a real daemon, and its restart."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gitopsd.model.marks import OWNER_ANNOTATION
from gitopsd.model.refs import Object, ObjectRef
from localcluster import LocalCluster
from localcluster.api import RequestError
from tests.cluster.daemon import Daemon
from tests.cluster.hands import got

SETTINGS = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\n"


@pytest.fixture
def daemon(cluster: LocalCluster, namespace: str, tmp_path: Path) -> Iterator[Daemon]:
    """A daemon that knows the cluster by two names; it is not started yet."""
    daemon = Daemon(tmp_path / "daemon", cluster, installation=namespace)
    config = daemon.folder / "config.yaml"
    again = f"clusters:\n  - {{name: again, server: '{cluster.server}', kubeconfig: {cluster.kubeconfig}}}\n"
    config.write_text(config.read_text().replace("clusters:\n", again))
    daemon.repo.commit({"app/settings.yaml": SETTINGS})
    yield daemon
    daemon.kill()


def become(daemon: Daemon, name: str, namespace: str, server: str = "https://kubernetes.default.svc") -> None:
    """The only document is now of an application with this name and destination."""
    daemon.declare("app", namespace)
    document = daemon.folder / "apps" / "app.yaml"
    text = document.read_text().replace("{name: app,", f"{{name: {name},").replace("https://kubernetes.default.svc", server)
    document.write_text(text)


def settings(cluster: LocalCluster, namespace: str) -> Object:
    """The object's metadata in a namespace, empty where it is not there."""
    try:
        metadata: Object = got(cluster, ObjectRef("", "ConfigMap", namespace, "settings"))["metadata"]
    except RequestError:
        return {}
    return metadata


def inventories(cluster: LocalCluster, daemon: Daemon) -> set[str]:
    """The applications that have an inventory of this installation."""
    found = (
        entry["metadata"].get("annotations") or {} for entry in cluster.api.get("/api/v1/namespaces/gitopsd/configmaps")["items"]
    )
    return {said["gitopsd.dev/application"] for said in found if said.get("gitopsd.dev/installation") == daemon.installation}


def test_objects_go_along(daemon: Daemon, cluster: LocalCluster, namespace: str) -> None:
    """A new name takes the objects along, gitopsd running or not; another namespace makes them there and prunes them here."""
    become(daemon, "shop", namespace)
    with daemon:
        daemon.until_synced("shop")
        uid = settings(cluster, namespace)["uid"]

        become(daemon, "store", namespace)
        daemon.until(lambda: daemon.knows("store"))
        daemon.until_synced("store")
        found = settings(cluster, namespace)
        assert (found["uid"], ";argocd/store;" in found["annotations"][OWNER_ANNOTATION]) == (uid, True)
        assert inventories(cluster, daemon) == {"argocd/store"}

        daemon.kill()
        become(daemon, "market", namespace)
        daemon.start()
        daemon.until_synced("market")
        found = settings(cluster, namespace)
        assert (found["uid"], ";argocd/market;" in found["annotations"][OWNER_ANNOTATION]) == (uid, True)
        assert inventories(cluster, daemon) == {"argocd/market"}

        become(daemon, "market", namespace, cluster.server)
        daemon.until(lambda: f'destination="{cluster.server}"' in daemon.text("/metrics"))
        daemon.until(lambda: daemon.app("market")["conditions"] == [], lambda: daemon.text("/api/v1/applications"))
        assert settings(cluster, namespace)["uid"] == uid

        other = f"{namespace}-2"
        cluster.api.create("/api/v1/namespaces", {"metadata": {"name": other}})
        become(daemon, "market", other)
        daemon.until(
            lambda: settings(cluster, namespace) == {} and settings(cluster, other) != {},
            lambda: daemon.text("/api/v1/applications"),
        )
        daemon.until_synced("market")
        assert daemon.app("market")["conditions"] == []
        cluster.api.request("DELETE", f"/api/v1/namespaces/{other}")

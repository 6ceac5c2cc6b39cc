"""The course of syncs under a real daemon: a wait that is superseded, one that is ended, and what waits for something else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from gitopsd.model.refs import Object, ObjectRef
from localcluster import LocalCluster
from tests.cluster.daemon import Daemon
from tests.cluster.hands import got
from tests.cluster.test_order import waved
from tests.cluster.world import config_map, deployment
from tests.gitrepo import Content

NAMESPACE = "course"
TOO_LARGE = {"requests": {"cpu": "5000"}}
"""What no node has: a Deployment that asks for it stays Progressing."""


FILES: dict[str, Content] = {"README": "One folder for each application.\n"}


@pytest.fixture(scope="module")
def daemon(cluster: LocalCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A daemon for all tests here; each has applications and folders of its own."""
    cluster.api.create("/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
    daemon = Daemon(tmp_path_factory.mktemp("course") / "daemon", cluster, installation=NAMESPACE)
    daemon.repo.commit(FILES)
    with daemon:
        yield daemon
    cluster.api.request("DELETE", f"/api/v1/namespaces/{NAMESPACE}")


def push(daemon: Daemon, folder: str, *manifests: Object) -> str:
    """The next commit, with just these in the folder, and other folders as they were."""
    FILES[f"{folder}/all.json"] = json.dumps({"apiVersion": "v1", "kind": "List", "items": manifests})
    return daemon.repo.commit(FILES)


def declare(daemon: Daemon, *names: str, needs: str = "") -> None:
    """Declares applications of the folders of their names, and returns when they are known."""
    for name in names:
        daemon.declare(name, NAMESPACE, name, **({"depends_on": needs} if needs else {}))
    daemon.until(lambda: all(daemon.knows(name) for name in names))


def until_waiting(daemon: Daemon, name: str) -> None:
    """Returns when a sync of the application waits for the first wave."""
    daemon.until(lambda: "the next wave waits: Deployment" in json.dumps(daemon.app(name)["operation"]))


def is_there(cluster: LocalCluster, name: str) -> bool:
    """Whether there is a ConfigMap of that name."""
    found = cluster.api.get(f"/api/v1/namespaces/{NAMESPACE}/configmaps")["items"]
    return name in {entry["metadata"]["name"] for entry in found}


def newest(daemon: Daemon, name: str) -> list[Any]:
    """The application's records, newest first."""
    items: list[Any] = daemon.get(f"/api/v1/applications/{name}/history")["items"]
    return items


def test_a_newer_commit_ends_a_wait(daemon: Daemon, cluster: LocalCluster) -> None:
    """A sync that waits for what will never be healthy gives way to the commit that mends it, and says so."""
    bad = push(daemon, "mended", deployment(NAMESPACE, "mended", resources=TOO_LARGE), waved(config_map(NAMESPACE, "mended"), 1))
    declare(daemon, "mended")
    until_waiting(daemon, "mended")
    assert not is_there(cluster, "mended")
    good = push(daemon, "mended", deployment(NAMESPACE, "mended"), waved(config_map(NAMESPACE, "mended"), 1))
    daemon.until_synced("mended", good)
    last, before = newest(daemon, "mended")[:2]
    assert (last["phase"], last["revision"]) == ("Succeeded", good)
    assert (before["phase"], before["revision"], before["result"]) == ("Failed", bad, f"superseded by {good}")


def test_a_person_ends_a_wait(daemon: Daemon, cluster: LocalCluster) -> None:
    """What was written stays, what was to come is not; the record says what happened, and the next sync goes on."""
    push(daemon, "ended", deployment(NAMESPACE, "ended", resources=TOO_LARGE), waved(config_map(NAMESPACE, "ended"), 1))
    declare(daemon, "ended")
    until_waiting(daemon, "ended")
    daemon.text("/api/v1/applications/ended/operation", method="DELETE")
    daemon.until(lambda: daemon.app("ended")["operation"]["phase"] == "Failed")
    record, *_ = newest(daemon, "ended")  # the pass before may not have known the folder yet
    assert record["result"] == "terminated; the next sync goes on where it was"
    assert got(cluster, ObjectRef("apps", "Deployment", NAMESPACE, "ended"))
    assert not is_there(cluster, "ended")
    daemon.until_synced("ended", push(daemon, "ended", deployment(NAMESPACE, "ended"), waved(config_map(NAMESPACE, "ended"), 1)))


def test_objects_wait_for_objects(daemon: Daemon, cluster: LocalCluster) -> None:
    """A ConfigMap that depends on a Deployment comes when that is available, though its kind goes first, and leaves before it."""
    settings, kept = config_map(NAMESPACE, "needs"), config_map(NAMESPACE, "needs-kept")
    need = f"apps/namespaces/{NAMESPACE}/Deployment/needs"
    settings["metadata"]["annotations"] = {"config.kubernetes.io/depends-on": need}
    first = push(daemon, "needs", settings, deployment(NAMESPACE, "needs"), kept)
    declare(daemon, "needs")
    daemon.until_synced("needs", first)
    live = got(cluster, ObjectRef("apps", "Deployment", NAMESPACE, "needs"))
    (available,) = (c["lastTransitionTime"] for c in live["status"]["conditions"] if c["type"] == "Available")
    assert available <= got(cluster, ObjectRef("", "ConfigMap", NAMESPACE, "needs"))["metadata"]["creationTimestamp"]
    daemon.until_synced("needs", push(daemon, "needs", kept))
    record = daemon.get(f"/api/v1/applications/needs/history/{newest(daemon, 'needs')[0]['id']}")
    assert [(entry["object"]["kind"], entry["status"]) for entry in record["objects"]] == [
        ("ConfigMap", "Pruned"),
        ("Deployment", "Pruned"),
    ]


def test_applications_wait_for_applications(daemon: Daemon, cluster: LocalCluster) -> None:
    """One is held back, and says for whom, until what it depends on is healthy; those in a circle say which circle."""
    for name in ("front", "hen", "egg"):
        push(daemon, name, config_map(NAMESPACE, name))
    push(daemon, "db", deployment(NAMESPACE, "db", resources=TOO_LARGE))
    declare(daemon, "front", needs="db")
    declare(daemon, "hen", needs="egg")
    declare(daemon, "egg", needs="argocd/hen")
    declare(daemon, "db")

    def says(name: str, text: str) -> bool:
        return text in json.dumps(daemon.app(name)["conditions"])

    daemon.until(lambda: says("front", "waits for application argocd/db, which is Synced and Progressing"))
    daemon.until(lambda: says("hen", "argocd/hen -> argocd/egg"), lambda: daemon.text("/api/v1/applications"))
    assert all(says(name, "depends-on: ") and says(name, "none of them is synced until then") for name in ("hen", "egg"))
    assert not any(is_there(cluster, name) for name in ("front", "hen", "egg"))
    mended = push(daemon, "db", deployment(NAMESPACE, "db"))
    daemon.until_synced("front", mended)
    assert daemon.state("db") == "Synced Healthy"
    declare(daemon, "hen")
    daemon.until_synced("egg")

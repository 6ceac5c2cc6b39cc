"""What people decide, on a real API server: rollback that stays, approval of a plan, adoption by name."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from subprocess import run
from typing import Any

import pytest

from gitopsd.model.app import AppSettings
from gitopsd.model.errors import ObjectError
from gitopsd.model.marks import OWNER_ANNOTATION
from gitopsd.model.plan import Action, Inventory, Step
from gitopsd.model.refs import ObjectRef
from localcluster import LocalCluster
from tests.cluster.daemon import Daemon
from tests.cluster.hands import got, made, patched
from tests.cluster.test_order import hook, jobs, named
from tests.cluster.world import application, clusters, config_map, marked, sync, wanted

APP = "app"
BELOW = f"/api/v1/applications/{APP}"


@pytest.fixture
def daemon(cluster: LocalCluster, namespace: str, tmp_path: Path) -> Iterator[Daemon]:
    """A daemon with one application `app`, whose objects go to the test's namespace; it is not started yet."""
    daemon = Daemon(tmp_path / "daemon", cluster, installation=namespace)
    daemon.declare(APP, namespace)
    yield daemon
    daemon.kill()


def colour(daemon: Daemon, value: str, **more: Any) -> str:
    """Commits a ConfigMap of this colour."""
    text = f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: settings}}\ndata: {{colour: {value}}}\n"
    return daemon.repo.commit({"app/settings.yaml": text}, **more)


def test_a_rollback_stays_heals_and_outlives_what_git_forgets(daemon: Daemon, cluster: LocalCluster, namespace: str) -> None:
    """Back to the first commit: hands are healed to it, a restart keeps it, `unpin` ends it.

    And a commit that a force push took away, for remote and branch alike, is still one to go back to: the mirror kept it.
    """
    settings = ObjectRef("", "ConfigMap", namespace, "settings")

    def live() -> str:
        return str(got(cluster, settings)["data"]["colour"])

    red = colour(daemon, "red")
    with daemon:
        daemon.until_synced(APP, red)
        blue = colour(daemon, "blue")
        daemon.until_synced(APP, blue)
        record = json.loads(daemon.text(f"{BELOW}/rollback?wait=60s", method="POST"))
        assert (record["phase"], record["revision"], live()) == ("Succeeded", red, "red")
        patched(cluster, settings, {"data": {"colour": "green"}})
        daemon.until(lambda: live() == "red")
        daemon.kill()
        daemon.start()
        daemon.until_synced(APP, red)
        assert daemon.app(APP)["pinned"] == red
        daemon.text(f"{BELOW}/unpin", method="POST")
        daemon.until_synced(APP, blue)
        white = colour(daemon, "white", parents=())
        daemon.until_synced(APP, white)
        record = json.loads(daemon.text(f"{BELOW}/rollback?wait=60s", method="POST"))
        assert (record["phase"], record["revision"], live()) == ("Succeeded", blue, "blue")
        black = colour(daemon, "black")
        daemon.until_synced(APP, black)
        assert daemon.app(APP)["pinned"] is None


def test_a_plan_waits_for_approval(daemon: Daemon, cluster: LocalCluster, namespace: str) -> None:
    """Nothing is there before its digest is approved, and a hand that changes what the plan would change makes another plan."""
    daemon.declare(APP, namespace, approval="required")
    settings = ObjectRef("", "ConfigMap", namespace, "settings")

    def approve(digest: str) -> str:
        return daemon.text(f"{BELOW}/approve", method="POST", body={"digest": digest})

    def waits() -> bool:
        return [condition["type"] for condition in daemon.app(APP)["conditions"]] == ["ApprovalRequired"]

    red = colour(daemon, "red")
    with daemon:
        daemon.until(waits)
        approve(daemon.get(f"{BELOW}/plan")["digest"])
        daemon.until_synced(APP, red)
        blue = colour(daemon, "blue")
        daemon.until(lambda: waits() and daemon.app(APP)["sync"]["revision"] == blue)
        first = daemon.get(f"{BELOW}/plan")["digest"]
        patched(cluster, settings, {"data": {"colour": "green"}})
        daemon.until(lambda: "the plan is" in approve("0" * 64) and first[:16] not in approve("0" * 64))
        assert json.loads(approve(first))["status"] == 409
        assert got(cluster, settings)["data"] == {"colour": "green"}
        approve(daemon.get(f"{BELOW}/plan")["digest"])
        daemon.until_synced(APP, blue)
        assert daemon.get(f"{BELOW}/history")["items"][0]["trigger"] == "approve"


def test_a_plan_with_hooks_and_what_loses_data_wait_for_commands(daemon: Daemon, cluster: LocalCluster, namespace: str) -> None:
    """A hook runs once the digest that the preview shows is approved; a claim that left Git goes once that is confirmed."""
    daemon.declare(APP, namespace, approval="required")
    metadata = {"name": "disk", "annotations": {"argocd.argoproj.io/ignore-healthcheck": "true"}}
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, "storageClassName": "none"}
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec}
    migrate = json.dumps(named("migrate", hook(namespace, "PreSync")))

    def waits(what: str) -> bool:
        app = daemon.app(APP) if daemon.knows(APP) else {"conditions": []}
        return what in json.dumps(app["conditions"])

    def claims() -> list[str]:
        found = cluster.api.get(f"/api/v1/namespaces/{namespace}/persistentvolumeclaims")["items"]
        return [entry["metadata"]["name"] for entry in found]

    daemon.repo.commit({"app/migrate.json": migrate, "app/claim.json": json.dumps(claim)})
    with daemon:
        daemon.until(lambda: waits("ApprovalRequired"))
        assert (jobs(cluster, namespace), claims()) == ({}, [])
        plan = json.loads(ordered(daemon, "plan", APP, "-o", "json"))
        assert [entry["action"] for entry in plan["objects"]] == ["hook", "create"]
        digest = plan["digest"]
        assert waits(digest[:16])
        ordered(daemon, "approve", APP, digest[:16])
        daemon.until_synced(APP)
        assert (list(jobs(cluster, namespace)), claims()) == (["migrate"], ["disk"])

        daemon.declare(APP, namespace)
        daemon.repo.commit({"app/settings.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\n"})
        daemon.until(lambda: "waits for confirmation: gitopsd confirm-prune" in daemon.text(f"{BELOW}/plan"))
        daemon.until(lambda: daemon.state(APP) == "OutOfSync Healthy")
        assert claims() == ["disk"]
        ordered(daemon, "confirm-prune", APP)
        daemon.until_synced(APP)
        assert daemon.get(f"{BELOW}/history")["items"][0]["trigger"] == "confirm-prune"
        daemon.until(lambda: claims() == [])  # a controller takes its finalizer away


def ordered(daemon: Daemon, *words: str) -> str:
    """What the command prints; fails where it fails."""
    command = [sys.executable, "-m", "gitopsd", *words, "--server", f"http://127.0.0.1:{daemon.api}"]
    return run(command, check=True, capture_output=True, text=True).stdout


def test_an_object_of_another_application_is_taken_over_by_name(daemon: Daemon, cluster: LocalCluster, namespace: str) -> None:
    """It is refused with both owners named, until somebody says its name."""
    theirs = config_map(namespace, colour="red")
    theirs["metadata"]["annotations"] = {OWNER_ANNOTATION: f"{namespace};argocd/other;/ConfigMap;{namespace}/settings"}
    made(cluster, theirs)
    red = colour(daemon, "blue")
    with daemon:
        daemon.until(lambda: "argocd/other owns it" in json.dumps(daemon.app(APP)["conditions"]))
        daemon.text(f"{BELOW}/adopt", method="POST", body={"object": "ConfigMap/settings"})
        daemon.until_synced(APP, red)
    live = got(cluster, ObjectRef("", "ConfigMap", namespace, "settings"))
    assert live["data"] == {"colour": "blue"}
    assert "argocd/app" in live["metadata"]["annotations"][OWNER_ANNOTATION]


async def test_an_approved_write_is_for_the_very_version_that_was_planned(cluster: LocalCluster, namespace: str) -> None:
    """What somebody changed between plan and write is not overwritten: update and deletion fail, the change stays."""
    app = replace(application(namespace), settings=AppSettings(approval=True))
    async with clusters(cluster) as port:
        before = marked(app, config_map(namespace, colour="red"))
        await sync(port, app, before)
        want = marked(app, config_map(namespace, colour="blue"))
        live = (await port.observe(app, wanted(want), await port.inventory(app)))[want.ref]
        steps = (Step(want.ref, Action.CONFIGURE, "", want, live), Step(want.ref, Action.PRUNE, "", live=live))
        patched(cluster, want.ref, {"data": {"size": "large"}})
        for step in steps:
            with pytest.raises(ObjectError, match="Conflict"):
                await port.write(app, step)
        assert got(cluster, want.ref)["data"] == {"colour": "red", "size": "large"}
        fresh = (await port.observe(app, wanted(want), Inventory()))[want.ref]
        await port.write(app, Step(want.ref, Action.CONFIGURE, "", want, fresh))
        assert got(cluster, want.ref)["data"] == {"colour": "blue", "size": "large"}

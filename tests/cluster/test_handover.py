"""An Application with all it has, handed over from Argo CD as the guide says it (docs/guide/argocd.md)."""

from __future__ import annotations

import json
from pathlib import Path

from gitopsd.cluster.declared import APPLICATIONS
from gitopsd.cluster.paths import collection
from gitopsd.model.app import SKIP_RECONCILE
from gitopsd.model.marks import OWNER_ANNOTATION
from gitopsd.model.refs import Object, ObjectRef
from gitopsd.resources.holder import CONTROLLER
from localcluster import LocalCluster
from tests.cluster.hands import applied, got, made
from tests.cluster.resources import LABEL, Land, land
from tests.cluster.world import config_map, deployment

TRACKING = "argocd.argoproj.io/tracking-id"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
REVISION = "4f0c" * 10


def tracked(manifest: Object) -> Object:
    """The manifest with the annotation by which Argo CD tracks it as the application `web` in its namespace."""
    ref = ObjectRef.of(manifest)
    said = {TRACKING: f"{ref.namespace}_web:{ref.group}/{ref.kind}:{ref.namespace}/{ref.name}"}
    return manifest | {"metadata": manifest["metadata"] | {"annotations": said}}


def under_argo_cd(cluster: LocalCluster, here: Land) -> None:
    """The Application, as Argo CD's controller leaves it, and its objects: applied on the server's side and on the client's.

    In each is a field that Git does not hold any more.
    """
    namespace = here.namespace
    document = here.application("web", labels={}, revisionHistoryLimit=5)
    document["metadata"]["finalizers"] = ["resources-finalizer.argocd.argoproj.io"]
    cluster.api.create(collection(APPLICATIONS, namespace), document)
    source = {"repoURL": here.daemon.repo.url, "path": "web"}
    history = [{"id": 7, "revision": REVISION, "deployedAt": "2026-03-01T12:00:00Z", "source": source}]
    here.patch("web", {"status": {"sync": {"status": "Synced"}, "history": history}}, CONTROLLER)
    applied(cluster, tracked(deployment(namespace, env=[{"name": "GONE", "value": "1"}])), "argocd-controller")
    settings = tracked(config_map(namespace, kept="1", gone="2"))
    settings["metadata"]["annotations"][LAST_APPLIED] = json.dumps(settings)
    made(cluster, settings, "argocd-controller")


def let_time_pass(here: Land) -> None:
    """Argo CD's controller has written nothing for longer than ten minutes."""
    entries = here.get("web")["metadata"]["managedFields"]
    before = "2026-03-01T12:00:00Z"
    then = [entry | ({"time": before} if entry["manager"] == CONTROLLER else {}) for entry in entries]
    # The server takes a time alone for no change at all.
    here.patch("web", {"metadata": {"managedFields": then, "annotations": {"example.test/hour": "later"}}})


def test_an_application_is_handed_over(cluster: LocalCluster, namespace: str, tmp_path: Path) -> None:
    """Held while Argo CD may be at work; then ours with its objects, less what Git lacks; its history goes on."""
    api, settings = ObjectRef("apps", "Deployment", namespace, "api"), ObjectRef("", "ConfigMap", namespace, "settings")
    with land(cluster, namespace, tmp_path) as here:
        files = {"web/api.json": deployment(namespace), "web/settings.json": config_map(namespace, kept="1")}
        revision = here.daemon.repo.commit({path: json.dumps(manifest) for path, manifest in files.items()})
        under_argo_cd(cluster, here)
        uid = got(cluster, api)["metadata"]["uid"]

        ours, argos = SKIP_RECONCILE
        here.patch("web", {"metadata": {"annotations": {argos: "true", ours: "false"}}})
        here.patch("web", {"metadata": {"labels": LABEL}})
        here.daemon.until(lambda: "Argo CD reconciles it" in here.daemon.text("/api/v1/applications/web"))
        assert got(cluster, settings)["data"] == {"kept": "1", "gone": "2"}

        let_time_pass(here)
        here.daemon.until_synced("web", revision)
        live = got(cluster, api)
        assert live["metadata"]["uid"] == uid
        assert "env" not in live["spec"]["template"]["spec"]["containers"][0]
        assert got(cluster, settings)["data"] == {"kept": "1"}
        for ref in (api, settings):
            said = got(cluster, ref)["metadata"]["annotations"]
            assert {TRACKING, LAST_APPLIED}.isdisjoint(said)
            assert f"{namespace}/web" in said[OWNER_ANNOTATION]
        here.until_state("web", "Synced Healthy")
        assert [(entry["id"], entry["revision"]) for entry in here.status("web")["history"]] == [(7, REVISION), (8, revision)]

        here.delete("web")
        here.daemon.until(lambda: not here.exists("web"), lambda: json.dumps(here.get("web")))
        assert here.config_map("settings") is None

"""Whose a field is, on a real API server: ignored differences, conflicts of managers, and what can't be changed in place."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gitopsd.cluster import Clusters
from gitopsd.model.app import AppSettings
from gitopsd.model.errors import ObjectError
from gitopsd.model.plan import Action
from gitopsd.model.refs import Object, ObjectRef
from localcluster import LocalCluster
from tests.cluster.hands import applied, got, made, patched
from tests.cluster.planning import annotated, ignoring, planned, refused, seen, synced
from tests.cluster.world import IDENTITY, Heard, application, config_map, deployment

# --- ignored differences


@pytest.mark.parametrize(
    "parts",
    [
        {"json_pointers": ("/spec/replicas",)},
        {"jq_path_expressions": (".spec | select(.paused | not) | .replicas",)},
        {"managed_fields_managers": ("scaler",)},
    ],
    ids=["pointer", "path", "manager"],
)
async def test_an_ignored_difference_is_in_sync(
    parts: Any, cluster: LocalCluster, port: Clusters, heard: Heard, namespace: str
) -> None:
    """It is seen once, as ignored; then nothing is asked. A sync for another reason writes the field, as in Argo CD."""
    app = ignoring(application(namespace), **parts)
    await synced(port, app, deployment(namespace, replicas=2))
    ref = ObjectRef("apps", "Deployment", namespace, "api")
    await seen(port, patched(cluster, ref, {"spec": {"replicas": 5}}, manager="scaler"))
    plan = await planned(port, app, deployment(namespace, replicas=2))
    assert plan.steps == ()
    (ignored,) = plan.ignored
    assert [(c.field, c.before, c.after, c.manager) for c in ignored.changes] == [("spec.replicas", 5, 2, "scaler")]
    heard.asked()
    assert (await planned(port, app, deployment(namespace, replicas=2))).ignored == ()
    assert heard.asked() == []
    await synced(port, app, deployment(namespace, replicas=2, env=[{"name": "A", "value": "1"}]))
    assert got(cluster, ref)["spec"]["replicas"] == 2


async def test_respected_fields_stay_with_who_has_them(cluster: LocalCluster, port: Clusters, namespace: str) -> None:
    """A new object gets them; an update leaves them to their other holder, and one that nobody else holds as it is."""
    app = ignoring(application(namespace), "RespectIgnoreDifferences=true", json_pointers=("/spec/replicas",))
    ref = ObjectRef("apps", "Deployment", namespace, "api")
    await synced(port, app, deployment(namespace, replicas=2))
    assert got(cluster, ref)["spec"]["replicas"] == 2
    await synced(port, app, deployment(namespace, replicas=3, env=[{"name": "A", "value": "1"}]))
    assert got(cluster, ref)["spec"]["replicas"] == 2
    await seen(port, patched(cluster, ref, {"spec": {"replicas": 5}}, manager="scaler"))
    await synced(port, app, deployment(namespace, replicas=2, env=[{"name": "A", "value": "2"}]))
    live = got(cluster, ref)
    assert live["spec"]["replicas"] == 5
    assert live["spec"]["template"]["spec"]["containers"][0]["env"] == [{"name": "A", "value": "2"}]
    assert (await planned(port, app, deployment(namespace, replicas=2, env=[{"name": "A", "value": "2"}]))).steps == ()
    assert "f:replicas" not in str([e for e in live["metadata"]["managedFields"] if e["manager"] == IDENTITY.manager])


# --- conflicts


async def test_a_conflict_can_be_refused(cluster: LocalCluster, port: Clusters, namespace: str) -> None:
    """The refusal names manager and field, and what can be done; nothing is written. What we hold ourselves is no conflict."""
    app = application(namespace)
    strict = annotated(config_map(namespace, a="1", b="1"), conflicts="refuse")
    await synced(port, app, strict)
    await synced(port, app, annotated(config_map(namespace, a="2", b="1"), conflicts="refuse"))
    ref = ObjectRef("", "ConfigMap", namespace, "settings")
    await seen(port, patched(cluster, ref, {"data": {"a": "theirs"}}, manager="other"))
    said = refused(await planned(port, app, annotated(config_map(namespace, a="3", b="1"), conflicts="refuse")))
    assert 'FieldManagerConflict: Apply failed with 1 conflict: conflict with "other"' in said
    assert ".data.a" in said
    assert "gitopsd.dev/conflicts: force" in said
    assert got(cluster, ref)["data"]["a"] == "theirs"


async def test_a_conflict_can_be_yielded(cluster: LocalCluster, port: Clusters, namespace: str) -> None:
    """The field stays theirs, with a warning, and that is in sync; all others are Git's."""
    app = replace(application(namespace), settings=AppSettings(conflicts="yield"))
    await synced(port, app, deployment(namespace, replicas=2))
    ref = ObjectRef("apps", "Deployment", namespace, "api")
    theirs = {"spec": {"replicas": 5, "template": {"spec": {"containers": [{"name": "app", "image": "example.test/app:9"}]}}}}
    await seen(port, patched(cluster, ref, theirs, manager="other"))
    (step,) = (await synced(port, app, deployment(namespace, replicas=2, env=[{"name": "A", "value": "1"}]))).steps
    assert set(step.warnings) == {
        "spec.replicas is left to other, which holds it",
        'spec.template.spec.containers[name="app"].image is left to other, which holds it',
    }
    live = got(cluster, ref)
    container = live["spec"]["template"]["spec"]["containers"][0]
    assert (live["spec"]["replicas"], container["image"]) == (5, "example.test/app:9")
    assert container["env"] == [{"name": "A", "value": "1"}]
    again = await planned(port, app, deployment(namespace, replicas=2, env=[{"name": "A", "value": "1"}]))
    assert (again.steps, set(again.warnings)) == ((), {f"{ref}: {warning}" for warning in step.warnings})
    port._clusters["local"]._store.receipts.clear()
    judged = await planned(port, app, deployment(namespace, replicas=2, env=[{"name": "A", "value": "1"}]))
    assert (judged.steps, set(judged.warnings)) == ((), set(again.warnings))


async def test_earlier_tools_are_no_conflict(cluster: LocalCluster, port: Clusters, namespace: str) -> None:
    """Where conflicts are refused, what Argo CD left is still taken over, and a field that Git lacks shows in the plan."""
    app = application(namespace)
    applied(cluster, config_map(namespace, a="1", gone="2"), "argocd-controller")
    want = annotated(config_map(namespace, a="3"), conflicts="refuse")
    (step,) = (await synced(port, app, want)).steps
    changes = {(c.field, c.before, c.after, c.manager) for c in step.changes if c.field.startswith("data")}
    assert changes == {("data.a", "1", "3", "argocd-controller"), ("data.gone", "2", None, "argocd-controller")}
    assert got(cluster, ObjectRef("", "ConfigMap", namespace, "settings"))["data"] == {"a": "3"}


# --- what can't be changed in place


def _other_selector(namespace: str) -> Object:
    manifest = deployment(namespace)
    labels = {"app": "other"}
    template = manifest["spec"]["template"] | {"metadata": {"labels": labels}}
    return manifest | {"spec": manifest["spec"] | {"selector": {"matchLabels": labels}, "template": template}}


async def test_what_cannot_be_changed_is_refused(port: Clusters, namespace: str) -> None:
    """The refusal says which annotation would allow it."""
    app = application(namespace)
    await synced(port, app, deployment(namespace))
    said = refused(await planned(port, app, _other_selector(namespace)))
    assert "Immutable: Deployment.apps" in said
    assert 'annotate it with gitopsd.dev/recreate: "true", or sync with --force' in said


@pytest.mark.parametrize("how", ["annotation", "option", "force"])
async def test_what_may_be_made_anew_is(how: str, cluster: LocalCluster, port: Clusters, namespace: str) -> None:
    """The plan says so, and why; the new object has another uid and is in sync."""
    app = application(namespace, "argocd", "Replace=true") if how == "option" else application(namespace)
    await synced(port, app, deployment(namespace))
    ref = ObjectRef("apps", "Deployment", namespace, "api")
    old = got(cluster, ref)["metadata"]["uid"]
    want = _other_selector(namespace)
    want = annotated(want, recreate="true") if how == "annotation" else want
    (step,) = (await synced(port, app, want, force=how == "force")).steps
    assert (step.action, step.reason) == (Action.RECREATE, "is made anew: spec.selector can't be changed in place")
    assert "spec.selector.matchLabels.app" in {change.field for change in step.changes}
    live = got(cluster, ref)
    assert live["metadata"]["uid"] != old
    assert live["spec"]["selector"] == {"matchLabels": {"app": "other"}}
    assert (await planned(port, app, want)).steps == ()


async def test_what_would_not_come_back_is_not_deleted(port: Clusters, namespace: str) -> None:
    """The dry run of making it anew refuses what is no valid object."""
    app = application(namespace)
    await synced(port, app, deployment(namespace))
    broken = annotated(_other_selector(namespace), recreate="true")
    broken["spec"]["template"]["spec"] = {"containers": []}
    assert "spec.template.spec.containers: Required value" in refused(await planned(port, app, broken))


async def test_an_object_made_meanwhile_is_not_changed(cluster: LocalCluster, port: Clusters, namespace: str) -> None:
    """Between the dry run of a creation and its write somebody else makes the object: it stays as they made it."""
    app = application(namespace)
    plan = await planned(port, app, config_map(namespace, a="git"))
    made(cluster, config_map(namespace, b="theirs"))
    with pytest.raises(ObjectError, match="somebody else has made it since the dry run") as error:
        await port.write(app, plan.steps[0])
    assert error.value.reason == "AlreadyExists"
    live = got(cluster, plan.steps[0].ref)
    assert live["data"] == {"b": "theirs"}
    assert "labels" not in live["metadata"]

"""Sync options that change how an object is written, on a real API server: Replace, Force, Validate, SkipDryRun..."""

from __future__ import annotations

import pytest

from gitopsd.cluster import Clusters
from gitopsd.model.errors import ObjectError
from gitopsd.model.plan import Action
from gitopsd.model.refs import Object, ObjectRef
from localcluster import LocalCluster
from tests.cluster.hands import got, patched
from tests.cluster.planning import planned, refused, seen, synced
from tests.cluster.world import Heard, application, config_map, deployment


async def test_replace_puts_the_whole_object(cluster: LocalCluster, port: Clusters, heard: Heard, namespace: str) -> None:
    """Made where it is absent, put in place where it differs: what others added goes away then, and is no difference before."""
    app = application(namespace, "argocd", "Replace=true")
    ref = ObjectRef("apps", "Deployment", namespace, "api")
    await synced(port, app, deployment(namespace, replicas=1))
    await port.settle(app, frozenset((ref,)), 30)
    uid = got(cluster, ref)["metadata"]["uid"]
    await seen(port, patched(cluster, ref, {"metadata": {"labels": {"theirs": "1"}}}))
    assert (await planned(port, app, deployment(namespace, replicas=1))).steps == ()
    (step,) = (await synced(port, app, deployment(namespace, replicas=2))).steps
    assert step.action is Action.CONFIGURE
    live = got(cluster, ref)
    assert (live["metadata"]["uid"], live["spec"]["replicas"]) == (uid, 2)
    assert "theirs" not in live["metadata"]["labels"]
    await port.settle(app, frozenset((ref,)), 30)
    heard.asked()
    assert (await planned(port, app, deployment(namespace, replicas=2))).steps == ()
    assert heard.asked() == []


async def test_replaced_objects_drift_too(cluster: LocalCluster, port: Clusters, namespace: str) -> None:
    """A value that somebody changes is noticed, and a field that leaves Git goes away."""
    app = application(namespace, "argocd", "Replace=true")
    ref = ObjectRef("apps", "Deployment", namespace, "api")
    env = [{"name": "A", "value": "1"}]
    await synced(port, app, deployment(namespace, replicas=1))
    await synced(port, app, deployment(namespace, replicas=2, env=env))
    await seen(port, patched(cluster, ref, {"spec": {"replicas": 5}}))
    (step,) = (await planned(port, app, deployment(namespace, replicas=2, env=env))).steps
    assert [(c.field, c.before, c.after, c.manager) for c in step.changes if "replicas" in c.field] == [
        ("spec.replicas", 5, 2, "hand")
    ]
    await synced(port, app, deployment(namespace, replicas=2))
    live = got(cluster, ref)
    assert live["spec"]["replicas"] == 2
    assert "env" not in live["spec"]["template"]["spec"]["containers"][0]


async def test_replace_with_force_makes_anew(cluster: LocalCluster, port: Clusters, namespace: str) -> None:
    """At any difference, and at none else."""
    app = application(namespace, "argocd", "Replace=true", "Force=true")
    ref = ObjectRef("", "ConfigMap", namespace, "settings")
    await synced(port, app, config_map(namespace, a="1"))
    uid = got(cluster, ref)["metadata"]["uid"]
    assert (await planned(port, app, config_map(namespace, a="1"))).steps == ()
    (step,) = (await synced(port, app, config_map(namespace, a="2"))).steps
    assert (step.action, step.reason) == (Action.RECREATE, "is made anew: Force and Replace ask for it")
    assert [(c.field, c.before, c.after) for c in step.changes] == [("data.a", "1", "2")]
    live = got(cluster, ref)
    assert live["data"] == {"a": "2"}
    assert live["metadata"]["uid"] != uid


def _misspelt(namespace: str) -> Object:
    manifest = deployment(namespace, imagePullPolcy="Always")
    return manifest | {"spec": manifest["spec"] | {"replcas": 3}}


async def test_unknown_fields_are_refused(port: Clusters, namespace: str) -> None:
    """Unless Validate=false: then they are left out, with a warning each, in a creation and in a change."""
    assert "field not declared in schema" in refused(await planned(port, application(namespace), _misspelt(namespace)))
    app = application(namespace, "argocd", "Validate=false")
    (step,) = (await synced(port, app, _misspelt(namespace))).steps
    assert set(step.warnings) == {
        "spec.replcas is left out: its kind has no such field",
        'spec.template.spec.containers[name="app"].imagePullPolcy is left out: its kind has no such field',
    }
    assert (await planned(port, app, _misspelt(namespace))).steps == ()
    changed = _misspelt(namespace)
    changed["spec"]["replicas"] = 3
    (step,) = (await synced(port, app, changed)).steps
    assert len(step.warnings) == 2
    assert (await planned(port, app, changed)).steps == ()


async def test_a_kind_that_is_not_there_yet(port: Clusters, namespace: str) -> None:
    """It is refused by name; with SkipDryRunOnMissingResource it is tried when it is written, and fails only then."""
    gadget: Object = {"apiVersion": "example.test/v1", "kind": "Gadget", "metadata": {"name": "g", "namespace": namespace}}
    assert "UnknownKind" in refused(await planned(port, application(namespace), gadget))
    app = application(namespace, "argocd", "SkipDryRunOnMissingResource=true")
    (step,) = (await planned(port, app, gadget)).steps
    with pytest.raises(ObjectError, match="the cluster has no kind Gadget"):
        await port.write(app, step)

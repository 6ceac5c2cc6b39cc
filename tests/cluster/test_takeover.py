"""Taking over from earlier tools, on a real API server: fields that leave Git leave the cluster too."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from subprocess import run

import pytest

from gitopsd.cluster import Clusters, Identity
from gitopsd.model.plan import Action, Step
from gitopsd.model.refs import Object, ObjectRef
from localcluster import LocalCluster
from localcluster.api import RequestError
from tests.cluster.hands import applied, got, made, patched, scaled
from tests.cluster.planning import annotated, planned, refused, synced
from tests.cluster.world import application, clusters, config_map, deployment, marked, sync, unmarked, wanted
from tests.waiting import until


def _managers(obj: Object) -> set[tuple[str, str]]:
    return {(entry["manager"], entry["operation"]) for entry in obj["metadata"]["managedFields"] if not entry.get("subresource")}


async def _kubectl_apply(cluster: LocalCluster, manifest: Object, folder: Path) -> None:
    """What the real kubectl makes of it on the client's side."""
    file = folder / "manifest.json"
    file.write_text(json.dumps(manifest))
    command = [str(Path(sys.executable).with_name("kubectl")), "--kubeconfig", str(cluster.kubeconfig), "apply", "-f", str(file)]
    await asyncio.to_thread(run, command, check=True)


async def test_from_kubectl_apply(cluster: LocalCluster, port: Clusters, namespace: str, tmp_path: Path) -> None:
    """After client-side apply by the real kubectl, a key that Git lacks goes away, and kubectl's annotation with it."""
    await _kubectl_apply(cluster, config_map(namespace, kept="1", dropped="2"), tmp_path)
    app = application(namespace)
    want = marked(app, config_map(namespace, kept="1"))
    await sync(port, app, want)
    live = got(cluster, want.ref)
    assert live["data"] == {"kept": "1"}
    assert "kubectl.kubernetes.io/last-applied-configuration" not in live["metadata"]["annotations"]
    assert _managers(live) == {("gitopsd", "Apply")}
    assert (await sync(port, app, want)).live[want.ref].in_sync


@pytest.mark.parametrize("manager", ["argocd-controller", "kustomize-controller"])
async def test_from_argo_and_flux(manager: str, cluster: LocalCluster, port: Clusters, namespace: str) -> None:
    """Server-side applies of Argo CD and Flux are taken over the same way."""
    applied(cluster, config_map(namespace, kept="1", dropped="2"), manager)
    app = application(namespace)
    want = marked(app, config_map(namespace, kept="1"))
    await sync(port, app, want)
    assert got(cluster, want.ref)["data"] == {"kept": "1"}


@pytest.mark.parametrize("tool", ["kubectl apply", "argocd-controller", "kustomize-controller", "helm"])
async def test_the_plan_shows_what_goes_away(
    tool: str, cluster: LocalCluster, port: Clusters, namespace: str, tmp_path: Path
) -> None:
    """Before anything is written: each field that only the earlier tool holds, and that Git lacks, with who holds it."""
    earlier = deployment(namespace, replicas=3, env=[{"name": "A", "value": "1"}, {"name": "GONE", "value": "2"}], tty=True)
    if tool == "kubectl apply":
        await _kubectl_apply(cluster, earlier, tmp_path)
    else:
        applied(cluster, earlier, tool)
    manager = "kubectl-client-side-apply" if tool == "kubectl apply" else tool
    want = deployment(namespace, replicas=None, env=[{"name": "A", "value": "1"}])
    (step,) = (await planned(port, application(namespace), want)).steps
    gone = {change.field: change.manager for change in step.changes if change.manager == manager}
    container = "spec.template.spec.containers[name=app]"
    last_applied = 'metadata.annotations["kubectl.kubernetes.io/last-applied-configuration"]'
    expected = {"spec.replicas", f"{container}.env[name=GONE]", f"{container}.tty"}
    expected |= {last_applied} if tool == "kubectl apply" else set()
    assert gone == dict.fromkeys(expected, manager)
    await synced(port, application(namespace), want)
    live = got(cluster, step.ref)
    container_now = live["spec"]["template"]["spec"]["containers"][0]
    assert (live["spec"]["replicas"], container_now["env"]) == (1, [{"name": "A", "value": "1"}])
    assert "tty" not in container_now
    assert "last-applied" not in str(live["metadata"]["annotations"])
    assert (await planned(port, application(namespace), want)).steps == ()


async def test_two_installations_of_one_name_are_told_apart(cluster: LocalCluster, port: Clusters, namespace: str) -> None:
    """What another installation owns is refused; where it is adopted all the same, one field manager for both is warned of."""
    other = Identity(installation="other")
    app = application(namespace)
    async with clusters(cluster, identity=other) as others:
        await sync(others, app, marked(app, config_map(namespace, a="1"), other))
    want = config_map(namespace, a="1", b="2")
    assert "of the gitopsd installation other owns it" in refused(await planned(port, app, want))
    (step,) = (await planned(port, app, annotated(want, adopt="true"))).steps
    (warning,) = step.warnings
    assert warning.startswith("the gitopsd installation other writes it as field manager gitopsd too, and each would delete")


async def test_a_take_over_is_due_even_where_nothing_else_differs(cluster: LocalCluster, port: Clusters, namespace: str) -> None:
    """An object that looks as Git wants it, but belongs to an earlier tool, is not in sync."""
    app = application(namespace)
    want = marked(app, config_map(namespace, key="1"))
    applied(cluster, json.loads(want.body), "argocd-controller")
    done = await sync(port, app, want)
    assert not done.trials[want.ref].unchanged
    assert _managers(got(cluster, want.ref)) == {("gitopsd", "Apply")}


async def test_a_persons_edit_after_the_take_over_is_not_taken(cluster: LocalCluster, port: Clusters, namespace: str) -> None:
    """What a person adds with kubectl edit once the object is ours stays theirs."""
    app = application(namespace)
    await sync(port, app, marked(app, config_map(namespace, key="1")))
    ref = ObjectRef("", "ConfigMap", namespace, "settings")
    patched(cluster, ref, {"data": {"more": "2"}}, manager="kubectl-edit")
    await sync(port, app, marked(app, config_map(namespace, key="3")))
    assert got(cluster, ref)["data"] == {"key": "3", "more": "2"}


async def test_a_namespace_that_is_only_made_sure_of_keeps_its_labels(
    cluster: LocalCluster, port: Clusters, namespace: str
) -> None:
    """CreateNamespace finds a namespace that somebody made with kubectl: nothing of it is taken over, or taken away."""
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    name = f"{namespace}-theirs"
    made(
        cluster, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}, manager="kubectl-create"
    )
    want = unmarked({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    done = await sync(port, application(namespace), want)
    assert done.written == {}
    assert got(cluster, want.ref)["metadata"]["labels"].items() >= labels.items()
    assert (await sync(port, application(namespace), want)).live[want.ref].in_sync


async def test_replicas_of_an_autoscaler_are_left(cluster: LocalCluster, port: Clusters, namespace: str) -> None:
    """Where a HorizontalPodAutoscaler has the Deployment, a take-over does not reset replicas that Git does not set."""
    manifest = deployment(namespace, replicas=4)
    applied(cluster, manifest, "argocd-controller")
    made(cluster, _autoscaler(namespace))
    app = application(namespace)
    want = marked(app, deployment(namespace, replicas=None))
    await sync(port, app, want)
    live = got(cluster, want.ref)
    assert live["spec"]["replicas"] == 4
    assert ("gitopsd", "Apply") in _managers(live)
    assert (await sync(port, app, want)).live[want.ref].in_sync


async def test_replicas_of_a_scaled_object_are_left(cluster: LocalCluster, port: Clusters, namespace: str) -> None:
    """KEDA's own resource says as much as the autoscaler that KEDA makes of it."""
    cluster.api.ensure("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", _scaled_objects())
    path = f"/apis/keda.sh/v1alpha1/namespaces/{namespace}/scaledobjects"
    await until(lambda: _is_served(cluster, path))
    api_version = "keda.sh/v1alpha1"
    target = {"scaleTargetRef": {"name": "api"}}
    cluster.api.create(path, {"apiVersion": api_version, "kind": "ScaledObject", "metadata": {"name": "api"}, "spec": target})
    applied(cluster, deployment(namespace, replicas=4), "kustomize-controller")
    app, want = application(namespace), deployment(namespace, replicas=None)
    await port.surface(app, fresh=True)
    (step,) = (await synced(port, app, want)).steps
    assert "spec.replicas" not in {change.field for change in step.changes}
    assert got(cluster, step.ref)["spec"]["replicas"] == 4


def _scaled_objects() -> Object:
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    names = {"kind": "ScaledObject", "plural": "scaledobjects", "singular": "scaledobject"}
    versions = [{"name": "v1alpha1", "served": True, "storage": True, "schema": schema}]
    spec = {"group": "keda.sh", "names": names, "scope": "Namespaced", "versions": versions}
    return {"metadata": {"name": "scaledobjects.keda.sh"}, "spec": spec}


def _is_served(cluster: LocalCluster, path: str) -> bool:
    try:
        cluster.api.get(path)
    except RequestError:
        return False
    return True


async def test_without_an_autoscaler_replicas_go_their_way(cluster: LocalCluster, port: Clusters, namespace: str) -> None:
    """Nobody else has them: removed from Git, they are the server's default again."""
    applied(cluster, deployment(namespace, replicas=4), "argocd-controller")
    app = application(namespace)
    want = marked(app, deployment(namespace, replicas=None))
    await sync(port, app, want)
    assert got(cluster, want.ref)["spec"]["replicas"] == 1


async def test_what_an_autoscaler_scaled_yields(cluster: LocalCluster, port: Clusters, namespace: str) -> None:
    """Replicas that the autoscaler wrote through `scale` beat those in Git, with a warning, and that is in sync."""
    app = application(namespace)
    want = marked(app, deployment(namespace, replicas=2))
    await sync(port, app, want)
    scaled(cluster, want.ref, 6, manager="kube-controller-manager")
    store = port._clusters["local"]._store
    receipt = store.receipts.known[want.ref].fingerprint
    await until(lambda: store.tables["apps/v1", "Deployment"].entries[want.ref].fingerprint != receipt)
    live = (await port.observe(app, wanted(want), await port.inventory(app)))[want.ref]
    trial = await port.dry_run(app, Step(want.ref, Action.CONFIGURE, "", want, live))
    assert trial.unchanged
    assert "spec.replicas is left to kube-controller-manager" in trial.warnings[0]
    assert (await sync(port, app, want)).live[want.ref].in_sync
    assert got(cluster, want.ref)["spec"]["replicas"] == 6


def _autoscaler(namespace: str) -> Object:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "api"}
    spec = {"minReplicas": 2, "maxReplicas": 9, "scaleTargetRef": target}
    metadata = {"name": "api", "namespace": namespace}
    return {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": metadata, "spec": spec}

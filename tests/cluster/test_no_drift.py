"""No false drift: what the server, its controllers, webhooks and policies make of objects is in sync once it was written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import yaml

from gitopsd.cluster import Clusters
from gitopsd.model.app import App
from gitopsd.model.refs import Object, ObjectRef
from localcluster import LocalCluster
from tests.cluster.hands import got
from tests.cluster.planning import planned, synced
from tests.cluster.webhook import webhook
from tests.cluster.world import Heard, application, deployment
from tests.waiting import until

KINDS = (Path(__file__).parent / "kinds.yaml").read_text()
ADMISSION = "admissionregistration.k8s.io/v1"
DEPLOYMENTS = {"apiGroups": ["apps"], "apiVersions": ["v1"], "resources": ["deployments"], "operations": ["CREATE", "UPDATE"]}
FIRST = ("Namespace", "CustomResourceDefinition")


def _into(namespace: str) -> App:
    """An application whose objects go to the namespace where they name none."""
    app = application(namespace)
    return replace(app, spec=replace(app.spec, destination=replace(app.spec.destination, namespace=namespace)))


async def _no_drift(port: Clusters, heard: Heard, app: App, *manifests: Object) -> None:
    """Pass after pass finds no difference, until one asks nothing; then, with all receipts lost, the server says the same."""
    heard.asked()
    while True:  # receipts end with the policies and definitions that came in the first pass, as soon as these are heard of
        plan = await planned(port, app, *manifests)
        assert [(str(step.ref), step.changes) for step in plan.steps] == []
        if not heard.asked():
            break
    port._clusters["local"]._store.receipts.clear()
    plan = await planned(port, app, *manifests)
    assert [(str(step.ref), step.changes) for step in plan.steps] == []
    assert (plan.ignored, len(plan.unchanged)) == ((), len(manifests))
    assert heard.asked() != []


async def test_forty_kinds(port: Clusters, heard: Heard, namespace: str) -> None:
    """However they are spelt, and whatever defaults, normal forms and controllers make of them."""
    app = _into(namespace)
    manifests = [document for document in yaml.safe_load_all(KINDS.replace("NS", namespace)) if document]
    assert len({(manifest["apiVersion"], manifest["kind"]) for manifest in manifests}) >= 40
    first = [manifest for manifest in manifests if manifest["kind"] in FIRST]
    plan = await synced(port, app, *first)
    await port.settle(app, frozenset(step.ref for step in plan.steps), 30)
    await port.surface(app, fresh=True)
    plan = await synced(port, app, *manifests)
    await port.settle(app, frozenset(step.ref for step in plan.steps if step.ref.group == "apps"), 30)
    await _no_drift(port, heard, app, *manifests)


def _policy(name: str) -> tuple[Object, Object]:
    """A policy that adds a sidecar to the Deployments of a namespace, and its binding."""
    sidecar = (
        "Object{spec: Object.spec{template: Object.spec.template{spec: Object.spec.template.spec{"
        'containers: [Object.spec.template.spec.containers{name: "sidecar", image: "example.test/sidecar:1"}]}}}}'
    )
    selector = {"matchLabels": {"kubernetes.io/metadata.name": name}}
    spec = {
        "reinvocationPolicy": "IfNeeded",
        "matchConstraints": {"namespaceSelector": selector, "resourceRules": [DEPLOYMENTS]},
        "mutations": [{"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": sidecar}}],
    }
    policy = {"apiVersion": ADMISSION, "kind": "MutatingAdmissionPolicy", "metadata": {"name": name}, "spec": spec}
    binding = {
        "apiVersion": ADMISSION,
        "kind": "MutatingAdmissionPolicyBinding",
        "metadata": {"name": name},
        "spec": {"policyName": name},
    }
    return policy, binding


async def test_a_policy_that_adds_a_sidecar(cluster: LocalCluster, port: Clusters, heard: Heard, namespace: str) -> None:
    """The container that nobody committed is no drift."""
    app = application(namespace)
    await synced(port, app, *_policy(namespace))
    manifest = deployment(namespace, replicas=0)
    ref = ObjectRef.of(manifest)
    probe = {"metadata": {"name": "probe", "namespace": namespace}, "spec": manifest["spec"]}
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments?dryRun=All"
    await until(lambda: len(cluster.api.create(path, probe)["spec"]["template"]["spec"]["containers"]) == 2)
    await synced(port, app, *_policy(namespace), manifest)
    containers = got(cluster, ref)["spec"]["template"]["spec"]["containers"]
    assert {container["name"] for container in containers} == {"app", "sidecar"}
    await _no_drift(port, heard, app, *_policy(namespace), manifest)


async def test_a_webhook_that_sets_defaults(
    cluster: LocalCluster, port: Clusters, heard: Heard, namespace: str, tmp_path: Path
) -> None:
    """Neither what it adds nor what it writes over Git's own word is drift: no sync could make it otherwise."""
    app = application(namespace)
    container = "/spec/template/spec/containers/0"
    patch: list[Object] = [
        {"op": "add", "path": f"{container}/resources", "value": {"requests": {"cpu": "100m"}}},
        {"op": "replace", "path": f"{container}/image", "value": "mirror.test/app:1"},
        {"op": "add", "path": "/metadata/labels/team", "value": "web"},
    ]
    manifest = deployment(namespace, replicas=0)
    ref = ObjectRef.of(manifest)
    with webhook(namespace, tmp_path, DEPLOYMENTS, patch=patch) as configuration:
        await synced(port, app, configuration)
        labels = {"labels": {"app": "probe"}}
        probe = {"metadata": {"name": "probe", "namespace": namespace, **labels}, "spec": manifest["spec"]}
        path = f"/apis/apps/v1/namespaces/{namespace}/deployments?dryRun=All"
        await until(lambda: cluster.api.create(path, probe)["metadata"]["labels"].get("team") == "web")
        await synced(port, app, configuration, manifest)
        live = got(cluster, ref)
        assert live["metadata"]["labels"]["team"] == "web"
        assert live["spec"]["template"]["spec"]["containers"][0]["image"] == "mirror.test/app:1"
        await _no_drift(port, heard, app, configuration, manifest)
        await synced(port, app, manifest | {"spec": manifest["spec"] | {"replicas": 1}}, configuration)
        cluster.api.request("DELETE", f"/apis/{ADMISSION}/mutatingwebhookconfigurations/{namespace}")

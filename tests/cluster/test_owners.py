"""Objects of other tools, on a real API server: refused with both owners named, and taken over only where somebody says so."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from subprocess import run

import pytest

from gitopsd.model.refs import Object, ObjectRef
from localcluster import LocalCluster
from tests.cluster.hands import got, made
from tests.cluster.planning import annotated, planned, refused, synced
from tests.cluster.world import application, clusters, config_map

HELM = {"labels": {"app.kubernetes.io/managed-by": "Helm"}}
RELEASE = {"meta.helm.sh/release-name": "shop", "meta.helm.sh/release-namespace": "web"}
FLUX = "kustomize.toolkit.fluxcd.io"


@pytest.mark.parametrize(
    ("marks", "owner"),
    [
        ({"annotations": {"argocd.argoproj.io/tracking-id": "shop:/ConfigMap:NAMESPACE/settings"}}, "Argo CD application shop"),
        ({"labels": {f"{FLUX}/name": "shop", f"{FLUX}/namespace": "flux-system"}}, "Flux Kustomization flux-system/shop"),
        (
            {"labels": {"helm.toolkit.fluxcd.io/name": "shop", "helm.toolkit.fluxcd.io/namespace": "web"}},
            "Flux HelmRelease web/shop",
        ),
        (HELM | {"annotations": RELEASE}, "Helm release web/shop"),
    ],
    ids=["Argo CD", "Flux", "Flux's Helm", "Helm"],
)
async def test_marks_of_tools(marks: Object, owner: str, cluster: LocalCluster, namespace: str) -> None:
    """Nothing of it is changed, until the object in Git says adopt: then it is ours."""
    theirs = config_map(namespace, key="theirs")
    made(cluster, theirs | {"metadata": theirs["metadata"] | json.loads(json.dumps(marks).replace("NAMESPACE", namespace))})
    app, ours = application(namespace), config_map(namespace, key="ours")
    async with clusters(cluster) as port:
        said = refused(await planned(port, app, ours))
        assert f"OwnedByAnother: {owner} owns it, and argocd/{namespace} wants it too" in said
        assert got(cluster, ObjectRef.of(ours))["data"] == {"key": "theirs"}
        await synced(port, app, annotated(ours, adopt="true"))
        assert (await planned(port, app, annotated(ours, adopt="true"))).steps == ()
    assert got(cluster, ObjectRef.of(ours))["data"] == {"key": "ours"}


async def test_a_set_of_kubectls(cluster: LocalCluster, namespace: str, tmp_path: Path) -> None:
    """What the real kubectl applied as an ApplySet is refused by its id; once adopted no prune of kubectl takes it."""
    parent = f"--applyset=configmap/{namespace}-set"
    theirs = config_map(namespace, key="theirs")
    await kubectl_apply(cluster, namespace, tmp_path, parent, theirs)
    set_id = got(cluster, ObjectRef("", "ConfigMap", namespace, f"{namespace}-set"))["metadata"]["labels"][
        "applyset.kubernetes.io/id"
    ]
    app, ours = application(namespace), config_map(namespace, key="ours")
    async with clusters(cluster) as port:
        assert f"ApplySet {set_id} owns it, and argocd/{namespace} wants it too" in refused(await planned(port, app, ours))
        await synced(port, app, annotated(ours, adopt="true"))
    await kubectl_apply(cluster, namespace, tmp_path, parent, config_map(namespace, "another"))
    assert got(cluster, ObjectRef.of(ours))["data"] == {"key": "ours"}


async def kubectl_apply(cluster: LocalCluster, namespace: str, home: Path, parent: str, manifest: Object) -> None:
    """Applies and prunes with the real kubectl, which keeps a cache at home."""
    file = home / "manifest.json"
    file.write_text(json.dumps(manifest))
    kubectl = str(Path(sys.executable).with_name("kubectl"))
    command = [kubectl, "--kubeconfig", str(cluster.kubeconfig), "-n", namespace, "apply", "--prune", parent, "-f", str(file)]
    await asyncio.to_thread(run, command, env={"KUBECTL_APPLYSET": "true", "HOME": str(home)}, check=True)

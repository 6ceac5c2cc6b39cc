"""What the objects of an application own, on a real API server."""

from __future__ import annotations

import pytest

from gitopsd.cluster import ClusterConfig, Clusters
from gitopsd.model.refs import ObjectRef
from localcluster import LocalCluster
from tests.cluster.world import IDENTITY, application, config_map, marked, sync

pytestmark = pytest.mark.cluster


async def test_what_objects_own(cluster: LocalCluster, namespace: str) -> None:
    """By uid, of any kind and depth, owners first, with the health that it tells of itself; Secrets come without their values."""
    app = application(namespace)
    wanted = marked(app, config_map(namespace, "ours"))

    def make(kind: str, name: str, owner: ObjectRef, uid: str, **parts: object) -> str:
        reference = {"apiVersion": "v1", "kind": owner.kind, "name": owner.name, "uid": uid}
        body = {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "ownerReferences": [reference]}, **parts}
        made = cluster.api.create(f"/api/v1/namespaces/{namespace}/{kind.lower()}s", body)
        return str(made["metadata"]["uid"])

    async with Clusters([ClusterConfig("local", kubeconfig=str(cluster.kubeconfig))], IDENTITY) as clusters:
        done = await sync(clusters, app, wanted)
        secret = ObjectRef("", "Secret", namespace, "made")
        uid = make("Secret", "made", wanted.ref, done.written[wanted.ref].uid, stringData={"token": "hush"})
        ports = [{"port": 80}]
        make("Service", "makes", secret, uid, spec={"type": "LoadBalancer", "ports": ports})
        make("ConfigMap", "of-another", wanted.ref, "00000000-0000-0000-0000-000000000000")
        found = await clusters.offspring(app, frozenset({wanted.ref}))
    service = ObjectRef("", "Service", namespace, "makes")
    assert [(one.ref, one.owner, str(one.health.status)) for one in found] == [
        (secret, wanted.ref, "Healthy"),
        (service, secret, "Progressing"),
    ]
    assert "hush" not in repr(found)

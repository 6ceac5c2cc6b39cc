"""Orphaned resources of a namespace of a real API server."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gitopsd.cluster import ClusterConfig, Clusters
from gitopsd.model.app import Destination
from localcluster import LocalCluster
from tests.cluster.world import IDENTITY, application, config_map, marked, sync

pytestmark = pytest.mark.cluster


async def test_what_nobody_answers_for(cluster: LocalCluster, namespace: str) -> None:
    """Of all kinds in the namespace: not what an application has, nor what has an owner, nor what every namespace has."""
    app = application(namespace)
    app = replace(app, spec=replace(app.spec, destination=Destination(name="local", namespace=namespace)))
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    left = cluster.api.create(path, config_map(namespace, "left"))
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "left", "uid": left["metadata"]["uid"]}
    owned = config_map(namespace, "owned")
    cluster.api.create(path, owned | {"metadata": owned["metadata"] | {"ownerReferences": [owner]}})
    async with Clusters([ClusterConfig("local", kubeconfig=str(cluster.kubeconfig))], IDENTITY) as clusters:
        await sync(clusters, app, marked(app, config_map(namespace, "ours")))
        assert {str(ref) for ref in await clusters.orphans(app)} == {f"ConfigMap/{namespace}/left"}

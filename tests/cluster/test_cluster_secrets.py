"""Clusters that Secrets declare come, change and go while the daemon runs, on a real API server."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from gitopsd.cluster import ClusterConfig, Clusters
from gitopsd.model.errors import ClusterError
from localcluster import LocalCluster
from tests.cluster.world import IDENTITY, application, config_map, marked, sync
from tests.waiting import until

pytestmark = pytest.mark.cluster
LABEL = {"argocd.argoproj.io/secret-type": "cluster"}


def secret(cluster: LocalCluster, token: str) -> dict[str, Any]:
    """A Secret that declares the cluster as `west`, with this token."""
    authority = base64.b64encode(Path(cluster.authority).read_bytes()).decode()
    config = {"bearerToken": token, "tlsClientConfig": {"caData": authority}}
    values = {"name": "west", "server": cluster.server, "config": json.dumps(config)}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "west", "labels": LABEL}, "stringData": values}


async def test_clusters_of_secrets(cluster: LocalCluster, namespace: str) -> None:
    """A Secret makes a cluster, a rotated token is used, a wrong one told without its value; without it the cluster is gone."""
    changes: list[int] = []
    path = f"/api/v1/namespaces/{namespace}/secrets"
    app = application(namespace, destination="west")
    want = marked(app, config_map(namespace, key="1"))
    async with Clusters([ClusterConfig("home", kubeconfig=str(cluster.kubeconfig))], IDENTITY) as clusters:
        clusters.follow_secrets("home", namespace, lambda: changes.append(1))
        with pytest.raises(ClusterError, match="no such cluster is configured; there is home"):
            clusters.target(app)

        cluster.api.create(path, secret(cluster, cluster.token))
        await until(lambda: bool(changes))
        assert (await sync(clusters, app, want)).written[want.ref].uid

        changes.clear()
        cluster.api.request("PUT", f"{path}/west", secret(cluster, "hunter2"))
        await until(lambda: bool(changes))
        with pytest.raises(ClusterError, match="does not accept our credentials") as caught:
            await clusters.surface(app, fresh=True)
        assert "hunter2" not in str(caught.value)

        changes.clear()
        cluster.api.request("PUT", f"{path}/west", secret(cluster, cluster.token))
        await until(lambda: bool(changes))
        assert (await sync(clusters, app, want)).live[want.ref].in_sync

        cluster.api.request("DELETE", f"{path}/west")
        await until(lambda: len(clusters.status()) == 1)
        with pytest.raises(ClusterError, match="no such cluster is configured"):
            await clusters.surface(app)

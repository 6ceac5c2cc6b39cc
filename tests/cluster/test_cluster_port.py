"""The real cluster port keeps the contract, on a real API server."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from gitopsd.cluster import Clusters
from localcluster import LocalCluster
from tests.cluster.world import clusters
from tests.contract.cluster_port import ClusterPortContract


class TestRealCluster(ClusterPortContract):
    @pytest.fixture
    async def port(self, cluster: LocalCluster) -> AsyncIterator[Clusters]:
        async with clusters(cluster) as port:
            yield port

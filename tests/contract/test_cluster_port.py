"""The fake cluster keeps the contract of the port (the real one does so in tests/cluster)."""

from __future__ import annotations

import pytest

from tests.contract.cluster_port import ClusterPortContract
from tests.fakes import FakeCluster


class TestFakeCluster(ClusterPortContract):
    @pytest.fixture
    def namespace(self) -> str:
        return "web"

    @pytest.fixture
    def port(self, namespace: str) -> FakeCluster:
        fake = FakeCluster()
        fake.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
        return fake

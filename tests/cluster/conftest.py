"""A real API server for all tests below this folder: started once, never skipped, with a namespace for each test.

With pytest-xdist each worker has a server of its own. All of them carry the marker `cluster`, so that `make unit` needs none.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from gitopsd.cluster import Clusters
from localcluster import LocalCluster
from tests.cluster.world import Heard, clusters


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks the tests of this folder; pytest hands over those of all folders."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("cluster")


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    """The cluster: `kubeconfig`, `server`, `token` and `authority` (a CA file) say how it is reached; `api` is a bare client."""
    with LocalCluster(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


@pytest.fixture
def namespace(cluster: LocalCluster) -> Iterator[str]:
    """The name of a namespace of the test's own."""
    name = f"test-{secrets.token_hex(4)}"
    cluster.api.create("/api/v1/namespaces", {"metadata": {"name": name}})
    yield name
    cluster.api.request("DELETE", f"/api/v1/namespaces/{name}")


@pytest.fixture
def heard() -> Heard:
    """What the port tells."""
    return Heard()


@pytest.fixture
async def port(cluster: LocalCluster, heard: Heard) -> AsyncIterator[Clusters]:
    """The cluster port, listened to."""
    async with clusters(cluster, heard) as port:
        yield port

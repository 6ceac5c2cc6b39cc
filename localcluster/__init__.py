"""A real Kubernetes API server on this machine, without containers: for the demo, the tests and the benchmarks."""

from __future__ import annotations

from localcluster.binaries import neighbour
from localcluster.cluster import LocalCluster
from localcluster.errors import LocalClusterError

__all__ = ["LocalCluster", "LocalClusterError", "neighbour"]

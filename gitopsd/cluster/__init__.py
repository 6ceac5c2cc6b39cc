"""API servers: everything that gitopsd says to Kubernetes.

`Clusters` is the port. Inside, a `Cluster` is made of a client, discovery, reflectors that fill a store of entries
and receipts, an observer that answers from it, trials (dry runs) and a writer that share a sender, and the inventories.
"""

from gitopsd.cluster.clusters import Clusters
from gitopsd.cluster.config import IN_CLUSTER, ClusterConfig, Identity, Listener
from gitopsd.cluster.link import ClusterStatus

__all__ = ["IN_CLUSTER", "ClusterConfig", "ClusterStatus", "Clusters", "Identity", "Listener"]

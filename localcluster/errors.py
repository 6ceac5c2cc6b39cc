"""What can go wrong with a local cluster, as one sentence for the person who asked for it."""

from __future__ import annotations


class LocalClusterError(Exception):
    """A local cluster can't be provided; says what failed and what to do."""

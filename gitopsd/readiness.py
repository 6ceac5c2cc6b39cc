"""Whether the daemon can do its work: what a kubelet asks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gitopsd.cluster.link import ClusterStatus
from gitopsd.model.errors import StorageError
from gitopsd.ports import HistoryQueries
from gitopsd.web.control import Check


@dataclass(frozen=True, slots=True)
class Readiness:
    """The history can be written, not every cluster is out of reach, and other replicas, where there are any, know of us.

    One dead remote cluster is no reason: its applications wait, the others go on. `exclusion` says why we may do nothing as one
    of several replicas, empty where we may.
    """

    history: HistoryQueries
    clusters: Callable[[], Sequence[ClusterStatus]]
    exclusion: Callable[[], str] | None = None

    async def checks(self) -> tuple[Check, ...]:
        """One for the history, one for each cluster, one for what we are among replicas."""
        try:
            await self.history.check()
            storage = Check("history", ok=True)
        except StorageError as error:
            storage = Check("history", ok=False, message=str(error))
        statuses = self.clusters()
        alive = not statuses or any(status.connected for status in statuses)
        clusters = [Check(f"cluster {status.name}", ok=alive, message=status.message) for status in statuses]
        why = self.exclusion() if self.exclusion else None
        replica = () if why is None else (Check("replica", ok=not why, message=why),)
        return (storage, *clusters, *replica)

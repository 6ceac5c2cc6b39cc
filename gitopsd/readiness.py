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
    """The history can be written, and not every cluster is out of reach.

    One dead remote cluster is no reason: its applications wait, the others go on.
    """

    history: HistoryQueries
    clusters: Callable[[], Sequence[ClusterStatus]]

    async def checks(self) -> tuple[Check, ...]:
        """One for the history, one for each cluster that matters."""
        try:
            await self.history.check()
            storage = Check("history", ok=True)
        except StorageError as error:
            storage = Check("history", ok=False, message=str(error))
        statuses = self.clusters()
        lost = [status for status in statuses if not status.connected]
        alive = len(lost) < len(statuses) or not statuses
        clusters = [Check(f"cluster {status.name}", ok=alive or status.connected, message=status.message) for status in statuses]
        return (storage, *clusters)

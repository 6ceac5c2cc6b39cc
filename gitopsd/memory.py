"""What is kept of an application from one pass to the next; all of it can be found again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from gitopsd.model.app import App
from gitopsd.model.plan import DesiredSet
from gitopsd.model.surface import Surface
from gitopsd.plan.annotations import approved_at
from gitopsd.plan.confine import Fence
from gitopsd.plan.policy import Known
from gitopsd.ports import Rendered

Origin = tuple[Rendered, Surface, App, Fence]
"""What a desired set is made from."""


@dataclass(slots=True)
class Memory:
    """What earlier passes over one application leave to the next."""

    known: Known
    failure: tuple[str, str] | None = None
    """Revision and message of the last failure before a plan, so that one failure is one record."""
    waiting: tuple[str, datetime] | None = None
    """What would be deleted if that was confirmed, and since when that is known."""
    desired: tuple[Origin, DesiredSet] | None = None
    digest: tuple[tuple[str, ...], str] | None = None
    """What the commits that Git names render to, while the application is pinned to others: commits and digest."""

    def kept(self, origin: Origin, make: Callable[[], DesiredSet]) -> DesiredSet:
        """The same set as long as nothing that it is made from has changed: compared by identity, as those are large."""
        if self.desired is None or not _is_same(self.desired[0], origin):
            self.desired = (origin, make())
        return self.desired[1]

    def approves(self, app: App, candidates: str, now: datetime) -> bool:
        """Whether the application's annotation approves these deletions, since they are known to wait (Argo CD's way)."""
        if self.waiting is None or self.waiting[0] != candidates:
            self.waiting = (candidates, now)
        approved = approved_at(app.annotations)
        return approved is not None and approved >= self.waiting[1]


def _is_same(before: Origin, now: Origin) -> bool:
    *large, fence = now
    return all(one is other for one, other in zip(before, large, strict=False)) and before[-1] == fence

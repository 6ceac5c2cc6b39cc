"""Applications that are moved to another cluster: when they are healthy there, what they had before is pruned, or named.

Of a move that fell together with a restart only the clusters know, by their inventories. What these list is named and no more: it
may be another gitopsd's with an application of that name.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from gitopsd.model.app import App, AppKey
from gitopsd.model.plan import Inventory
from gitopsd.model.record import Condition
from gitopsd.model.status import AppStatus
from gitopsd.reconcile import Reconciler
from gitopsd.removal import place


@dataclass(slots=True)
class Moving:
    """Where applications were before. `note` is told what is still there, and None when nothing is."""

    reconciler: Reconciler
    note: Callable[[AppKey, Condition | None], object]
    _before: dict[AppKey, App] = field(default_factory=dict)
    _leaving: dict[AppKey, asyncio.Task[None]] = field(default_factory=dict)

    def changed(self, before: App, now: App) -> None:
        """The application's document has changed. One that was moved twice, or back, is left where it was first, if at all."""
        first = self._before.setdefault(now.key, before)
        if place(first) == place(now):
            del self._before[now.key]
            self.note(now.key, None)
        else:
            what = f"what it had at {place(first)} is still there until it is Synced and Healthy at {place(now)}"
            self.note(now.key, _condition(what))

    def passed(self, status: AppStatus) -> None:
        """A pass is over: where the application has settled, the place before is left, as often as it takes."""
        key = status.app.key
        before = self._before.get(key)
        if before is None:
            self.note(key, _left_elsewhere(self.reconciler.ports.cluster.elsewhere(status.app)))
        elif status.settled and key not in self._leaving:
            self._leaving[key] = task = asyncio.create_task(self._leave(key, before, status.app))
            task.add_done_callback(lambda _: self._leaving.pop(key))

    def forget(self, key: AppKey) -> None:
        """The application is gone."""
        self._before.pop(key, None)

    @property
    def leaving(self) -> Mapping[AppKey, asyncio.Task[None]]:
        """The places that are being left just now."""
        return self._leaving

    def end(self) -> None:
        """gitopsd ends: what is not left yet stays."""
        for task in self._leaving.values():
            task.cancel()

    async def _leave(self, key: AppKey, before: App, now: App) -> None:
        left = await self.reconciler.leave(before, now)
        if self._before.get(key) is before:
            self.note(key, _condition(left) if left else None)
            if not left:
                del self._before[key]


def _left_elsewhere(found: Mapping[str, Inventory]) -> Condition | None:
    said = []
    for cluster, left in found.items():
        names = ", ".join(str(ref) for ref in sorted(left.members)[:10])
        said.append(f"an inventory of it lists {len(left.members)} objects at {cluster}, where it does not go: {names}")
    how = "delete them and the inventory, or let it go there once more and move it while gitopsd runs"
    return _condition(f"{'; '.join(said)}: {how}") if said else None


def _condition(what: str) -> Condition:
    return Condition("OrphanedResourceWarning", what)

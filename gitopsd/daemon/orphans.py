"""Orphaned resources: whose namespaces are looked through, and when. No watch tells of them, and a look takes many requests."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from gitopsd.daemon.agent import Agent
from gitopsd.model.app import App, AppKey, Destination
from gitopsd.model.errors import ClusterError
from gitopsd.model.project import OrphanedResources
from gitopsd.model.record import Condition
from gitopsd.plan.confine import orphan_warning

_Asked = tuple[OrphanedResources | None, Destination]
_UNKNOWN: _Asked = (None, Destination())


@dataclass(slots=True)
class Orphans:
    """Warns the applications whose project asks for it: as soon as it does, when they are refreshed, and now and then."""

    agent: Agent
    _looked: dict[AppKey, _Asked] = field(default_factory=dict)
    """What was asked for, and where, when each application was looked at last."""
    _due: bool = False
    _looking: asyncio.Task[None] | None = None

    def heed(self) -> None:
        """Looks where something else is asked for than the last time, beside everything else."""
        self._due = True
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())

    def again(self, key: AppKey) -> None:
        """Has an application's namespace looked through anew."""
        self._looked[key] = _UNKNOWN
        self.heed()

    async def all_again(self) -> None:
        """... and those of all."""
        self._looked.clear()
        self.heed()

    def end(self) -> None:
        """Nothing is looked for any more."""
        if self._looking:
            self._looking.cancel()

    async def _look(self) -> None:
        while self._due:
            self._due = False
            apps = [status.app for status in self.agent.ours()]
            self._looked = {app.key: self._looked.get(app.key, _UNKNOWN) for app in apps}
            for app in apps:
                if self._looked.get(app.key) != (asked := _asked(app)):
                    self._looked[app.key] = asked
                    await self._tell(app, asked[0])

    async def _tell(self, app: App, rules: OrphanedResources | None) -> None:
        try:
            warning = orphan_warning(app, await self.agent.reconciler.ports.cluster.orphans(app)) if rules else ""
        except ClusterError:  # it says nothing now, and is asked the next time
            self._looked[app.key] = _UNKNOWN
            return
        if self.agent.knows(app.key) and self.agent.holds(app.key):
            self.agent.note((app.key,), "orphans", Condition("OrphanedResourceWarning", warning) if warning else None)


def _asked(app: App) -> _Asked:
    rules = app.project.spec.orphaned_resources if app.project and app.spec.destination.namespace else None
    return rules, app.spec.destination

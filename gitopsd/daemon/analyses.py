"""Analyses under way: one for an application, of the revision that is live; another revision ends it.

How far one is stands in the application's conditions, what it came to in the record of the sync. One that the end of gitopsd cuts
off begins anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from gitopsd.config import read_analysis
from gitopsd.config.analysis import KEY
from gitopsd.model.analysis import Analysis, Configured, Verdict
from gitopsd.model.app import App, AppKey
from gitopsd.model.errors import AnalysisError, ConfigError, GitopsdError
from gitopsd.model.record import Condition
from gitopsd.model.refs import ObjectRef
from gitopsd.plan.analysis import Tally, concluded
from gitopsd.plan.probation import condition_of
from gitopsd.ports import AnalysisPort, ClusterPort

Ended = Callable[[Condition], Awaitable[None]]
"""Told what an analysis came to."""


@dataclass(slots=True)
class Analyses:
    """`note` adds a condition to an application, or takes it away."""

    port: AnalysisPort
    cluster: ClusterPort
    note: Callable[[AppKey, Condition | None], None]
    _running: dict[AppKey, tuple[str, asyncio.Task[None]]] = field(default_factory=dict)

    def begin(self, app: App, revision: str, digest: str, ended: Ended) -> None:
        """Begins the application's analysis of the render `digest`, unless it is under way."""
        if self._digest(app.key) != digest:
            self.end(app.key)
            self._running[app.key] = digest, asyncio.create_task(self._analyse(app, revision, ended))

    def keep(self, key: AppKey, digest: str) -> None:
        """Another render than `digest` is not live any more: an analysis of it is over, and so is what was said of one."""
        if self._digest(key) != digest:
            self.end(key)

    def end(self, key: AppKey) -> None:
        """Ends what is under way for an application."""
        if known := self._running.pop(key, None):
            known[1].cancel()
            self.note(key, None)

    async def close(self) -> None:
        """Ends all."""
        tasks = [task for _, task in self._running.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _digest(self, key: AppKey) -> str | None:
        known = self._running.get(key)
        return known[0] if known else None

    async def _analyse(self, app: App, revision: str, ended: Ended) -> None:
        try:
            analysis = await self._wanted(app)
        except GitopsdError as error:
            await self._conclude(app.key, condition_of(Verdict.INCONCLUSIVE, str(error)), ended)
            return
        tallies = {metric.name: Tally(metric) for metric in analysis.metrics}
        async with asyncio.TaskGroup() as group:
            for name in tallies:
                group.create_task(self._measure(app.key, revision, tallies, name))
        verdict = concluded(tuple(tallies.values()), strict=analysis.strict) or Verdict.INCONCLUSIVE
        await self._conclude(app.key, condition_of(verdict, "; ".join(map(str, tallies.values()))), ended)

    async def _conclude(self, key: AppKey, said: Condition, ended: Ended) -> None:
        self.note(key, None if said.type == condition_of(Verdict.SUCCESSFUL, "").type else said)
        await ended(said)

    async def _wanted(self, app: App) -> Analysis:
        """The analysis, from the ConfigMap where it is one that names it. Raises GitopsdError."""
        wanted = app.settings.analysis
        if not isinstance(wanted, Configured):
            return wanted or Analysis(())
        ref = ObjectRef("", "ConfigMap", app.spec.destination.namespace, wanted.name)
        found = await self.cluster.read(app, ref)
        text = ((found or {}).get("data") or {}).get(KEY)
        if not isinstance(text, str):
            raise AnalysisError(f"{ref} is not there, or has no data {KEY}")
        read = read_analysis(text, f"{ref} {KEY}")
        if isinstance(read, Configured):
            raise ConfigError(f"{ref} {KEY}: must hold the analysis itself")
        return read

    async def _measure(self, key: AppKey, revision: str, tallies: dict[str, Tally], name: str) -> None:
        """Measures one metric until it, or another one, has come to something."""
        while tallies[name].verdict is None and concluded(tuple(tallies.values())) is None:
            under_way = f"of {revision[:10]} under way: {'; '.join(map(str, tallies.values()))}"
            self.note(key, Condition("AnalysisRunning", under_way))
            metric = tallies[name].metric
            await asyncio.sleep(metric.interval)
            try:
                tallies[name] = tallies[name].after(await self.port.query(metric.query))
            except AnalysisError as error:
                tallies[name] = tallies[name].after((), str(error))

"""The way back that nobody has to ask for: a revision that turns out bad is left for the last good one.

What is known of a revision stands in the history, so a restart changes nothing: the pass that follows it judges again.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

import structlog

from gitopsd.daemon.analyses import Analyses
from gitopsd.daemon.operations import NoSuchApplicationError, OperationConflictError
from gitopsd.daemon.orders import Orders
from gitopsd.model.app import App, AppKey
from gitopsd.model.errors import GitopsdError
from gitopsd.model.health import HealthStatus
from gitopsd.model.record import Condition, SyncRecord, Trigger, TriggerKind
from gitopsd.model.standing import ITSELF
from gitopsd.model.status import AppStatus
from gitopsd.plan.probation import Bad, Due, Good, judge
from gitopsd.ports import AnalysisPort

_LOOKED_BACK = 100
"""Records among which the last good revision is looked for."""

SETTLING = 10.0
"""Seconds after which a sync is looked at again that ended Degraded: its controllers may not have seen what it wrote."""

_log = structlog.get_logger()


@dataclass(slots=True)
class Returns:
    """Follows the passes over applications that ask for it (`AppSettings.probation`, `AppSettings.analysis`)."""

    orders: Orders
    prometheus: AnalysisPort
    _analyses: Analyses = field(init=False)
    _judging: set[asyncio.Task[None]] = field(default_factory=set)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        agent = self.orders.agent
        agent.listeners += (self.passed,)
        self._analyses = Analyses(self.prometheus, agent.reconciler.ports.cluster, partial(self._note, "analysis"))

    def passed(self, record: SyncRecord, status: AppStatus) -> None:
        """A pass is over: whether it says something of what is live is found out beside everything else."""
        trigger, settings = record.trigger, status.app.settings
        partial_look = trigger.dry_run or trigger.revision or trigger.resources
        if (settings.probation or settings.analysis) and record.desired_digest and not partial_look:
            task = asyncio.create_task(self._judge(status.app.key, record))
            self._judging.add(task)
            task.add_done_callback(self._judging.discard)
            if record.attempted and record.health.status is HealthStatus.DEGRADED:
                look = partial(self.orders.agent.look, record.app, Trigger(TriggerKind.WATCH))
                asyncio.get_running_loop().call_later(SETTLING, look)

    async def close(self) -> None:
        """Nothing is judged any more."""
        await self._analyses.close()
        for task in tuple(self._judging):
            task.cancel()
        await asyncio.gather(*self._judging, return_exceptions=True)

    async def _judge(self, key: AppKey, seen: SyncRecord) -> None:
        """One at a time, so that none goes back twice."""
        async with self._turn:
            try:
                app, attempts = await self._known(key)
                self._analyses.keep(key, seen.desired_digest)
                if seen.health.status is HealthStatus.HEALTHY:
                    self._note("rollback", key, None)
                await self._heed(app, seen, judge(app, seen, attempts, self.orders.clock.now()))
            except NoSuchApplicationError:
                self._analyses.end(key)
            except GitopsdError as error:
                self._lament(key, f"could not go back: {error}")

    async def _known(self, key: AppKey) -> tuple[App, Sequence[SyncRecord]]:
        """The application as it is now, and its syncs, newest first."""
        app = self.orders.agent.find(str(key)).app
        page = await self.orders.history.page(key, limit=_LOOKED_BACK)
        return app, [record for record in page.items if record.attempted and not record.trigger.resources]

    async def _heed(self, app: App, seen: SyncRecord, verdict: Good | Due | Bad | None) -> None:
        match verdict:
            case Good(proven):
                await self.orders.history.complete(proven.id, seen.health)
            case Due(sync):
                self._analyses.begin(app, seen.revision, seen.desired_digest, partial(self._analysed, seen, sync.id))
            case Bad(reason, None):
                self._lament(app.key, f"{reason}; there is no earlier good revision to go back to")
            case Bad(reason, SyncRecord() as back):
                await self._go_back(app, seen, reason, back)

    async def _analysed(self, seen: SyncRecord, sync: str, said: Condition) -> None:
        """The analysis is over: the record of the sync says so, and is judged again."""
        try:
            await self.orders.history.complete(sync, seen.health, said)
        except GitopsdError as error:
            self._lament(seen.app, f"what the analysis came to is not kept: {error}")
        await self._judge(seen.app, seen)

    async def _go_back(self, app: App, left: SyncRecord, reason: str, back: SyncRecord) -> None:
        _log.warning("goes back", application=str(app.key), reason=reason, revision=back.revision[:10], sync=back.id)
        why = f"rolled back to sync {back.id}: {reason}"
        try:
            await self.orders.rollback(app, back.id, Trigger(TriggerKind.RETURN, ITSELF), why, left.desired_digest)
        except OperationConflictError:
            return  # a sync is under way or waits; what it comes to is judged too
        self._note("rollback", app.key, None)

    def _lament(self, key: AppKey, problem: str) -> None:
        self._note("rollback", key, Condition("RollbackError", problem))

    def _note(self, about: str, key: AppKey, problem: Condition | None) -> None:
        """An application that is gone has no conditions."""
        with contextlib.suppress(NoSuchApplicationError):
            self.orders.agent.note((self.orders.agent.find(str(key)).app.key,), about, problem)

"""The way back that nobody has to ask for: a revision that turns out bad is left for the last good one.

What is known of a revision stands in the history, so a restart changes nothing: the pass that follows it judges again.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import structlog

from gitopsd.daemon.operations import OperationConflictError
from gitopsd.daemon.orders import Orders
from gitopsd.model.app import App
from gitopsd.model.errors import GitopsdError
from gitopsd.model.health import HealthStatus
from gitopsd.model.record import Condition, SyncRecord, Trigger, TriggerKind
from gitopsd.model.standing import ITSELF
from gitopsd.model.status import AppStatus
from gitopsd.plan.probation import Bad, Good, judge

_LOOKED_BACK = 100
"""Records among which the last good revision is looked for."""
_ABOUT = "rollback"
"""What the problems of the way back are about."""

_log = structlog.get_logger()


@dataclass(slots=True)
class Returns:
    """Follows the passes over applications that ask for it (`AppSettings.probation`)."""

    orders: Orders
    _judging: set[asyncio.Task[None]] = field(default_factory=set)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        self.orders.agent.listeners += (self.passed,)

    def passed(self, record: SyncRecord, status: AppStatus) -> None:
        """A pass is over: whether it says something of what is live is found out beside everything else."""
        trigger = record.trigger
        partial = trigger.dry_run or trigger.revision or trigger.resources
        if status.app.settings.probation and record.desired_digest and not partial:
            task = asyncio.create_task(self._judge(status.app, record))
            self._judging.add(task)
            task.add_done_callback(self._judging.discard)

    async def close(self) -> None:
        """Nothing is judged any more."""
        for task in tuple(self._judging):
            task.cancel()
        await asyncio.gather(*self._judging, return_exceptions=True)

    async def _judge(self, app: App, seen: SyncRecord) -> None:
        """One at a time, so that none goes back twice."""
        async with self._turn:
            try:
                page = await self.orders.history.page(app.key, limit=_LOOKED_BACK)
                attempts = [record for record in page.items if record.attempted and not record.trigger.resources]
                current = self.orders.agent.find(str(app.key)).app
                verdict = judge(current, seen, attempts, self.orders.clock.now())
                if isinstance(verdict, Good):
                    await self.orders.history.complete(verdict.proven.id, seen.health)
                elif isinstance(verdict, Bad):
                    await self._go_back(current, verdict)
                if seen.health.status is HealthStatus.HEALTHY:
                    self._note(current, "")
            except OperationConflictError:
                pass  # the pass over that sync comes here too
            except GitopsdError as error:
                self._note(app, f"could not go back: {error}")

    async def _go_back(self, app: App, bad: Bad) -> None:
        if bad.back is None:
            self._note(app, f"{bad.reason}; there is no earlier good revision to go back to")
            return
        target = bad.back.revision[:10]
        _log.warning("goes back", application=str(app.key), reason=bad.reason, revision=target, sync=bad.back.id)
        reason = f"rolled back to sync {bad.back.id}: {bad.reason}"
        await self.orders.rollback(app, bad.back.id, Trigger(TriggerKind.RETURN, ITSELF), reason)
        self._note(app, "")

    def _note(self, app: App, problem: str) -> None:
        self.orders.agent.note((app.key,), _ABOUT, Condition("RollbackError", problem) if problem else None)

"""Orders: what people decide about an application. Each is stored before it has an effect, so that a crash forgets none."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field

from gitopsd.daemon.agent import Agent
from gitopsd.daemon.operations import Operation, OperationConflictError, RefusedError
from gitopsd.model.app import App, AppKey
from gitopsd.model.record import Phase, SyncRecord, Trigger, TriggerKind
from gitopsd.model.standing import Adopted, Approved, Confirmed, Order, Pinned, Suspended
from gitopsd.model.status import AppStatus
from gitopsd.ports import Clock, HistoryQueries, SourcePort

_DIGEST = re.compile(r"[0-9a-f]{8,64}")
"""A plan's digest, or enough of its beginning."""
_SEARCHED = 1000
"""Records in which an earlier success is looked for."""


@dataclass(frozen=True, slots=True)
class Orders:
    """Takes people's orders. All methods raise StorageError, and RefusedError where an order makes no sense as things stand.

    What is ordered shows at once; the pass that follows leaves a record with who ordered it.
    """

    agent: Agent
    history: HistoryQueries
    source: SourcePort
    clock: Clock
    _rolling: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def suspend(self, app: App, actor: str) -> None:
        """Nothing is written for the application from now on; a sync under way ends as it would have."""
        await self._give(app.key, Suspended(by=actor, since=self.clock.now()))
        self.agent.look(app.key, Trigger(TriggerKind.SUSPEND, actor))

    async def resume(self, app: App, actor: str) -> None:
        """It goes on."""
        if app.skips:
            raise RefusedError(f"application {app.key} is {app.suspension}")
        await self._lift(app.key, app.standing.suspended)
        self.agent.look(app.key, Trigger(TriggerKind.RESUME, actor))

    async def approve(self, status: AppStatus, digest: str, actor: str) -> None:
        """The plan that waits may be carried out. `digest` is its digest, or the beginning of it: 8 characters at least.

        So may the part of it that a person asked to sync last: that sync is then asked for again.
        """
        app = status.app
        if not app.settings.approval:
            raise RefusedError(f"application {app.key} asks for no approval: gitopsd.dev/approval is not required")
        if not status.plan_digest:
            raise RefusedError(f"application {app.key} has no plan that waits")
        waiting = (status.plan_digest, await self._part_asked_for(app.key))
        approved = [known for known in waiting if known.startswith(digest)] if _DIGEST.fullmatch(digest) else []
        if not approved:
            now = status.plan_digest[:16]
            raise RefusedError(f"application {app.key}: the plan is {now} now; look at it: `gitopsd plan {app.key}`")
        await self._give(app.key, Approved(by=actor, since=self.clock.now(), digest=approved[0]))
        self.agent.look(app.key, Trigger(TriggerKind.APPROVE, actor))

    async def _part_asked_for(self, key: AppKey) -> str:
        """The digest of the last sync's plan, where that was to be of some objects only; else empty."""
        page = await self.history.page(key, limit=1)
        return next((record.plan_digest for record in page.items if record.trigger.resources), "")

    async def adopt(self, status: AppStatus, name: str, actor: str) -> None:
        """The object (`KIND/NAME`, `KIND/NAMESPACE/NAME`) is taken over by the next sync, whoever owns it."""
        app = status.app
        if not any(state.ref.is_one_of({name}) for state in status.resources):
            raise RefusedError(f"application {app.key} wants no object {name}: write KIND/NAME, as `gitopsd plan` does")
        known = app.standing.adopted.objects if app.standing.adopted else ()
        objects = tuple(sorted({*known, name}))
        await self._give(app.key, Adopted(by=actor, since=self.clock.now(), objects=objects))
        self.agent.look(app.key, Trigger(TriggerKind.ADOPT, actor))

    async def confirm_prune(self, status: AppStatus, actor: str) -> None:
        """The deletions that the last look found may be carried out: just these."""
        if not status.candidates:
            raise RefusedError(f"application {status.app.key} has no deletions that wait for a confirmation")
        await self._give(status.app.key, Confirmed(by=actor, since=self.clock.now(), digest=status.candidates))
        self.agent.look(status.app.key, Trigger(TriggerKind.CONFIRM, actor))

    async def rollback(self, app: App, record_id: str, trigger: Trigger, reason: str = "", shunned: str = "") -> Operation:
        """The application goes back to a record's commits, by default those of the last success with others, and stays there.

        `reason` says why, where nobody asked for it, and `shunned` is the digest of what is left then (`Pinned`).
        Raises SourceError where one of the commits is gone, OperationConflictError where a sync is under way: nothing is done.
        """
        async with self._rolling:
            self.agent.admit(app.key, trigger)
            record = await (self._recorded(app, record_id) if record_id else self._succeeded_before(app))
            revisions = tuple(commit.id for commit in record.commits)
            if len(revisions) != len(app.sources):
                raise RefusedError(f"sync {record.id} of {app.key} knows {len(revisions)} of its {len(app.sources)} sources")
            await self.source.snapshots(app, revisions)
            tracked = tuple(snapshot.commit.id for snapshot in await self.source.snapshots(app))
            order = Pinned(
                by=trigger.actor,
                since=self.clock.now(),
                revisions=revisions,
                tracked=tracked,
                record=record.id,
                reason=reason or f"rolled back to sync {record.id}",
                shunned=shunned,
            )
            await self._give(app.key, order)
            try:
                return self.agent.sync(app.key, trigger)
            except OperationConflictError:  # one has begun meanwhile
                await self._lift(app.key, order)
                raise

    async def unpin(self, app: App, actor: str) -> None:
        """The application follows Git again."""
        await self._lift(app.key, app.standing.pinned)
        self.agent.look(app.key, Trigger(TriggerKind.UNPIN, actor))

    async def _recorded(self, app: App, record_id: str) -> SyncRecord:
        record = await self.history.get(record_id)
        if record is None or record.app != app.key or not record.commits:
            raise RefusedError(
                f"application {app.key} has no sync {record_id} to go back to; `gitopsd history {app.key}` lists them"
            )
        return record

    async def _succeeded_before(self, app: App) -> SyncRecord:
        """The newest sync that succeeded with other commits than the last attempt was for."""
        page = await self.history.page(app.key, limit=_SEARCHED)
        attempts = [record for record in page.items if record.attempted and not record.trigger.resources]
        for record in attempts:
            if record.phase is Phase.SUCCEEDED and _ids(record) != _ids(attempts[0]):
                return record
        raise RefusedError(f"application {app.key} has no earlier sync of another commit that succeeded; name one with --to")

    async def _give(self, key: AppKey, order: Order) -> None:
        await self.history.give(key, order)
        self.agent.restate(key, lambda standing: standing.plus(order))

    async def _lift(self, key: AppKey, order: Order | None) -> None:
        """An order that does not stand needs no lifting."""
        if order is not None:
            await self.history.lift(key, order)
            self.agent.restate(key, lambda standing: standing.without([order]))


def _ids(record: SyncRecord) -> tuple[str, ...]:
    return tuple(commit.id for commit in record.commits)

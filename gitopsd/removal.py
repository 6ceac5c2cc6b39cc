"""Taking an application away, with its objects or without: a pass like a sync, which begins anew wherever it was cut off.

The inventory goes last, so that whatever ends a deletion in the middle, the next one knows what is left.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from gitopsd.apply import apply
from gitopsd.config import app_document
from gitopsd.diff.compare import compare
from gitopsd.model.app import App, AppKey
from gitopsd.model.deletion import HOOK_FINALIZERS, Deletion
from gitopsd.model.errors import GitopsdError, StorageError
from gitopsd.model.plan import Desired, DesiredSet, Inventory, Member, Plan
from gitopsd.model.record import Condition, Outcome, Phase, SyncRecord, Trigger, TriggerKind
from gitopsd.model.refs import ObjectRef
from gitopsd.model.standing import Deleted
from gitopsd.plan.make import Asked, make_plan
from gitopsd.plan.pruning import Permission
from gitopsd.plan.qualify import Marking, qualify
from gitopsd.plan.removal import Found, delete_hooks, removal_plan
from gitopsd.ports import ClusterPort, Ports
from gitopsd.preflight import Preflight
from gitopsd.report import gone, planned
from gitopsd.waiting import Course


@dataclass(frozen=True, slots=True)
class Removal:
    """Deletes applications."""

    ports: Ports
    marking: Marking
    preflight: Preflight

    async def remove(self, app: App, deletion: Deletion, trigger: Trigger, course: Course) -> SyncRecord:
        """One attempt: Succeeded when nothing of it is left to delete. Raises StorageError, no other GitopsdError."""
        if why := course.holds_back():
            course.held_back = why
            waiting = Condition("DependencyNotReady", why)
            return replace(self._record(app, trigger), message=why, finished=self.ports.clock.now(), conditions=(waiting,))
        await self._order(app, deletion)
        app = app.with_options((f"PrunePropagationPolicy={deletion.propagation}",))
        record = self._record(app, trigger)
        try:
            outcome, record = await self._remove(app, deletion, record, course)
        except GitopsdError as error:
            outcome = Outcome(Phase.ERROR, str(error))
        record = replace(record, phase=outcome.phase, message=outcome.message, results=outcome.results, warnings=outcome.warnings)
        if outcome.phase is not Phase.SUCCEEDED:
            record = replace(record, conditions=(Condition("DeletionError", outcome.message),))
        return await self.ports.history.record(replace(record, attempted=True, finished=self.ports.clock.now()))

    async def _order(self, app: App, deletion: Deletion) -> None:
        """Makes a note of what is being done, for a start after a crash: the application's document may be gone by then."""
        propagation = deletion.propagation if deletion.cascade else ""
        known = app.standing.deleted
        if known is None or (known.propagation, known.by) != (propagation, deletion.by):
            document = json.dumps(app_document(app), sort_keys=True)
            order = Deleted(by=deletion.by, since=self.ports.clock.now(), propagation=propagation, document=document)
            await self.ports.history.give(app.key, order)

    def _record(self, app: App, trigger: Trigger) -> SyncRecord:
        return SyncRecord(app.key, trigger, Phase.RUNNING, "being deleted", self.ports.clock.now())

    async def _remove(self, app: App, deletion: Deletion, record: SyncRecord, course: Course) -> tuple[Outcome, SyncRecord]:
        cluster = self.ports.cluster
        hooks = await self._hooks(app) if deletion.cascade else ()
        had = await cluster.inventory(app)
        live = await cluster.observe(app, DesiredSet(hooks, ""), had)
        run = f"{record.started.timestamp():.0f}"
        plan = removal_plan(app, deletion, Found(hooks, live, had), self.marking.installation, run)
        plan = await self.preflight.check_hooks(app, await self.preflight.check(app, plan))
        record = await self.ports.history.begin(replace(record, attempted=True, plan_digest=plan.digest, results=planned(plan)))
        course.begin(record)
        if not plan.refusals:
            await cluster.remember(app, had | _members(plan), ahead=True)
        outcome = await apply(app, plan, self.preflight, course)
        if outcome.phase is Phase.SUCCEEDED:
            outcome = _unless_waiting(outcome)
        if outcome.phase is Phase.SUCCEEDED:
            await cluster.remember(app, Inventory())
            await cluster.forget(app)
        return outcome, record

    async def leave(self, app: App, now: App) -> str:
        """Prunes what `app` has in the cluster that it was moved away from, as if Git held nothing there any more.

        Gives what stays there, and why, in a sentence; empty where nothing does. Where both destinations turn out to be one
        cluster under two names, nothing is done. Raises StorageError, no other GitopsdError.
        """
        try:
            return await self._leave(app, await self.ports.cluster.inventory(now))
        except StorageError:
            raise
        except GitopsdError as error:
            return f"what it had at {place(app)} is still there: {error}"

    async def _leave(self, app: App, has: Inventory) -> str:
        cluster, nothing = self.ports.cluster, DesiredSet((), "")
        had = await cluster.inventory(app)
        live = await cluster.observe(app, nothing, had)
        if {found.uid for found in live.values()} & {member.uid for member in has.members.values()}:
            return ""
        prune = bool(app.automated and app.automated.prune)
        asked = Asked(self.marking.installation, Permission(prune, allow_empty=True))
        plan = await self.preflight.check(app, make_plan(app, nothing, compare(nothing, live), had, asked))
        if plan.writes and not plan.refusals:
            record = self._record(app, Trigger(TriggerKind.SPEC))
            record = await self.ports.history.begin(replace(record, attempted=True, results=planned(plan)))
            outcome = await apply(app, plan, self.preflight, Course())
            message = f"moved away from {place(app)}: {outcome.message}"
            ended = replace(record, phase=outcome.phase, message=message, results=outcome.results)
            await self.ports.history.record(replace(ended, finished=self.ports.clock.now()))
            live = {ref: found for ref, found in live.items() if ref not in gone(outcome)}
        left = Inventory({ref: member for ref, member in had.members.items() if ref in live})
        await cluster.remember(app, left)
        await cluster.forget(app)
        names = ", ".join(str(ref) for ref in sorted(left.members)[:10])
        why = "" if prune else "; pruning is off"
        return f"{len(left.members)} objects are left at {place(app)}: {names}{why}" if names else ""

    async def _hooks(self, app: App) -> tuple[Desired, ...]:
        """The hooks that run now, as Git has them. What can't be rendered any more has none, unless a finalizer insists."""
        try:
            sources = await self.ports.source.snapshots(app)
            surface = await self.ports.cluster.surface(app)
            rendered = await self.ports.renderer.render(app, sources, surface)
        except GitopsdError:
            if any(finalizer.startswith(HOOK_FINALIZERS) for finalizer in app.finalizers):
                raise
            return ()
        return delete_hooks(qualify(rendered.unpack(), surface, app, self.marking))


def place(app: App) -> str:
    """The cluster that an application goes to, as its document names it."""
    return app.spec.destination.server or app.spec.destination.name


def _members(plan: Plan) -> Inventory:
    desired = (step.desired for step in plan.steps if step.desired)
    return Inventory({want.ref: Member(want.ref, want.api_version) for want in desired})


def _unless_waiting(outcome: Outcome) -> Outcome:
    """Not over as long as an object asks a person first."""
    waiting = [result for result in outcome.results if result.message.startswith("waits for confirmation")]
    return Outcome(Phase.FAILED, f"{waiting[0].ref} {waiting[0].message}", outcome.results) if waiting else outcome


async def inherit(cluster: ClusterPort, app: App, inherited: Mapping[ObjectRef, AppKey], outcome: Outcome) -> tuple[str, ...]:
    """Takes what is the application's now out of the inventories of those that had it; says what else they have left behind.

    `inherited` are objects of applications that are no more, with whose they were.
    """
    written = {result.ref for result in outcome.results if result.uid}
    left_behind = []
    for former in sorted({inherited[ref] for ref in written & inherited.keys()}):
        gone = replace(app, key=former)
        had = await cluster.inventory(gone)
        left = had.without(frozenset(written))
        await cluster.remember(gone, left)
        await cluster.forget(gone)
        if left.members:
            names = ", ".join(str(ref) for ref in sorted(left.members)[:10])
            left_behind.append(f"application {former} is no more, and has left {len(left.members)} objects behind: {names}")
    return tuple(left_behind)

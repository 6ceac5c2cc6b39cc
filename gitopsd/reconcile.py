"""The daemon in one sentence: `Reconciler.reconcile`. Read this first.

Each stage takes frozen values and gives frozen values; what talks to the world stands behind a port. A pass over an application
that has not changed renders nothing, sends no request, and is not remembered.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

from gitopsd.apply import apply
from gitopsd.diff.compare import compare
from gitopsd.diff.mask import Mask
from gitopsd.memory import Memory
from gitopsd.model.app import App, AppKey
from gitopsd.model.deletion import Deletion
from gitopsd.model.errors import GitopsdError, HeldError, RenderError, SourceError
from gitopsd.model.plan import DesiredSet, Inventory, Member, Plan, Summary
from gitopsd.model.record import Condition, Outcome, Phase, SyncRecord, SyncStatus, Trigger
from gitopsd.model.refs import ObjectRef
from gitopsd.model.source import Snapshot
from gitopsd.model.standing import Order, Pinned
from gitopsd.model.surface import Surface
from gitopsd.plan.confine import Fence, confined, fence_of
from gitopsd.plan.images import images
from gitopsd.plan.make import Asked, make_plan, selected, without_hooks
from gitopsd.plan.ownership import bequeathed
from gitopsd.plan.policy import Decision, Known, decide, tries_again, within_windows
from gitopsd.plan.qualify import Marking, qualify
from gitopsd.plan.windows import Permit, assess
from gitopsd.ports import Clock, Ports, Rendered
from gitopsd.preflight import Preflight
from gitopsd.removal import Removal, inherit
from gitopsd.render.application import source_type
from gitopsd.report import Evidence, concluded, held, planned
from gitopsd.waiting import Course


@dataclass(slots=True)
class _Stages:
    """How long each stage took, in seconds."""

    clock: Clock
    seconds: dict[str, float] = field(default_factory=dict)

    @contextlib.contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        begun = self.clock.monotonic()
        try:
            yield
        finally:
            self.seconds[stage] = self.seconds.get(stage, 0.0) + self.clock.monotonic() - begun


@dataclass(slots=True)
class _Pass:
    """One pass under way: what is known so far, for the record of a failure too."""

    app: App
    trigger: Trigger
    started: datetime
    stages: _Stages
    course: Course
    sources: tuple[Snapshot, ...] = ()
    lifted: tuple[Order, ...] = ()
    inherited: Mapping[ObjectRef, AppKey] = field(default_factory=dict)
    """What applications had that are no more."""
    begun: SyncRecord | None = None
    """The stored record of a sync under way."""

    def record(self) -> SyncRecord:
        """The record as far as it is known now."""
        if self.begun:
            return replace(self.begun, stages=self.stages.seconds, lifted=self.lifted)
        return SyncRecord(
            app=self.app.key,
            trigger=self.trigger,
            phase=Phase.RUNNING,
            message="",
            started=self.started,
            commits=tuple(source.commit for source in self.sources),
            arrived=self.sources[0].arrived if self.sources else None,
            stages=self.stages.seconds,
            lifted=self.lifted,
        )


@dataclass(slots=True)
class Reconciler:
    """Brings applications from commit to live, one pass at a time; the daemon sees to it that no application has two."""

    ports: Ports
    marking: Marking
    manager: str
    mask: Mask
    _memories: dict[AppKey, Memory] = field(default_factory=dict)

    async def reconcile(self, app: App, trigger: Trigger, course: Course | None = None) -> SyncRecord:
        """One pass: from what Git holds to what the cluster has, and a record of it. Raises StorageError, no other GitopsdError.

        A pass writes only where policy or a person says so (`plan.policy.decide`), and only what the server's dry run of all of
        it has accepted. `course` follows and steers it once it writes; one that is cancelled after that is recorded.
        """
        memory = await self._memory(app.key)
        app = app.with_options(trigger.options)
        this = _Pass(app, trigger, self.ports.clock.now(), _Stages(self.ports.clock), course or Course())
        try:
            evidence = await self._plan(this, memory)
            outcome = await self._sync(this, evidence) if evidence.decision.sync else None
            return await self._conclude(this, memory, evidence, outcome)
        except GitopsdError as error:
            return await self._failed(this, memory, error)
        except asyncio.CancelledError:
            if this.begun:
                memory.known = memory.known.after(await asyncio.shield(self._terminated(this, this.begun)))
            raise

    async def _plan(self, this: _Pass, memory: Memory) -> Evidence:
        """The sentence as far as it only looks: what is wanted, what is there, what would be done."""
        app, trigger, ports, stage = this.app, this.trigger, self.ports, this.stages
        if app.holder:
            raise HeldError(app.holder)
        fence = fence_of(app, ports.cluster.target(app))
        permit = assess(app, fence.target, this.started)
        with stage("fetch"):
            this.sources = await self._sources(this, permit)
            surface = await ports.cluster.surface(app)
        with stage("render"):
            rendered = await ports.renderer.render(app, this.sources, surface)
            desired = memory.kept((rendered, surface, app, fence), partial(self._qualified, this, rendered, surface, fence))
        with stage("observe"):
            inventory = await ports.cluster.inventory(app)
            live = await ports.cluster.observe(app, desired, inventory)
            live, this.inherited = bequeathed(live, app, self.marking.installation, this.course.has_left)
        with stage("plan"):
            asked = Asked.of(app, trigger, self.marking.installation, f"{this.started.timestamp():.0f}", fence)
            plan = make_plan(app, desired, compare(desired, live), inventory, asked)
            if plan.candidates and memory.approves(app, plan.candidates, this.started):
                plan = make_plan(app, desired, compare(desired, live), inventory, asked.confirming(plan.candidates))
            plan = selected(plan, trigger.resources)
        with stage("preflight"):
            checked = await self._preflight.check(app, plan)
            decision = self._decided(this, checked, permit, memory)
            checked = await self._preflight.check_hooks(app, checked) if decision.hooks else without_hooks(checked)
        return Evidence(desired, inventory, live, checked, memory.known, decision)

    def _decided(self, this: _Pass, plan: Plan, permit: Permit, memory: Memory) -> Decision:
        """Whether to sync now: as policy says, within the project's windows, and after the applications that come first."""
        decision = within_windows(decide(this.app, this.trigger, plan, memory.known), this.trigger, permit)
        if decision.sync:
            this.course.held_back = this.course.holds_back()
        return replace(decision, sync=False) if this.course.held_back else decision

    async def _sources(self, this: _Pass, permit: Permit) -> tuple[Snapshot, ...]:
        """The commits that the pass is for: those that its trigger names, else those that the application follows."""
        app, trigger = this.app, this.trigger
        named = await self.ports.source.snapshots(app, (trigger.revision,)) if trigger.revision else ()
        again = tries_again(app, trigger, permit)
        if named and not again:
            return named
        sources, over = await self._followed(app, again=again)
        if over and (not named or _ids(named) == _ids(sources)):
            await self._lift(this, over)
        return named or sources

    async def _followed(self, app: App, *, again: bool) -> tuple[tuple[Snapshot, ...], Pinned | None]:
        """The commits that the application is pinned to, else those that Git names; and the pin that is over, if it is.

        A pin ends when Git has moved since: to commits that render to something else, where it is one that shuns what was left;
        or when a person has that tried `again`. What Git names can fail to be found (a deleted branch): that moves nothing.
        """
        pin, source = app.standing.pinned, self.ports.source
        if pin is None:
            return await source.snapshots(app), None
        with contextlib.suppress(SourceError):
            tracked = await source.snapshots(app)
            moved = _ids(tracked) != pin.tracked
            if again or (moved and not (pin.shunned and await self._renders_to(app, tracked, pin.shunned))):
                return tracked, pin
        return await source.snapshots(app, pin.revisions), None

    async def _renders_to(self, app: App, sources: tuple[Snapshot, ...], digest: str) -> bool:
        """Whether these commits render to just that; found out once for each of them."""
        memory = await self._memory(app.key)
        ids = _ids(sources)
        if memory.digest is None or memory.digest[0] != ids:
            memory.digest = ids, await self._digest(app, sources)
        return memory.digest[1] == digest

    async def _digest(self, app: App, sources: tuple[Snapshot, ...]) -> str:
        """The digest of what commits render to; empty where they can't be rendered."""
        try:
            surface = await self.ports.cluster.surface(app)
            rendered = await self.ports.renderer.render(app, sources, surface)
        except GitopsdError:
            return ""
        return qualify(rendered.unpack(), surface, app, self.marking).digest

    async def _lift(self, this: _Pass, order: Order) -> None:
        """An order is fulfilled or overtaken; a dry run only says what would be."""
        if not this.trigger.dry_run:
            await self.ports.history.lift(this.app.key, order)
            this.lifted += (order,)

    async def delete(self, app: App, deletion: Deletion, trigger: Trigger, course: Course) -> SyncRecord:
        """One pass that takes the application away; see `Removal.remove`."""
        return await Removal(self.ports, self.marking, self._preflight).remove(app, deletion, trigger, course)

    async def leave(self, app: App, now: App) -> str:
        """What stays where the application was before it was moved; see `Removal.leave`."""
        return await Removal(self.ports, self.marking, self._preflight).leave(app, now)

    async def newer(self, app: App, under_way: SyncRecord) -> str:
        """The commit that makes the sync under way out of date, as it asks for something else; empty where there is none."""
        if app.suspension:
            return ""
        try:
            sources, _ = await self._followed(app, again=tries_again(app, under_way.trigger, Permit()))
        except GitopsdError:
            return ""
        digest = await self._digest(app, sources)  # what can't be rendered is no reason to end what works
        return sources[0].commit.id if digest and digest != under_way.desired_digest else ""

    async def _sync(self, this: _Pass, evidence: Evidence) -> Outcome:
        """The sentence's second half: remember, then write, then remember what came of it."""
        this.course.begin(await self._begin(this, evidence.plan))
        if evidence.plan.refusals:
            return await apply(this.app, evidence.plan, self._preflight, this.course)
        cluster = self.ports.cluster
        with this.stages("apply"):
            await cluster.remember(this.app, evidence.inventory | _intended_members(evidence), ahead=True)
            outcome = await apply(this.app, evidence.plan, self._preflight, this.course)
            await cluster.remember(this.app, evidence.inventory_after(outcome))
            outcome = replace(outcome, warnings=outcome.warnings + await inherit(cluster, this.app, this.inherited, outcome))
        if outcome.phase is Phase.SUCCEEDED:
            for order in this.app.standing.fulfilled(evidence.plan.digest, part=bool(this.trigger.resources)):
                await self._lift(this, order)
        return outcome

    async def _begin(self, this: _Pass, plan: Plan) -> SyncRecord:
        """Stores what is about to begin. Ended just then, it waits: what is stored as begun has to be seen to its end."""
        beginning = asyncio.ensure_future(self.ports.history.begin(_intended(this.record(), plan)))
        try:
            this.begun = await asyncio.shield(beginning)
        except asyncio.CancelledError:
            this.begun = await beginning
            raise
        return this.begun

    async def _terminated(self, this: _Pass, begun: SyncRecord) -> SyncRecord:
        """The record of a sync that was ended from outside; what it had written stays written."""
        message, stages = "terminated; the next sync goes on where it was", this.stages.seconds
        ended = replace(begun, phase=Phase.FAILED, message=message, stages=stages, finished=self.ports.clock.now())
        return await self.ports.history.record(ended)

    async def _conclude(self, this: _Pass, memory: Memory, evidence: Evidence, outcome: Outcome | None) -> SyncRecord:
        if outcome is None and not (evidence.plan.steps or evidence.plan.refusals or this.trigger.dry_run):
            # What a crash kept from being noted after the last sync; asks nothing where it is noted already.
            await self.ports.cluster.remember(this.app, evidence.inventory_after(None))
        with this.stages("health"):
            healths = await self.ports.cluster.settle(this.app, evidence.refs, 0.0)
        now = self.ports.clock.now()
        record = concluded(this.app, replace(this.record(), finished=now), evidence, outcome, healths)
        if why := this.course.held_back:
            record = replace(record, message=why, conditions=(*record.conditions, Condition("DependencyNotReady", why)))
        if not (this.trigger.dry_run or this.trigger.resources):  # a part of a commit says nothing about the rest
            memory.known, memory.failure = memory.known.after(record), None
        return await self.ports.history.record(held(record, evidence.decision.reason) if evidence.decision.held else record)

    async def _failed(self, this: _Pass, memory: Memory, error: GitopsdError) -> SyncRecord:
        """The record of a pass that came to no plan. The same failure of the same revision is remembered once."""
        record = this.record()
        phase = Phase.FAILED if isinstance(error, RenderError) else Phase.ERROR
        failure = (record.revision, str(error))
        record = replace(
            record,
            phase=phase,
            message=str(error),
            finished=self.ports.clock.now(),
            attempted=record.attempted or (memory.failure != failure and not this.trigger.dry_run),
            sync=SyncStatus.UNKNOWN,
            conditions=(Condition(error.condition, str(error)),),
        )
        memory.failure = memory.failure if this.trigger.dry_run else failure
        return await self.ports.history.record(record)

    def _qualified(self, this: _Pass, rendered: Rendered, surface: Surface, fence: Fence) -> DesiredSet:
        app = this.app
        objects = rendered.unpack()
        desired = confined(qualify(objects, surface, app, self.marking), fence)
        types = tuple(source_type(found.tree, source) for found, source in zip(this.sources, app.sources, strict=True))
        summary = Summary(images(objects), types)
        return replace(desired, warnings=rendered.warnings + desired.warnings, summary=summary)

    async def _memory(self, key: AppKey) -> Memory:
        if key not in self._memories:
            last = await self.ports.history.last(key)
            self._memories[key] = Memory(Known().after(last) if last else Known())
        return self._memories[key]

    def forget(self, key: AppKey) -> None:
        """The application is gone."""
        self._memories.pop(key, None)

    @property
    def _preflight(self) -> Preflight:
        return Preflight(self.ports.cluster, self.marking.installation, self.manager, self.mask)


def _ids(sources: tuple[Snapshot, ...]) -> tuple[str, ...]:
    return tuple(snapshot.commit.id for snapshot in sources)


def _intended(record: SyncRecord, plan: Plan) -> SyncRecord:
    """The record as it stands before the first write: what a crash would leave."""
    return replace(
        record,
        attempted=True,
        desired_digest=plan.desired_digest,
        plan_digest=plan.digest,
        message="under way",
        results=planned(plan),
    )


def _intended_members(evidence: Evidence) -> Inventory:
    return Inventory({want.ref: Member(want.ref, want.api_version) for want in evidence.members})

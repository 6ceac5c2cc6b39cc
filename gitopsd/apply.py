"""Carrying out a plan: stage by stage, batch by batch, and stopping at the first failure.

Only a checked plan comes here. What its steps wait for is written first; then the deferred steps are tried, and only then is
anything else written (invariant 1). Whatever happens, the outcome lists every step: written, failed, or not reached.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from gitopsd.model.app import App
from gitopsd.model.errors import GitopsdError, ObjectError
from gitopsd.model.health import Health, HealthStatus
from gitopsd.model.hooks import SyncPhase
from gitopsd.model.plan import Action, Live, Plan, Refusal, Step
from gitopsd.model.record import ObjectResult, Outcome, Phase, ResultStatus
from gitopsd.model.refs import ObjectRef
from gitopsd.plan.hooks import as_sent, is_deleted_after, released
from gitopsd.plan.order import Stage, batches, stages
from gitopsd.ports import ClusterPort
from gitopsd.preflight import Preflight
from gitopsd.waiting import Course, StoppedError, SupersededError, UnhealthyError, Wait

DEFINITION_DEADLINE = 30.0
"""Seconds that a new CustomResourceDefinition may take until the server serves its kind."""


async def apply(app: App, plan: Plan, preflight: Preflight, course: Course) -> Outcome:
    """Carries out `plan`; never raises for an object's failure, but ends with the phase and the results that say so."""
    if plan.refusals:
        return _refused(plan)
    run = _Run(app, plan, preflight.cluster, course)
    try:
        return await _outcome(run, preflight)
    finally:
        # A sync that is ended from outside leaves no hook behind that only gitopsd could delete.
        await asyncio.shield(run.let_go({}))


async def _outcome(run: _Run, preflight: Preflight) -> Outcome:
    try:
        await _apply(run, preflight)
    except StoppedError as stopped:
        if not isinstance(stopped, SupersededError):
            await run.rescue()
        written = any(result.status in (ResultStatus.SYNCED, ResultStatus.PRUNED) for result in run.results.values())
        partly = written and not isinstance(stopped, SupersededError)
        message = f"partly applied: {stopped}" if partly else str(stopped)
        return Outcome(Phase.FAILED, message, run.all_results(), run.warnings(), isinstance(stopped, UnhealthyError))
    return Outcome(Phase.SUCCEEDED, run.summary(), run.all_results(), run.warnings())


async def _apply(run: _Run, preflight: Preflight) -> None:
    todo = [stage for stage in stages(await _with_prerequisites(run, preflight)) if not _is_rescue(stage)]
    for place, stage in enumerate(todo):
        await run.write_all(stage.steps)
        await run.end(stage, awaited=stage.is_final or any(stage.is_awaited_by(later) for later in todo[place + 1 :]))


async def _with_prerequisites(run: _Run, preflight: Preflight) -> Plan:
    """Writes what deferred steps wait for, until none waits any more; gives the plan that is left, all of it tried."""
    plan = run.plan
    while prerequisites := {step.waits_for for step in plan.steps if step.waits_for}:
        first = tuple(step for step in plan.steps if step.ref in prerequisites and not step.waits_for)
        if not first:
            raise StoppedError("deferred steps wait for each other: " + ", ".join(sorted(map(str, prerequisites))))
        await run.write_all(first)
        await run.wait("others wait", DEFINITION_DEADLINE).until_healthy(_made(first))
        await run.cluster.surface(run.app, fresh=True)
        left = tuple(step for step in plan.steps if step not in first)
        plan = await preflight.recheck(run.app, replace(plan, steps=left))
        run.note_unchanged(left, plan)
        if plan.refusals:
            run.refuse(plan.refusals)
    return plan


def _is_rescue(stage: Stage) -> bool:
    return any(step.phase is SyncPhase.SYNC_FAIL for step in stage.steps)


def _made(steps: Iterable[Step]) -> frozenset[ObjectRef]:
    return frozenset(step.ref for step in steps if step.desired and step.desired.heeded and step.action is not Action.SKIP)


def _refused(plan: Plan) -> Outcome:
    said = ((refusal.ref, f"{refusal.reason}: {refusal.message}") for refusal in plan.refusals)
    results = tuple(ObjectResult(ref, Action.SKIP, ResultStatus.SYNC_FAILED, message) for ref, message in said)
    return Outcome(Phase.FAILED, f"nothing was written: {plan.objection}", results)


_StepKey = tuple[ObjectRef, SyncPhase]


@dataclass(slots=True)
class _Run:
    """One apply under way: what has been done so far."""

    app: App
    plan: Plan
    cluster: ClusterPort
    course: Course
    results: dict[_StepKey, ObjectResult] = field(default_factory=dict)
    held: dict[_StepKey, Step] = field(default_factory=dict)
    """Hooks whose objects carry our finalizer."""
    said: list[str] = field(default_factory=list)

    async def write_all(self, steps: Iterable[Step]) -> None:
        """Writes the steps, equal ranks at once; a failure lets its batch end and stops there."""
        for batch in batches(steps):
            errors = [error for error in await asyncio.gather(*(self._write(step) for step in batch)) if error]
            if errors:
                more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
                raise StoppedError(f"{errors[0]}{more}")

    async def _write(self, step: Step) -> GitopsdError | None:
        if step.action is Action.SKIP:
            self._note(step, ResultStatus.PRUNE_SKIPPED, step.reason)
            return None
        try:
            written = await self.cluster.write(self.app, as_sent(self._since(step)))
        except GitopsdError as error:
            why = f"{error.reason}: {error.message}" if isinstance(error, ObjectError) else str(error)
            self._note(step, ResultStatus.SYNC_FAILED, why)
            return error
        self._note(step, ResultStatus.PRUNED if step.action is Action.PRUNE else ResultStatus.SYNCED, step.reason, written.uid)
        if step.action is Action.HOOK:
            self.held[step.ref, step.phase] = step
        self.said.extend(f"{step.ref}: {warning}" for warning in written.warnings)
        return None

    def _note(self, step: Step, status: ResultStatus, message: str, uid: str = "") -> None:
        self.results[step.ref, step.phase] = ObjectResult(step.ref, step.action, status, message, step.changes, uid)

    def _since(self, step: Step) -> Step:
        """The step of a hook that an earlier phase of this sync has run already: that run is what it finds."""
        runs = [result for (ref, _), result in self.results.items() if ref == step.ref]
        return replace(step, live=_just_made(runs[-1]), body=None) if step.action is Action.HOOK and runs else step

    def note_unchanged(self, tried: Iterable[Step], plan: Plan) -> None:
        """Steps that dropped out, as somebody else has made meanwhile just what they would have made."""
        unchanged = {desired.ref for desired in plan.unchanged}
        for step in tried:
            if step.ref in unchanged:
                self.results[step.ref, step.phase] = ObjectResult(step.ref, Action.SKIP, ResultStatus.SYNCED, "in sync already")

    def refuse(self, refusals: Sequence[Refusal]) -> None:
        """Deferred steps can't be carried out after all: stops, with only what they waited for written."""
        refused = {refusal.ref: refusal for refusal in refusals}
        for step in self.plan.steps:
            if refusal := refused.get(step.ref):
                why = f"{refusal.reason}: {refusal.message}"
                self.results[step.ref, step.phase] = ObjectResult(step.ref, Action.SKIP, ResultStatus.SYNC_FAILED, why)
        raise StoppedError(str(refusals[0]))

    def wait(self, why: str, deadline: float | None = None) -> Wait:
        """A wait of this sync: at most `deadline` seconds, as long as the application allows where none is given."""
        return Wait(self.app, self.cluster, self.course, why, deadline or self.app.settings.health_timeout)

    async def end(self, stage: Stage, *, awaited: bool) -> None:
        """Ends a stage: hooks always run to their end; the rest is waited for where something comes after it."""
        if stage.prunes:
            if awaited:
                await self.wait("what comes next waits").until_gone(self._pruned(stage.steps))
            return
        hooks = _made(step for step in stage.steps if step.action is Action.HOOK)
        standing = frozenset(desired.ref for desired in stage.standing if desired.heeded)
        waited = _made(stage.steps) | standing if awaited else hooks
        await self._end_hooks(self.wait("the next wave waits" if waited - hooks else "a hook runs"), waited)

    async def _end_hooks(self, wait: Wait, waited: frozenset[ObjectRef]) -> None:
        """Waits, and lets go of the hooks that were waited for whatever became of them."""
        try:
            await wait.until_healthy(waited)
        finally:
            await asyncio.shield(self.let_go(wait.healths))

    async def let_go(self, healths: Mapping[ObjectRef, Health]) -> None:
        """Takes our finalizer from all hooks, and deletes those that their policy wants gone after what `healths` says."""
        while self.held:
            key, step = self.held.popitem()
            made = self.results[key]
            heeded = step.desired is None or step.desired.heeded
            status = healths[step.ref].status if step.ref in healths else None if heeded else HealthStatus.HEALTHY
            try:
                await self.cluster.write(self.app, released(step, _just_made(made)))
                if is_deleted_after(step, status):
                    await self.cluster.write(self.app, Step(step.ref, Action.PRUNE, "the hook has run", live=_just_made(made)))
                    self.results[key] = replace(made, uid="", message=f"{made.message}, deleted after it")
            except GitopsdError as error:
                self.said.append(f"the hook's object could not be let go of: {error}")

    def _pruned(self, steps: Iterable[Step]) -> frozenset[ObjectRef]:
        return frozenset(step.ref for step in steps if step.action is Action.PRUNE)

    async def rescue(self) -> None:
        """Runs the hooks of the phase SyncFail: their failure changes nothing any more."""
        hooks = tuple(step for step in self.plan.steps if step.phase is SyncPhase.SYNC_FAIL)
        try:
            await self.write_all(hooks)
            await self._end_hooks(self.wait("a SyncFail hook runs"), _made(hooks))
        except StoppedError as stopped:
            self.said.append(f"SyncFail: {stopped}")

    def all_results(self) -> tuple[ObjectResult, ...]:
        """A result for each step of the plan, in its order; a SyncFail hook that was not needed has none."""
        found = ((step, self.results.get((step.ref, step.phase))) for step in self.plan.steps)
        return tuple(
            result or ObjectResult(step.ref, step.action, ResultStatus.PENDING, "not reached", step.changes)
            for step, result in found
            if result or step.phase is not SyncPhase.SYNC_FAIL
        )

    def warnings(self) -> tuple[str, ...]:
        """What the server warned of, in the preflight and in the writes, once each."""
        tried = (f"{step.ref}: {warning}" for step in self.plan.steps for warning in step.warnings)
        return tuple(dict.fromkeys([*tried, *self.said]))

    def summary(self) -> str:
        """A sentence that counts."""
        counts: dict[str, int] = {}
        for step in self.plan.steps:
            if step.phase is not SyncPhase.SYNC_FAIL:
                counts[_DONE[step.action]] = counts.get(_DONE[step.action], 0) + 1
        return ", ".join(f"{count} {word}" for word, count in counts.items()) or "nothing to do"


_DONE = {
    Action.CREATE: "created",
    Action.CONFIGURE: "configured",
    Action.RECREATE: "recreated",
    Action.PRUNE: "pruned",
    Action.DETACH: "left in place",
    Action.HOOK: "hooks run",
    Action.SKIP: "skipped",
}


def _just_made(result: ObjectResult) -> Live | None:
    """What is live of it since then; nothing where it was deleted again."""
    return Live(result.ref, result.uid, "", Health(HealthStatus.UNKNOWN, "")) if result.uid else None

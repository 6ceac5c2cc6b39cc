"""Carrying out a plan: batch by batch, wave by wave, and stopping at the first failure.

Only a checked plan comes here. What its steps wait for is written first; then the deferred steps are tried, and only then is
anything else written (invariant 1). Whatever happens, the outcome lists every step: written, failed, or not reached.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from gitopsd.model.app import App
from gitopsd.model.errors import GitopsdError, ObjectError
from gitopsd.model.health import HealthStatus
from gitopsd.model.plan import Action, Plan, Refusal, Step
from gitopsd.model.record import ObjectResult, Outcome, Phase, ResultStatus
from gitopsd.model.refs import ObjectRef
from gitopsd.plan.order import batches, waves
from gitopsd.ports import ClusterPort
from gitopsd.preflight import Preflight

DEFINITION_DEADLINE = 30.0
"""Seconds that a new CustomResourceDefinition may take until the server serves its kind."""


async def apply(app: App, plan: Plan, preflight: Preflight) -> Outcome:
    """Carries out `plan`; never raises for an object's failure, but ends with the phase and the results that say so."""
    if plan.refusals:
        return _refused(plan.refusals)
    run = _Run(app, plan, preflight.cluster)
    try:
        await _apply(run, preflight)
    except _StoppedError as stopped:
        await run.hooks("SyncFail")
        written = any(result.status in (ResultStatus.SYNCED, ResultStatus.PRUNED) for result in run.results.values())
        message = f"partly applied: {stopped}" if written else str(stopped)
        return Outcome(Phase.FAILED, message, run.all_results(), run.warnings())
    return Outcome(Phase.SUCCEEDED, run.summary(), run.all_results(), run.warnings())


async def _apply(run: _Run, preflight: Preflight) -> None:
    remaining = await _with_prerequisites(run, preflight)
    runs = [wave for wave in waves(remaining) if not _is_rescue(wave)]
    for wave, following in pairwise([*runs, ()]):
        await run.write_all(wave)
        if following and run.waits_before(following):
            await run.gate(_made(wave), "the next wave waits", run.app.settings.health_timeout)
        if wave[0].action is Action.HOOK and not following:
            await run.gate(_made(wave), "the hook runs", run.app.settings.health_timeout)


async def _with_prerequisites(run: _Run, preflight: Preflight) -> tuple[Step, ...]:
    """Writes what deferred steps wait for, until none waits any more; gives the steps that are left, all of them tried."""
    plan = run.plan
    while prerequisites := {step.waits_for for step in plan.steps if step.waits_for}:
        first = tuple(step for step in plan.steps if step.ref in prerequisites and not step.waits_for)
        if not first:
            raise _StoppedError("deferred steps wait for each other: " + ", ".join(sorted(map(str, prerequisites))))
        await run.write_all(first)
        await run.gate(_made(first), "others wait", DEFINITION_DEADLINE)
        await run.cluster.surface(run.app, fresh=True)
        left = tuple(step for step in plan.steps if step not in first)
        plan = await preflight.recheck(run.app, replace(plan, steps=left))
        run.note_unchanged(left, plan)
        if plan.refusals:
            run.refuse(plan.refusals)
    return plan.steps


def _is_rescue(wave: Sequence[Step]) -> bool:
    desired = wave[0].desired
    return desired is not None and desired.hook[:1] == ("SyncFail",)


def _made(steps: Iterable[Step]) -> frozenset[ObjectRef]:
    return frozenset(step.ref for step in steps if step.action not in (Action.PRUNE, Action.SKIP))


def _refused(refusals: tuple[Refusal, ...]) -> Outcome:
    results = tuple(ObjectResult(r.ref, Action.SKIP, ResultStatus.SYNC_FAILED, f"{r.reason}: {r.message}") for r in refusals)
    more = f" (and {len(refusals) - 1} more)" if len(refusals) > 1 else ""
    return Outcome(Phase.FAILED, f"nothing was written: {refusals[0]}{more}", results)


class _StoppedError(Exception):
    """The rest of the plan is not carried out; says why."""


@dataclass(slots=True)
class _Run:
    """One apply under way: what has been done so far."""

    app: App
    plan: Plan
    cluster: ClusterPort
    results: dict[ObjectRef, ObjectResult] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)

    async def write_all(self, steps: Iterable[Step]) -> None:
        """Writes the steps, equal ranks at once; a failure lets its batch end and stops there."""
        for batch in batches(steps):
            errors = [error for error in await asyncio.gather(*(self._write(step) for step in batch)) if error]
            if errors:
                more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
                raise _StoppedError(f"{errors[0]}{more}")

    async def _write(self, step: Step) -> GitopsdError | None:
        if step.action is Action.SKIP:
            self.results[step.ref] = ObjectResult(step.ref, step.action, ResultStatus.PRUNE_SKIPPED, step.reason)
            return None
        try:
            written = await self.cluster.write(self.app, _as_written(step))
        except GitopsdError as error:
            why = f"{error.reason}: {error.message}" if isinstance(error, ObjectError) else str(error)
            self.results[step.ref] = ObjectResult(step.ref, step.action, ResultStatus.SYNC_FAILED, why, step.changes)
            return error
        status = ResultStatus.PRUNED if step.action is Action.PRUNE else ResultStatus.SYNCED
        self.results[step.ref] = ObjectResult(step.ref, step.action, status, step.reason, step.changes, written.uid)
        self.said.extend(f"{step.ref}: {warning}" for warning in written.warnings)
        return None

    def note_unchanged(self, tried: Iterable[Step], plan: Plan) -> None:
        """Steps that dropped out, as somebody else has made meanwhile just what they would have made."""
        for step in tried:
            if step.ref in plan.unchanged:
                self.results[step.ref] = ObjectResult(step.ref, Action.SKIP, ResultStatus.SYNCED, "in sync already")

    def refuse(self, refusals: Sequence[Refusal]) -> None:
        """Deferred steps can't be carried out after all: stops, with only what they waited for written."""
        for refusal in refusals:
            why = f"{refusal.reason}: {refusal.message}"
            self.results[refusal.ref] = ObjectResult(refusal.ref, Action.SKIP, ResultStatus.SYNC_FAILED, why)
        raise _StoppedError(str(refusals[0]))

    async def gate(self, refs: frozenset[ObjectRef], why: str, deadline: float) -> None:
        """Ends when all are healthy; a Degraded one, or the deadline, stops the sync with the reason."""
        healths = await self.cluster.settle(self.app, refs, deadline)
        for ref, health in sorted(healths.items()):
            if health.status is HealthStatus.DEGRADED:
                raise _StoppedError(f"{ref} is Degraded: {health.message}")
        waited = [
            ref for ref, health in sorted(healths.items()) if health.status in (HealthStatus.PROGRESSING, HealthStatus.MISSING)
        ]
        if waited:
            health = healths[waited[0]]
            raise _StoppedError(f"{why} for {waited[0]}, which is still {health.status} after {deadline:g} s: {health.message}")

    def waits_before(self, following: Sequence[Step]) -> bool:
        """Whether health decides before these steps: always, but for prunes only where PruneLast asks for it."""
        return following[0].action not in (Action.PRUNE, Action.SKIP) or self.app.option("PruneLast") == "true"

    async def hooks(self, phase: str) -> None:
        """Runs the hooks of a phase whose failure changes nothing any more."""
        for batch in batches(step for step in self.plan.steps if step.desired and step.desired.hook[:1] == (phase,)):
            await asyncio.gather(*(self._write(step) for step in batch))

    def all_results(self) -> tuple[ObjectResult, ...]:
        """A result for each step of the plan, in its order."""
        return tuple(
            self.results.get(s.ref) or ObjectResult(s.ref, s.action, ResultStatus.PENDING, "not reached", s.changes)
            for s in self.plan.steps
        )

    def warnings(self) -> tuple[str, ...]:
        """What the server warned of, in the preflight and in the writes, once each."""
        tried = (f"{step.ref}: {warning}" for step in self.plan.steps for warning in step.warnings)
        return tuple(dict.fromkeys([*tried, *self.said]))

    def summary(self) -> str:
        """A sentence that counts."""
        counts: dict[str, int] = {}
        for step in self.plan.steps:
            counts[_DONE[step.action]] = counts.get(_DONE[step.action], 0) + 1
        return ", ".join(f"{count} {word}" for word, count in counts.items()) or "nothing to do"


_DONE = {
    Action.CREATE: "created",
    Action.CONFIGURE: "configured",
    Action.RECREATE: "recreated",
    Action.PRUNE: "pruned",
    Action.HOOK: "hooks run",
    Action.SKIP: "skipped",
}


def _as_written(step: Step) -> Step:
    """A hook is written as what it comes to: made, or made anew where an earlier run left it (BeforeHookCreation)."""
    if step.action is not Action.HOOK:
        return step
    return replace(step, action=Action.RECREATE if step.live else Action.CREATE)

"""The preflight: every step of a plan tried on the server, with the bodies of its writes, before anything is written.

It is the judge as well: a step whose dry run would change nothing drops out of the plan, and the changes of the others
are known (invariant 1 and section 6 of the design).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from gitopsd.diff.changes import field_changes
from gitopsd.diff.mask import Mask, masked
from gitopsd.model.app import App
from gitopsd.model.errors import IMMUTABLE, ObjectError
from gitopsd.model.marks import Mark
from gitopsd.model.plan import Action, FieldChange, Ignored, Plan, Refusal, Step
from gitopsd.plan.deferral import lacking
from gitopsd.plan.hooks import as_sent, taken
from gitopsd.plan.make import about, configure_or_refuse, with_digest
from gitopsd.plan.recreate import may_go_untried, recreate_or_refuse, recreated, recreates_always
from gitopsd.ports import ClusterPort, Trial

Answer = Step | Refusal | Ignored
"""What becomes of a step that was tried."""


@dataclass(frozen=True, slots=True)
class Preflight:
    """What trying needs: the cluster, who we are (installation and field manager), and how values of Secrets are hidden."""

    cluster: ClusterPort
    installation: str
    manager: str
    mask: Mask

    async def check(self, app: App, plan: Plan) -> Plan:
        """The plan as the server sees it: unchanged steps gone, changes filled in, refusals and deferrals added.

        Hooks are left for `check_hooks`. Raises ClusterError where the server can't be asked. A plan with refusals is given
        back: it won't be carried out.
        """
        return await self._checked(app, plan, lambda step: step.action is not Action.HOOK)

    async def check_hooks(self, app: App, plan: Plan) -> Plan:
        """The plan with its hooks tried too, once it is known that they are to run."""
        return await self._checked(app, plan, lambda step: step.action is Action.HOOK)

    async def recheck(self, app: App, plan: Plan) -> Plan:
        """The plan after what its deferred steps wait for was written: only they are tried, and may wait for more yet."""
        return await self._checked(app, plan, lambda step: step.waits_for is not None)

    async def _checked(self, app: App, plan: Plan, is_due: Callable[[Step], bool]) -> Plan:
        due = [step for step in plan.steps if is_due(step)]
        if plan.refusals or not due:
            return plan
        answers = iter(await asyncio.gather(*(self._try(app, replace(step, waits_for=None), plan.steps) for step in due)))
        tried = [next(answers) if is_due(step) else step for step in plan.steps]
        steps = tuple(answer for answer in tried if isinstance(answer, Step))
        refusals = tuple(answer for answer in tried if isinstance(answer, Refusal))
        same = tuple(answer for answer in tried if isinstance(answer, Ignored))
        unchanged = plan.unchanged + tuple(answer.desired for answer in same)
        ignored = plan.ignored + tuple(answer for answer in same if answer.changes)
        warnings = plan.warnings + tuple(text for answer in same for text in about(answer.desired.ref, answer.warnings))
        checked = replace(plan, steps=steps, refusals=refusals, unchanged=unchanged, ignored=ignored, warnings=warnings)
        return with_digest(checked)

    async def _try(self, app: App, step: Step, steps: Iterable[Step]) -> Answer:
        """The step with its changes, why it is refused, or what is ignored (mostly nothing) where nothing would change."""
        if step.action is Action.SKIP:
            return step
        if (provider := lacking(step, None, steps)) is not None:
            return replace(step, waits_for=provider)
        try:
            trial = await self.cluster.dry_run(app, as_sent(step))
        except ObjectError as error:
            return await self._failed(app, step, error, steps)
        if trial.existing is not None and step.desired is not None:
            return await self._reconsider(app, step, trial, steps)
        if trial.unchanged and step.desired is not None and step.action is not Action.HOOK:
            ignored = self._changes(step, trial) if step.desired.handling.ignores else ()
            return Ignored(step.desired, ignored, trial.warnings)
        if recreates_always(step):
            return await self._try(app, recreated(step, "Force and Replace ask for it"), steps)
        return replace(step, changes=self._changes(step, trial), warnings=trial.warnings, body=trial.body)

    async def _failed(self, app: App, step: Step, error: ObjectError, steps: Iterable[Step]) -> Answer:
        """A failure that may wait, one that making the object anew gets over, or a refusal."""
        if (provider := lacking(step, error, steps)) is not None:
            return replace(step, waits_for=provider)
        if may_go_untried(step, error):
            return step
        if error.reason == IMMUTABLE and step.action is Action.CONFIGURE:
            anew = recreate_or_refuse(step, error.message)
            return await self._try(app, anew, steps) if isinstance(anew, Step) else anew
        return Refusal(step.ref, error.reason, error.message)

    async def _reconsider(self, app: App, step: Step, trial: Trial, steps: Iterable[Step]) -> Answer:
        """An object to be created was there all along, unmarked: it is judged again as what it is."""
        if step.desired is None or trial.existing is None:
            return step
        if step.action is Action.HOOK:
            mine = Mark(self.installation, app.key, step.ref)
            return taken(trial.existing, mine) or await self._try(app, replace(step, live=trial.existing), steps)
        again = configure_or_refuse(step.ref, step.desired, trial.existing, app, self.installation)
        return await self._try(app, again, steps) if isinstance(again, Step) else again

    def _changes(self, step: Step, trial: Trial) -> tuple[FieldChange, ...]:
        if step.action not in (Action.CONFIGURE, Action.RECREATE) or trial.before is None or trial.after is None:
            return ()
        return field_changes(masked(trial.before, self.mask), masked(trial.after, self.mask), self.manager)

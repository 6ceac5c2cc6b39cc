"""Whether a plan is carried out now: automation, self-healing, retries, a person's word."""

from __future__ import annotations

from dataclasses import dataclass

from gitopsd.model.app import App
from gitopsd.model.plan import Action, Plan
from gitopsd.model.record import Condition, Phase, SyncRecord, SyncStatus, Trigger, TriggerKind
from gitopsd.model.standing import ITSELF
from gitopsd.plan.windows import Permit


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether to sync, and why (or why not): a clause that follows the application's name.

    `hooks` says whether hooks run, or would, `held` that only a sync window keeps it from being done.
    """

    sync: bool
    reason: str
    hooks: bool = False
    held: bool = False
    condition: Condition | None = None
    """What a person should do about it."""


@dataclass(frozen=True, slots=True)
class Known:
    """What earlier passes came to, as digests of what was desired: the render that was last live, the one that last failed."""

    live: str = ""
    failed: str = ""

    def after(self, record: SyncRecord) -> Known:
        """What is known after a pass."""
        if record.attempted and record.phase is Phase.SUCCEEDED:
            return Known(live=record.desired_digest)
        live = record.desired_digest if record.sync is SyncStatus.SYNCED else self.live
        failed = record.attempted and record.phase in (Phase.FAILED, Phase.ERROR)
        return Known(live, record.desired_digest if failed and record.desired_digest else self.failed)


_BY_HAND = frozenset({TriggerKind.MANUAL, TriggerKind.ROLLBACK})
"""A person wants just this sync."""
ASKED = _BY_HAND | {TriggerKind.RETURN}
"""Just this sync is wanted, automation or not."""
_GOES_ON = frozenset({TriggerKind.RETRY, TriggerKind.START, TriggerKind.WINDOW})
"""A rollback that failed, or that a crash or a window held up, is gone on with, automation or not: it was a person's word."""
_AGAIN = _GOES_ON | {
    TriggerKind.SPEC,
    TriggerKind.RESUME,
    TriggerKind.UNPIN,
    TriggerKind.APPROVE,
    TriggerKind.ADOPT,
    TriggerKind.CONFIRM,
}
"""What is reason enough to try a failed sync again: something other than Git may have changed."""


def tries_again(app: App, trigger: Trigger, permit: Permit) -> bool:
    """Whether a person has what was left by itself tried once more: a sync of the whole says so, as `unpin` does.

    Where a person went back, a sync is about the commits that they chose; one that must not be tries nothing.
    """
    pin, part = app.standing.pinned, trigger.dry_run or trigger.resources
    wanted = trigger.kind is TriggerKind.MANUAL and not part and not app.suspension and _permitted(trigger, permit)
    return wanted and pin is not None and pin.by == ITSELF


def is_drift(plan: Plan, known: Known) -> bool:
    """Whether what differs was changed in the cluster: just this render has been live before, so Git is not the cause."""
    return bool(plan.desired_digest) and known.live == plan.desired_digest


def decide(app: App, trigger: Trigger, plan: Plan, known: Known) -> Decision:
    """Argo CD's automation rules, with two differences that users ask for (field.md).

    A failed sync is tried again when its retry is due (`retry.limit: 0` forbids it), and self-healing
    goes on after a failure. Hooks run with what Git brings, not with what heals drift; where one of them failed it runs
    again with the retry, even if nothing else is left to do. Where approval is required it is required of every plan, be it a
    commit's, a person's or self-healing's.
    """
    if trigger.dry_run:
        return Decision(sync=False, reason="dry run", hooks=bool(plan.writes))
    if app.suspension:
        return Decision(sync=False, reason=app.suspension)
    asked = trigger.kind in ASKED
    if not (asked or plan.writes or plan.refusals or _is_unfinished(plan, known)):
        return Decision(sync=False, reason="nothing to do")
    needs_approval = app.settings.approval and not plan.refusals and any(step.action is not Action.SKIP for step in plan.steps)
    if needs_approval and (waiting := _unapproved(app, plan)):
        return waiting
    if asked:
        return Decision(sync=True, reason="asked for", hooks=True)
    return _automated(app, trigger, plan, known) or _tried(trigger, plan, known)


def _has_failed(plan: Plan, known: Known) -> bool:
    return known.failed == plan.desired_digest != ""


def _is_unfinished(plan: Plan, known: Known) -> bool:
    return _has_failed(plan, known) and any(step.action is Action.HOOK for step in plan.steps)


def _unapproved(app: App, plan: Plan) -> Decision | None:
    order = app.standing.approved
    if order and order.digest == plan.digest:
        return None
    how = f"`gitopsd approve {app.key} {plan.digest[:16]}`"
    message = f"waits for approval of its plan ({len(plan.differences)} objects differ from Git): {how}"
    return Decision(sync=False, reason="waits for approval", hooks=True, condition=Condition("ApprovalRequired", message))


def _automated(app: App, trigger: Trigger, plan: Plan, known: Known) -> Decision | None:
    """What automation forbids or heals; None where the plan is to be carried out. An approval is a person's word for it."""
    approved = app.settings.approval and not plan.refusals
    confirmed = app.standing.confirmed
    if confirmed and confirmed.digest == plan.candidates:
        return None
    if is_drift(plan, known) and plan.writes:
        heals = approved or (bool(app.automated and app.automated.self_heal) and not app.settings.report_drift)
        return Decision(heals, "drifted" if heals else "drifted, and is only reported")
    if app.automated is None and not approved and not (app.standing.pinned and trigger.kind in _GOES_ON):
        return Decision(sync=False, reason="automation is off")
    return None


def _tried(trigger: Trigger, plan: Plan, known: Known) -> Decision:
    """What has not failed yet is tried; what has, when something else may have changed than Git."""
    if _has_failed(plan, known):
        due = trigger.kind in _AGAIN
        return Decision(due, "tried again" if due else "failed; waits for its retry", hooks=due)
    return Decision(sync=True, reason="Git has moved", hooks=True)


def within_windows(decision: Decision, trigger: Trigger, permit: Permit) -> Decision:
    """The decision, unless a sync window forbids what it says; retries and self-healing are held like any other sync."""
    held = decision.sync and not _permitted(trigger, permit)
    return Decision(sync=False, reason=permit.reason, held=True) if held else decision


def _permitted(trigger: Trigger, permit: Permit) -> bool:
    return permit.manual if trigger.kind in _BY_HAND else permit.automatic

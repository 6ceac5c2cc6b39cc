"""Whether a plan is carried out now: automation, self-healing, retries, a person's word."""

from __future__ import annotations

from dataclasses import dataclass

from gitopsd.model.app import App
from gitopsd.model.plan import Action, Plan
from gitopsd.model.record import Phase, SyncRecord, SyncStatus, Trigger, TriggerKind
from gitopsd.plan.windows import Standing


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether to sync, and why (or why not): a clause that follows the application's name.

    `hooks` says whether hooks run, `held` that only a sync window keeps it from being done.
    """

    sync: bool
    reason: str
    hooks: bool = False
    held: bool = False


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


def is_drift(plan: Plan, known: Known) -> bool:
    """Whether what differs was changed in the cluster: just this render has been live before, so Git is not the cause."""
    return bool(plan.desired_digest) and known.live == plan.desired_digest


def decide(app: App, trigger: Trigger, plan: Plan, known: Known) -> Decision:
    """Argo CD's automation rules, with two differences that users ask for (field.md).

    A failed sync is tried again when its retry is due (`retry.limit: 0` forbids it), and self-healing
    goes on after a failure. Hooks run with what Git brings, not with what heals drift; where one of them failed it runs
    again with the retry, even if nothing else is left to do.
    """
    if trigger.kind is TriggerKind.MANUAL:
        return Decision(not trigger.dry_run, "dry run" if trigger.dry_run else "asked for", hooks=True)
    failed = known.failed == plan.desired_digest != ""
    unfinished = failed and any(step.action is Action.HOOK for step in plan.steps)
    if not (plan.writes or plan.refusals or unfinished):
        return Decision(sync=False, reason="nothing to do")
    automated = app.automated
    if automated is None:
        return Decision(sync=False, reason="automation is off")
    if is_drift(plan, known) and plan.writes:
        heals = automated.self_heal and not app.settings.report_drift
        return Decision(heals, "drifted" if heals else "drifted, and is only reported")
    if failed:
        due = trigger.kind in (TriggerKind.RETRY, TriggerKind.SPEC, TriggerKind.START, TriggerKind.WINDOW)
        return Decision(due, "tried again" if due else "failed; waits for its retry", hooks=due)
    return Decision(sync=True, reason="Git has moved", hooks=True)


def within_windows(decision: Decision, trigger: Trigger, standing: Standing) -> Decision:
    """The decision, unless a sync window forbids what it says; retries and self-healing are held like any other sync."""
    allowed = standing.manual if trigger.kind is TriggerKind.MANUAL else standing.automatic
    return decision if allowed or not decision.sync else Decision(sync=False, reason=standing.reason, held=True)

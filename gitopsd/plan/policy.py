"""Whether a plan is carried out now: automation, self-healing, retries, a person's word."""

from __future__ import annotations

from dataclasses import dataclass

from gitopsd.model.app import App
from gitopsd.model.plan import Plan
from gitopsd.model.record import Phase, SyncRecord, Trigger, TriggerKind


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether to sync, and why (or why not): a clause that follows the application's name."""

    sync: bool
    reason: str


def is_drift(plan: Plan, last: SyncRecord | None) -> bool:
    """Whether what differs was changed in the cluster: the last sync brought about just this render, so Git is not the cause."""
    return last is not None and last.phase is Phase.SUCCEEDED and last.desired_digest == plan.desired_digest


def decide(app: App, trigger: Trigger, plan: Plan, last: SyncRecord | None) -> Decision:
    """Argo CD's automation rules, with two differences that users ask for (field.md).

    A failed sync is tried again when its retry is due (`retry.limit: 0` forbids it), and self-healing
    goes on after a failure.
    """
    if trigger.kind is TriggerKind.MANUAL:
        return Decision(not trigger.dry_run, "dry run" if trigger.dry_run else "asked for")
    if not plan.writes and not plan.refusals:
        return Decision(sync=False, reason="nothing to do")
    automated = app.automated
    if automated is None:
        return Decision(sync=False, reason="automation is off")
    if is_drift(plan, last):
        return Decision(automated.self_heal, "drifted" if automated.self_heal else "drifted; selfHeal is off")
    if last is not None and last.phase in (Phase.FAILED, Phase.ERROR) and last.desired_digest == plan.desired_digest:
        due = trigger.kind in (TriggerKind.RETRY, TriggerKind.SPEC, TriggerKind.START)
        return Decision(due, "tried again" if due else "failed; waits for its retry")
    return Decision(sync=True, reason="Git has moved")

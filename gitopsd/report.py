"""From what a pass found and did to its record: sync status, health, drift, results. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from gitopsd.health import aggregate
from gitopsd.model.app import App
from gitopsd.model.health import Health, HealthStatus
from gitopsd.model.plan import Action, Desired, DesiredSet, FieldChange, Inventory, Live, Member, Plan, Step
from gitopsd.model.record import (
    UNHEALTHY,
    Condition,
    Drift,
    DriftOutcome,
    ObjectResult,
    Outcome,
    Phase,
    ResourceState,
    ResultStatus,
    SyncRecord,
    SyncStatus,
    TriggerKind,
)
from gitopsd.model.refs import ObjectRef
from gitopsd.model.standing import ITSELF
from gitopsd.plan.policy import ASKED, Decision, Known, is_drift
from gitopsd.plan.pruning import candidates_of


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that a pass found out before it wrote anything."""

    desired: DesiredSet
    inventory: Inventory
    live: Mapping[ObjectRef, Live]
    plan: Plan
    known: Known
    decision: Decision

    @property
    def members(self) -> tuple[Desired, ...]:
        """All that is wanted and would be ours: with hooks under the names of this run."""
        named = (step.desired for step in self.plan.steps if step.desired and step.desired.generate_name)
        return tuple(want for want in (*self.desired.objects, *named) if want.marked and not want.is_nameless)

    @property
    def refs(self) -> frozenset[ObjectRef]:
        """The desired objects, hooks aside."""
        return frozenset(want.ref for want in self.desired.objects if not want.hook)

    def inventory_after(self, outcome: Outcome | None) -> Inventory:
        """What is there after the apply: everything wanted, with the uids that are known, and all that was not confirmed gone."""
        uids = {ref: live.uid for ref, live in self.live.items()}
        results = outcome.results if outcome else ()
        uids |= {result.ref: result.uid for result in results if result.uid}
        pruned = gone(outcome) if outcome else frozenset()
        # The run of a hook that generates its name, and that was deleted after it, is nothing to remember.
        members = (want for want in self.members if want.ref in uids or not want.generate_name)
        wanted = {want.ref: Member(want.ref, want.api_version, uids.get(want.ref, "")) for want in members}
        left = {ref: member for ref, member in self.inventory.members.items() if ref not in pruned and ref in self.live}
        return Inventory(left | wanted)


def concluded(
    app: App, record: SyncRecord, evidence: Evidence, outcome: Outcome | None, healths: Mapping[ObjectRef, Health]
) -> SyncRecord:
    """The finished record. Without an `outcome` the pass only looked."""
    plan = evidence.plan
    open_steps = _open(plan, outcome)
    resources = tuple(
        _state(want.ref, want.api_version, open_steps, plan, healths) for want in evidence.desired.objects if not want.hook
    )
    unheeded = {want.ref for want in evidence.desired.objects if not want.heeded}
    extras = tuple(_extra(step) for step in open_steps.values() if step.desired is None)
    health = aggregate({state.ref: state.health for state in resources if state.ref not in unheeded})
    phase, message = (outcome.phase, outcome.message) if outcome else _look(app, record, evidence)
    return replace(
        record,
        attempted=outcome is not None,
        phase=phase,
        message=message,
        desired_digest=plan.desired_digest,
        plan_digest=plan.digest,
        candidates=candidates_of(step for step in open_steps.values() if step.desired is None),
        sync=SyncStatus.OUT_OF_SYNC if open_steps or plan.refusals else SyncStatus.SYNCED,
        health=health,
        results=outcome.results if outcome else planned(plan),
        resources=resources + extras,
        drifts=_drifts(app, record, evidence, outcome),
        conditions=tuple(_conditions(app, record, evidence, outcome, health)),
        warnings=plan.warnings + (outcome.warnings if outcome else ()),
        summary=evidence.desired.summary,
    )


def _conditions(app: App, record: SyncRecord, evidence: Evidence, outcome: Outcome | None, health: Health) -> Iterator[Condition]:
    yield from (Condition("SyncError", str(refusal)) for refusal in evidence.plan.refusals)
    if kept := evidence.plan.kept:
        yield Condition("PruneSkipped", kept)
    if evidence.decision.condition:
        yield evidence.decision.condition
    if outcome and outcome.unhealthy:
        yield Condition(UNHEALTHY, outcome.message)
    pin = app.standing.pinned
    if pin and pin.by == ITSELF and pin not in record.lifted:
        here = ", and is Degraded there too: nothing more is tried" if health.status is HealthStatus.DEGRADED else ""
        stays = f"stays at {pin.revisions[0][:10]} until Git moves or `gitopsd unpin {app.key}`"
        yield Condition("RolledBack", f"{pin.reason}; {stays}{here}")


def held(record: SyncRecord, reason: str) -> SyncRecord:
    """The record of a pass that a sync window kept from syncing: a condition, and a refusal for the person who asked."""
    record = replace(record, conditions=(*record.conditions, Condition("SyncWindow", reason)))
    if record.trigger.kind is not TriggerKind.MANUAL:
        return record
    return replace(record, phase=Phase.FAILED, message=f"nothing was written: {reason}")


def _open(plan: Plan, outcome: Outcome | None) -> dict[ObjectRef, Step]:
    """The differences that are still there."""
    done = {r.ref for r in outcome.results if r.status in (ResultStatus.SYNCED, ResultStatus.PRUNED)} if outcome else set()
    return {step.ref: step for step in plan.differences if step.ref not in done}


def _look(app: App, record: SyncRecord, evidence: Evidence) -> tuple[Phase, str]:
    """Who asked for a sync that must not be did not get it."""
    if app.suspension and record.trigger.kind in ASKED and not record.trigger.dry_run:
        return Phase.FAILED, f"nothing was written: {app.suspension}"
    if condition := evidence.decision.condition:
        return Phase.FAILED if record.trigger.kind in ASKED else Phase.SUCCEEDED, condition.message
    if evidence.plan.refusals:
        return Phase.SUCCEEDED, f"nothing would be written: {evidence.plan.objection}"
    differences = evidence.plan.differences
    return Phase.SUCCEEDED, f"{len(differences)} objects differ from Git" if differences else "in sync"


def gone(outcome: Outcome) -> frozenset[ObjectRef]:
    """What is no longer the application's: deleted, or let go of."""
    let_go = (Action.DETACH, ResultStatus.SYNCED)
    return frozenset(r.ref for r in outcome.results if r.status is ResultStatus.PRUNED or (r.action, r.status) == let_go)


def planned(plan: Plan) -> tuple[ObjectResult, ...]:
    """What would be done to each object, as results that are still to come."""
    return tuple(ObjectResult(s.ref, s.action, ResultStatus.PENDING, _why(s), s.changes) for s in plan.steps)


def _why(step: Step) -> str:
    """The reason of a step, and what it is deferred for."""
    return f"{step.reason}; is tried when {step.waits_for} is there" if step.waits_for else step.reason


def _state(
    ref: ObjectRef, api_version: str, open_steps: Mapping[ObjectRef, Step], plan: Plan, healths: Mapping[ObjectRef, Health]
) -> ResourceState:
    refused = any(refusal.ref == ref for refusal in plan.refusals)
    status = SyncStatus.OUT_OF_SYNC if refused or ref in open_steps else SyncStatus.SYNCED
    return ResourceState(ref, api_version, status, healths.get(ref, Health(HealthStatus.MISSING, "not in the cluster")))


def _extra(step: Step) -> ResourceState:
    """An object that is live and should not be: shown, but no part of the application's health."""
    health = step.live.health if step.live else Health(HealthStatus.UNKNOWN, "")
    return ResourceState(step.ref, "", SyncStatus.OUT_OF_SYNC, health)


def _drifts(app: App, record: SyncRecord, evidence: Evidence, outcome: Outcome | None) -> tuple[Drift, ...]:
    """What somebody else changed since the last sync brought about just this render."""
    if not is_drift(evidence.plan, evidence.known):
        return ()
    still = _open(evidence.plan, outcome)
    ignored = tuple(
        Drift(app.key, left.desired.ref, change, record.started, DriftOutcome.IGNORED)
        for left in evidence.plan.ignored
        for change in left.changes
    )
    return ignored + tuple(
        Drift(app.key, step.ref, change, record.started, DriftOutcome.REPORTED if step.ref in still else DriftOutcome.HEALED)
        for step in evidence.plan.differences
        if step.desired is not None and step.action is not Action.SKIP
        for change in _drifted(step)
    )


def _drifted(step: Step) -> tuple[FieldChange, ...]:
    if step.action is Action.CREATE:
        return (FieldChange("", before="absent", after="present", operation="Delete"),)
    return step.changes

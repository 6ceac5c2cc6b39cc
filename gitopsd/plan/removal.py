"""The plan that takes an application away: its PreDelete hooks, its objects in mirrored order, its PostDelete hooks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from gitopsd.model.app import App
from gitopsd.model.deletion import Deletion
from gitopsd.model.hooks import HookPolicy, SyncPhase
from gitopsd.model.marks import Mark
from gitopsd.model.plan import Action, Desired, DesiredSet, Inventory, Live, Plan, Refusal, Step
from gitopsd.model.refs import ObjectRef
from gitopsd.plan.annotations import approved_at, sync_options
from gitopsd.plan.hooks import hook_steps, taken
from gitopsd.plan.make import with_digest
from gitopsd.plan.order import ordered
from gitopsd.plan.ownership import can_prune
from gitopsd.plan.pruning import levelled

PHASES = (SyncPhase.PRE_DELETE, SyncPhase.POST_DELETE)


def delete_hooks(desired: DesiredSet) -> tuple[Desired, ...]:
    """The hooks of an application that run when it is deleted; each goes once it has succeeded, as nothing is left to hold it."""
    found = ((want, want.hook) for want in desired.objects)
    return tuple(
        replace(want, hook=replace(hook, policies=hook.policies | {HookPolicy.HOOK_SUCCEEDED}))
        for want, hook in found
        if hook and set(hook.phases) & set(PHASES)
    )


@dataclass(frozen=True, slots=True)
class Found:
    """What a deletion begins with: the hooks that run, what is live, and what the inventory says."""

    hooks: tuple[Desired, ...]
    live: Mapping[ObjectRef, Live]
    had: Inventory


def removal_plan(app: App, deletion: Deletion, found: Found, installation: str, run: str) -> Plan:
    """What a deletion does. Without `cascade` objects stay, and are nobody's from then on."""
    steps: list[Step] = []
    refusals: list[Refusal] = []
    for hook in found.hooks:
        live = found.live.get(hook.ref)
        if live and (refusal := taken(live, Mark(installation, app.key, hook.ref))):
            refusals.append(refusal)
        steps += hook_steps(hook, live, PHASES, run)
    running = {hook.ref for hook in found.hooks}
    for ref, live in found.live.items():
        if ref not in running:
            foreign = can_prune(live, Mark(installation, app.key, ref), found.had.members.get(ref))
            steps.append(_step(app, deletion, live, foreign))
    return with_digest(Plan(ordered(levelled(steps)), refusals=tuple(refusals)))


def _step(app: App, deletion: Deletion, live: Live, foreign: str | None) -> Step:
    """What becomes of an object. One that is going already is deleted again, which does no harm, and is waited for."""
    phase = SyncPhase.DELETE
    if foreign is not None:
        return Step(live.ref, Action.SKIP, f"left in place: {foreign}", live=live, phase=phase)
    asked = sync_options(live.object or {}).get("Delete", app.option("Delete", "true"))
    if not deletion.cascade or asked == "false":
        return Step(live.ref, Action.DETACH, "left in place, and nobody's", live=live, phase=phase)
    if asked == "confirm" and not deletion.confirmed and approved_at(app.annotations) is None:
        how = f"gitopsd delete {app.key.name} --cascade"
        return Step(live.ref, Action.SKIP, f"waits for confirmation: {how}", live=live, phase=phase)
    return Step(live.ref, Action.PRUNE, "the application is deleted", live=live, phase=phase)

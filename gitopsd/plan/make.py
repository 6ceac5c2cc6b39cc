"""Making the plan: from what was compared to ordered steps and refusals. Pure: nothing is asked, nothing is written."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace

from gitopsd.model.app import App
from gitopsd.model.hooks import SYNC_PHASES
from gitopsd.model.marks import Mark
from gitopsd.model.plan import Action, Compared, Desired, DesiredSet, FieldChange, Inventory, Live, Plan, Refusal, Step, Verdict
from gitopsd.model.record import Trigger
from gitopsd.model.refs import ObjectRef
from gitopsd.plan.confine import Fence
from gitopsd.plan.hooks import hook_steps, taken
from gitopsd.plan.order import ordered
from gitopsd.plan.ownership import adopt_policy, can_adopt, can_prune
from gitopsd.plan.pruning import Permission, leaving, permitted
from gitopsd.plan.recreate import allowing


@dataclass(frozen=True, slots=True)
class Asked:
    """What a plan is made for: by whom, what may be pruned, whether to make anew what can't be changed, and within which fence.

    `run` completes the names of hooks that generate theirs.
    """

    installation: str
    permission: Permission
    run: str = ""
    recreate: bool = False
    fence: Fence = Fence()  # noqa: RUF009 - frozen

    def confirming(self, candidates: str) -> Asked:
        """The same, with a person's word for just these deletions."""
        return replace(self, permission=replace(self.permission, confirmed=candidates))

    @classmethod
    def of(cls, app: App, trigger: Trigger, installation: str, run: str = "", fence: Fence = Fence()) -> Asked:  # noqa: B008 - frozen
        """Automation's own words, unless a person asked otherwise."""
        automated = app.automated
        prune = trigger.prune if trigger.prune is not None else bool(automated and automated.prune)
        confirmed = app.standing.confirmed
        permission = Permission(prune, bool(automated and automated.allow_empty), confirmed.digest if confirmed else "")
        return cls(installation, permission, run, trigger.force, fence)


def make_plan(app: App, desired: DesiredSet, compared: Iterable[Compared], inventory: Inventory, asked: Asked) -> Plan:
    """What a sync would do, before the server's dry run.

    Steps are ordered (see `gitopsd.plan.order`). An UNDECIDED object is planned as `configure` and drops out if the dry run finds
    it unchanged. With a refusal nothing of it will be written.
    """
    steps: list[Step] = []
    unchanged: list[Desired] = []
    warnings = list(desired.warnings)
    refusals = list(desired.refusals)
    generated = {_made_from(want.ref, want.generate_name) for want in desired.objects if want.generate_name}
    for entry in compared:
        if entry.live and _made_from(entry.ref, _generate_name(entry.live)) in generated:
            continue  # an earlier run: it stays until its delete policy, its owner or a person takes it
        found = _judged(entry, app, inventory, asked)
        steps += (one for one in found if isinstance(one, Step))
        refusals += (one for one in found if isinstance(one, Refusal))
        if entry.desired and not entry.desired.hook and not found:
            unchanged.append(entry.desired)
            warnings += about(entry.ref, entry.live.warnings if entry.live else ())
    done = permitted(steps, app, len(desired.objects), asked.permission)
    plan = Plan(ordered(done.steps), tuple(unchanged), (*refusals, *done.refusals), desired.digest)
    return with_digest(replace(plan, warnings=tuple(warnings), candidates=done.candidates))


def about(ref: ObjectRef, warnings: Iterable[str]) -> tuple[str, ...]:
    """The warnings as those of a plan."""
    return tuple(f"{ref}: {warning}" for warning in warnings)


def _judged(entry: Compared, app: App, inventory: Inventory, asked: Asked) -> tuple[Step | Refusal, ...]:
    if entry.desired is not None and entry.desired.hook:
        refusal = taken(entry.live, Mark(asked.installation, app.key, entry.ref)) if entry.live else None
        return (refusal,) if refusal else hook_steps(entry.desired, entry.live, SYNC_PHASES, asked.run)
    judged = _judge(entry, app, inventory, asked)
    return () if judged is None else (judged,)


def _judge(entry: Compared, app: App, inventory: Inventory, asked: Asked) -> Step | Refusal | None:
    if entry.desired is None:
        return _extra(entry, app, inventory, asked) if entry.live else None
    if entry.verdict is Verdict.SAME:
        return None
    if entry.live is None:
        return Step(entry.ref, Action.CREATE, "not in the cluster", entry.desired)
    desired = allowing(entry.desired) if asked.recreate else entry.desired
    return configure_or_refuse(entry.ref, desired, entry.live, app, asked.installation)


def configure_or_refuse(ref: ObjectRef, desired: Desired, live: Live, app: App, installation: str) -> Step | Refusal:
    """The step for a desired object that exists: an update, or the reason why it must not be touched."""
    if live.deleting:
        return Refusal(ref, "BeingDeleted", "it is being deleted, and can be applied only when it is gone")
    if desired.marked:
        mine = Mark(installation, app.key, ref)
        if refusal := can_adopt(live, mine, adopt_policy(app, json.loads(desired.body), ref)):
            return refusal
        reason = "differs from Git" if live.mark == mine else "exists without an owner, and is taken over"
    else:
        reason = "differs from what CreateNamespace asks for"
    return Step(ref, Action.CONFIGURE, reason, desired, live)


def _extra(entry: Compared, app: App, inventory: Inventory, asked: Asked) -> Step | None:
    live = entry.live
    if live is None or live.deleting:
        return None
    mine = Mark(asked.installation, app.key, entry.ref)
    if (why := can_prune(live, mine, inventory.members.get(entry.ref))) is not None:
        # Not ours (any more): it is no business of this plan, unless the inventory still lists it.
        return Step(entry.ref, Action.SKIP, f"left in place: {why}", live=live) if live.mark == mine else None
    if objection := asked.fence.objection(entry.ref):
        return Step(entry.ref, Action.SKIP, f"not in Git; left in place: {objection}", live=live)
    return leaving(live, app, asked.permission)


def _generate_name(live: Live) -> str:
    return str(((live.object or {}).get("metadata") or {}).get("generateName") or "")


def _made_from(ref: ObjectRef, generate_name: str) -> ObjectRef:
    return ref._replace(name=generate_name)


def with_digest(plan: Plan) -> Plan:
    """The plan with its digest: of what will be written, of the fields that it will change as they are now, and of its warnings.

    These say what is left to others. The same steps for the same render over the same live values have the same digest, whenever
    they are planned. Hidden values of Secrets are left out, as each process hides them by a key of its own; what they become is
    in the digest of the body.
    """
    parts = [plan.desired_digest]
    for step in plan.steps:
        body, live = step.desired.digest if step.desired else "", step.live.uid if step.live else ""
        generated = step.desired is not None and step.desired.generate_name  # the name of a run is no part of the plan
        name = f"{step.ref.kind}/{step.ref.namespace}/{generated}" if generated else str(step.ref)
        parts.append(f"{step.phase} {step.action} {step.ref.group}/{name} {body}")
        if step.action is not Action.HOOK:  # what an earlier run left is no part of it either
            parts.append(live)
            parts.extend(_seen(step, change) for change in step.changes)
            parts.extend(step.warnings)
    return replace(plan, digest=hashlib.sha256("\n".join(parts).encode()).hexdigest())


def _seen(step: Step, change: FieldChange) -> str:
    hidden = step.ref.kind == "Secret" and not step.ref.group
    return change.field if hidden else f"{change.field} {json.dumps(change.before, sort_keys=True)}"


def without_hooks(plan: Plan) -> Plan:
    """The plan without its hooks: what a look shows, and what heals drift."""
    return replace(plan, steps=tuple(step for step in plan.steps if step.action is not Action.HOOK))


def selected(plan: Plan, resources: Iterable[str]) -> Plan:
    """Only the steps for objects that were asked for, as `KIND/NAME` or `KIND/NAMESPACE/NAME`; `!` before one leaves it out.

    `*` in place of a part means any. Where only some are left out, all others are meant (Argo CD's rules). Hooks do not run then
    (its rule for selective syncs).
    """
    names = frozenset(resources)
    if not names:
        return plan
    without = [name.removeprefix(_NOT) for name in names if name.startswith(_NOT)]
    only = [name for name in names if not name.startswith(_NOT)]

    def is_meant(ref: ObjectRef) -> bool:
        return not _is_among(without, ref) and (not only or _is_among(only, ref))

    steps = tuple(step for step in plan.steps if step.action is not Action.HOOK and is_meant(step.ref))
    return with_digest(replace(plan, steps=steps, refusals=tuple(r for r in plan.refusals if is_meant(r.ref))))


_NOT, _ANY = "!", "*"


def _is_among(names: Iterable[str], ref: ObjectRef) -> bool:
    return any(_means(name, ref) for name in names)


def _means(text: str, ref: ObjectRef) -> bool:
    kind, _, rest = text.partition("/")
    namespace, _, name = rest.rpartition("/")
    parts = ((kind, ref.kind), (namespace or _ANY, ref.namespace), (name, ref.name))
    return all(said in (_ANY, known) for said, known in parts)

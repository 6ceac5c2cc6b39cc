"""What becomes of objects that left Git: deleted, kept, let go of, or asked about first.

1. Only what is ours is looked at at all (`ownership.can_prune`).
2. The object's own word beats the application's: `Prune=false` keeps it, `Prune=true` deletes it, `Prune=confirm` asks;
   `IgnoreExtraneous` keeps it out of sight, `deletion: detach` leaves it in the cluster and takes our marks off.
3. Kinds that take data with them ask, unless the object itself says `Prune=true`.
4. More deletions than the budget allows, or of all there is because the render is empty, are refused as a whole.
5. A confirmation is for exactly the objects that it was given for: their digest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from gitopsd.model.app import App
from gitopsd.model.plan import Action, Live, Refusal, Step
from gitopsd.model.refs import GroupKind, Object, ObjectRef
from gitopsd.plan.annotations import ARGO, OWN, annotations_of, sync_options, words
from gitopsd.plan.dependencies import UnreadableError, cycle, depends_on, levels

DETACH = "client.lifecycle.config.k8s.io/deletion"
LOSES_DATA = frozenset(
    {
        GroupKind("", "Namespace"),
        GroupKind("", "PersistentVolume"),
        GroupKind("", "PersistentVolumeClaim"),
        GroupKind("apiextensions.k8s.io", "CustomResourceDefinition"),
    }
)
FREE = 10
"""So many deletions never exceed a budget that is a share: small applications would ask for every second commit."""


@dataclass(frozen=True, slots=True)
class Permission:
    """What may be pruned: whether at all, whether by an empty render, and the digest of what a person has confirmed."""

    prune: bool
    allow_empty: bool
    confirmed: str = ""


def leaving(live: Live, app: App, permission: Permission) -> Step | None:
    """The step for one of our objects that is not in Git any more; None where it asks to be overlooked."""
    manifest: Object = live.object or {}
    said = annotations_of(manifest)
    if "IgnoreExtraneous" in words(said.get(f"{ARGO}compare-options", "")):
        return None
    own = sync_options(manifest)
    asked = own.get("Prune", app.option("Prune", "true"))
    if asked == "false":
        return Step(live.ref, Action.SKIP, "not in Git; kept: Prune=false", live=live)
    if not permission.prune:
        return Step(live.ref, Action.SKIP, "not in Git; pruning is off", live=live)
    if said.get(DETACH) == "detach":
        return Step(live.ref, Action.DETACH, f"not in Git; left in place: {DETACH}: detach", live=live)
    waits = asked == "confirm" or (live.ref.group_kind in LOSES_DATA and own.get("Prune") != "true")
    last = own.get("PruneLast", app.option("PruneLast")) == "true"
    return Step(live.ref, Action.PRUNE, _ASKS if waits else "not in Git", live=live, last=last)


_ASKS = "not in Git; deleted as confirmed"
_WAITS = "not in Git; waits for confirmation: "


@dataclass(frozen=True, slots=True)
class Permitted:
    """The steps with the deletions that may be carried out, and what keeps the whole plan from it.

    `candidates` is the digest of all objects that would be deleted if a person confirmed it.
    """

    steps: tuple[Step, ...]
    refusals: tuple[Refusal, ...]
    candidates: str


def permitted(steps: Sequence[Step], app: App, wanted: int, permission: Permission) -> Permitted:
    """Which deletions of a plan may be carried out; `wanted` is how many objects Git holds."""
    prunes = [step for step in steps if step.action is Action.PRUNE]
    candidates = digest_of(prunes)
    if candidates and permission.confirmed == candidates:
        return Permitted(levelled(steps), (), candidates)
    waiting = levelled(_waiting(step, app) if step.reason == _ASKS else step for step in steps)
    if prunes and not wanted:
        refused = None if permission.allow_empty else _empty_render(app, len(prunes))
    else:
        refused = _over_budget(app, len(prunes), len(prunes) + wanted)
    return Permitted(waiting, (refused,) if refused else (), candidates)


def candidates_of(steps: Iterable[Step]) -> str:
    """The digest of what of these steps would be deleted if a person confirmed it."""
    return digest_of(step for step in steps if step.action is Action.PRUNE or step.reason.startswith(_WAITS))


def digest_of(prunes: Iterable[Step]) -> str:
    """What a confirmation is for: exactly these objects; empty where there are none."""
    texts = sorted(f"{step.ref.group}/{step.ref} {step.live.uid if step.live else ''}" for step in prunes)
    return hashlib.sha256("\n".join(texts).encode()).hexdigest() if texts else ""


def _waiting(step: Step, app: App) -> Step:
    return replace(step, action=Action.SKIP, reason=f"{_WAITS}gitopsd confirm-prune {app.key.name}")


def _empty_render(app: App, count: int) -> Refusal:
    how = f"if that is meant, set syncPolicy.automated.allowEmpty, or gitopsd confirm-prune {app.key.name}"
    return Refusal(_ref(app), "EmptyRender", f"Git holds no object, {count} would be deleted; {how}")


def _over_budget(app: App, count: int, total: int) -> Refusal | None:
    budget = app.settings.prune_budget
    if budget == "none":
        return None
    share = budget.endswith("%")
    within = count <= FREE or count * 100 <= int(budget[:-1]) * total if share else count <= int(budget)
    if within:
        return None
    how = f"if that is meant, gitopsd confirm-prune {app.key.name}, or annotate the application with {OWN}prune-budget"
    return Refusal(_ref(app), "PruneBudget", f"{count} of {total} objects would be deleted, and the budget is {budget}; {how}")


def _ref(app: App) -> ObjectRef:
    return ObjectRef("argoproj.io", "Application", app.key.namespace, app.key.name)


def levelled(steps: Iterable[Step]) -> tuple[Step, ...]:
    """The steps with deletions on the levels of what their objects depend on; a circle among live objects is no order."""
    found = tuple(steps)
    going = {step.ref for step in found if step.action is Action.PRUNE}
    edges = {step.ref: [need for need in _needs(step) if need in going] for step in found if step.ref in going}
    if cycle(edges):
        return found
    places = levels(edges)
    return tuple(replace(step, level=places[step.ref]) if step.ref in going else step for step in found)


def _needs(step: Step) -> tuple[ObjectRef, ...]:
    try:
        return depends_on((step.live and step.live.object) or {})
    except UnreadableError:
        return ()

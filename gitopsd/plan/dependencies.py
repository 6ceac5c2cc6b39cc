"""`config.kubernetes.io/depends-on` between the objects of an application: read as cli-utils reads it, turned into levels.

What depends on something is applied when that is healthy, and goes before it when both are pruned. A reference is
`group/namespaces/namespace/kind/name`, or `group/kind/name` for cluster-scoped objects; the core group is empty
(`/namespaces/web/Secret/login`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter

from gitopsd.model.hooks import SyncPhase
from gitopsd.model.plan import Desired, Refusal
from gitopsd.model.refs import Object, ObjectRef
from gitopsd.plan.annotations import annotations_of

DEPENDS_ON = "config.kubernetes.io/depends-on"

Edges = Mapping[ObjectRef, Iterable[ObjectRef]]
"""What each object depends on."""

_NAMESPACED, _CLUSTER_SCOPED = 5, 3
_PHASES = {phase: place for place, phase in enumerate(SyncPhase)}


class UnreadableError(ValueError):
    """A reference that is none; says which."""


def depends_on(obj: Object) -> tuple[ObjectRef, ...]:
    """The objects that `obj` says it depends on. Raises UnreadableError."""
    said = annotations_of(obj).get(DEPENDS_ON, "")
    return tuple(_reference(text.strip()) for text in said.split(",")) if said.strip() else ()


def _reference(text: str) -> ObjectRef:
    parts = text.split("/")
    if len(parts) == _NAMESPACED and parts[1] == "namespaces" and all(parts[2:]):
        return ObjectRef(parts[0], parts[3], parts[2], parts[4])
    if len(parts) == _CLUSTER_SCOPED and all(parts[1:]):
        return ObjectRef(parts[0], parts[1], "", parts[2])
    raise UnreadableError(f"{text!r} is no reference: write group/namespaces/namespace/kind/name, or group/kind/name")


def levelled(objects: Iterable[Desired]) -> tuple[tuple[Desired, ...], tuple[Refusal, ...]]:
    """The objects with their levels among those of their phase and wave, and the dependencies that can't be kept.

    Refused are, as in cli-utils, references to what is not in the set, and cycles; besides, what would have to wait for a later
    wave or phase.
    """
    known = {want.ref: want for want in objects}
    edges = {ref: tuple(want.depends_on) for ref, want in known.items() if want.depends_on}
    if not edges:
        return tuple(known.values()), ()
    refusals = [refusal for ref, needs in edges.items() for need in needs if (refusal := _impossible(known[ref], need, known))]
    if (circle := cycle(edges)) is not None:
        names = " -> ".join(map(str, circle))
        refusals.append(Refusal(circle[0], "CyclicDependency", f"{names}; remove one of these from {DEPENDS_ON}"))
    if refusals:
        return tuple(known.values()), tuple(refusals)
    near = {ref: [need for need in needs if _moment(known[need]) == _moment(known[ref])] for ref, needs in edges.items()}
    found = levels(near)
    return tuple(replace(want, level=found.get(ref, 0)) for ref, want in known.items()), ()


def _moment(want: Desired) -> tuple[int, int]:
    phases = want.hook.phases if want.hook else (SyncPhase.SYNC,)
    return _PHASES[phases[0]] if phases else -1, want.wave


def _impossible(want: Desired, need: ObjectRef, known: Mapping[ObjectRef, Desired]) -> Refusal | None:
    if need not in known:
        return Refusal(want.ref, "MissingDependency", f"{DEPENDS_ON} names {need}, which this application does not have")
    if _moment(known[need]) > _moment(want):
        return Refusal(want.ref, "LateDependency", f"it depends on {need}, which comes in a later phase or wave; change one")
    return None


def cycle(edges: Edges) -> tuple[ObjectRef, ...] | None:
    """A circle of dependencies, its first object again at the end; None where there is none."""
    try:
        TopologicalSorter(edges).prepare()
    except CycleError as error:
        circle: list[ObjectRef] = error.args[1]
        return tuple(reversed(circle))  # the library's points from what is needed to what needs it
    return None


def levels(edges: Edges) -> Mapping[ObjectRef, int]:
    """How long the longest chain of dependencies below each object is; there must be no cycle."""
    found: dict[ObjectRef, int] = {}
    for ref in TopologicalSorter(edges).static_order():
        found[ref] = max((found[need] + 1 for need in edges.get(ref, ())), default=0)
    return found

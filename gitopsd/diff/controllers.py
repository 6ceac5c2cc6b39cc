"""What controllers write into objects that are not theirs, as a part of their work: it stays theirs, and is no drift.

A row says which field of which kind a controller writes. Where it only adds keys to what Git says, Git still decides the rest.
"""

from __future__ import annotations

from dataclasses import dataclass

from gitopsd.diff.fieldsets import fields_of, within
from gitopsd.diff.ignore import without
from gitopsd.formats.jq import Place
from gitopsd.model.refs import GroupKind, Object, ObjectRef


@dataclass(frozen=True, slots=True)
class Work:
    """A controller, by its field manager, writes the field at `place`: just the keys `adds` there, or all of it."""

    manager: str
    kind: GroupKind
    place: tuple[str, str]
    adds: frozenset[str] = frozenset()


WORKS = (
    # Argo Rollouts: a Service serves one revision; a Deployment that a Rollout refers to (workloadRef) is scaled down.
    Work("rollouts-controller", GroupKind("", "Service"), ("spec", "selector"), frozenset({"rollouts-pod-template-hash"})),
    Work("rollouts-controller", GroupKind("apps", "Deployment"), ("spec", "replicas")),
)


def left_to_controllers(body: Object, live: Object) -> Object:
    """What is sent for a live object: without the fields that controllers hold, and with what they have added to ours."""
    kind = ObjectRef.of(live).group_kind
    for work in WORKS:
        outer, name = work.place
        if work.kind == kind and name in (body.get(outer) or {}):
            body = _left(body, live, work)
    return body


def _left(body: Object, live: Object, work: Work) -> Object:
    outer, name = work.place
    there = (live.get(outer) or {}).get(name)
    held = _holds(work, live)
    less: Object = without(body, frozenset({work.place}))
    if not work.adds:
        return less if held else body
    added = {key: value for key, value in (there or {}).items() if key in work.adds}
    wanted = body[outer][name] | added
    if held and wanted == there:
        # The field is one value to the server: to send it too would be to hold it too, until the controller's next change.
        return less
    return body | {outer: body[outer] | {name: wanted}}


def _holds(work: Work, live: Object) -> bool:
    places: frozenset[Place] = frozenset({work.place})
    return any(within(fields, live, places) for fields in fields_of(live, frozenset({work.manager})))

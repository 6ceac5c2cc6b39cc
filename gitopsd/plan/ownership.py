"""Whose is it? The two decisions that can do damage: taking an object over, and deleting one (invariants 2 and 4)."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import replace
from enum import Enum

from gitopsd.model.app import App, AppKey
from gitopsd.model.marks import Mark
from gitopsd.model.plan import Live, Member, Refusal
from gitopsd.model.refs import Object, ObjectRef
from gitopsd.plan.annotations import OWN, annotations_of


class AdoptPolicy(Enum):
    """What may be taken over."""

    UNOWNED = "unowned"
    """Objects that nobody has marked; the default. Whoever wrote one by hand, or with kubectl, loses nothing by it."""
    HANDED_OVER = "handed over"
    """Also what Argo CD tracks as this very application: one that is a resource, and that Argo CD reconciles no more, has been
    handed over with all it has."""
    ANY = "any"
    """Also what another application or tool owns: asked for with `gitopsd.dev/adopt: "true"` on the object or its application,
    or by a person for this once (`gitopsd adopt`)."""


def adopt_policy(app: App, manifest: Object, ref: ObjectRef) -> AdoptPolicy:
    """What a person, the manifest or its application asks for."""
    if app.standing.adopted and ref.is_one_of(app.standing.adopted.objects):
        return AdoptPolicy.ANY
    asked = annotations_of(manifest).get(f"{OWN}adopt", "true" if app.settings.adopt else "")
    if asked == "true":
        return AdoptPolicy.ANY
    return AdoptPolicy.HANDED_OVER if app.is_resource else AdoptPolicy.UNOWNED


def can_adopt(live: Live, mine: Mark, policy: AdoptPolicy) -> Refusal | None:
    """None where the live object may be written to, else why not.

    It may where it carries our mark for its own reference, or no valid mark at all: a mark for another reference is a copy
    that a controller made, and says nothing. Objects under a controller belong to that controller.
    """
    if live.mark == mine:
        return None
    if live.controlled:
        return Refusal(live.ref, "ControllerOwned", "a controller owns it and would undo every change; remove it from Git")
    if policy is AdoptPolicy.ANY or (policy is AdoptPolicy.HANDED_OVER and live.tool in _as_argo_cd(mine.app)):
        return None
    how = f'to take it over, `gitopsd adopt {mine.app} {live.ref}`, or annotate it with {OWN}adopt: "true"'
    if live.mark and live.mark.ref == live.ref:
        owner = f"application {live.mark.app}"
        if live.mark.installation != mine.installation:
            owner += f" of the gitopsd installation {live.mark.installation}"
        return Refusal(live.ref, "OwnedByAnother", f"{owner} owns it, and {mine.app} wants it too; {how}")
    if live.tool:
        return Refusal(live.ref, "OwnedByAnother", f"{live.tool} owns it, and {mine.app} wants it too; {how}")
    return None


def _as_argo_cd(app: AppKey) -> tuple[str, ...]:
    """What Argo CD tracks an application as: by its bare name only in its own namespace, by default `argocd`."""
    names = (str(app), app.name) if app.namespace == "argocd" else (str(app),)
    return tuple(f"Argo CD application {name}" for name in names)


def bequeathed(
    found: Mapping[ObjectRef, Live], mine: App, installation: str, has_left: Container[AppKey]
) -> tuple[Mapping[ObjectRef, Live], Mapping[ObjectRef, AppKey]]:
    """What is live, without the marks of applications that have left this installation; and whose those objects were.

    Who wants such an object has it: a rename.
    """
    marks = {ref: live.mark for ref, live in found.items() if live.mark and live.mark.ref == ref}
    former = {
        ref: mark.app
        for ref, mark in marks.items()
        if mark.installation == installation and mark.app != mine.key and mark.app in has_left
    }
    return {ref: replace(live, mark=None) if ref in former else live for ref, live in found.items()}, former


def can_prune(live: Live, mine: Mark, member: Member | None) -> str | None:
    """None where the live object may be deleted, else why it must stay.

    It may only where the inventory lists it, it carries our mark for its own reference, no controller owns it, and it is the
    very object that we made (the recorded uid; a crash can leave none, then the mark has to do).
    """
    if member is None:
        return "it is not in the inventory"
    if live.mark is None or live.mark != mine:
        return "it does not carry this application's mark"
    if live.controlled:
        return "a controller owns it"
    if member.uid and member.uid != live.uid:
        return "it is not the object that this application made: it was deleted and made again by somebody else"
    return None

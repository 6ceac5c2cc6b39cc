"""What objects say about how they want to be synced: Argo CD's annotations and gitopsd's own, read in one place."""

from __future__ import annotations

from collections.abc import Mapping

from gitopsd.model.hooks import HOOK_ANNOTATION, HOOK_POLICY_ANNOTATION, SKIP, Hook, HookPolicy, SyncPhase
from gitopsd.model.refs import Object

ARGO = "argocd.argoproj.io/"
OWN = "gitopsd.dev/"


def annotations_of(obj: Object) -> Mapping[str, str]:
    """The object's annotations; anything that is no text is left out."""
    found = (obj.get("metadata") or {}).get("annotations")
    return {key: value for key, value in found.items() if isinstance(value, str)} if isinstance(found, dict) else {}


def words(text: str) -> tuple[str, ...]:
    """A comma-separated list, blanks around its words aside."""
    return tuple(word.strip() for word in text.split(",") if word.strip())


def sync_options(obj: Object) -> dict[str, str]:
    """`argocd.argoproj.io/sync-options` by name: `Prune=confirm,Replace` -> `{"Prune": "confirm", "Replace": "true"}`."""
    pairs = (word.partition("=") for word in words(annotations_of(obj).get(f"{ARGO}sync-options", "")))
    return {key: value or "true" for key, _, value in pairs}


def wave(obj: Object) -> int:
    """`argocd.argoproj.io/sync-wave`, 0 where it is absent or no integer (as Argo CD reads it)."""
    try:
        return int(annotations_of(obj).get(f"{ARGO}sync-wave", "0"))
    except ValueError:
        return 0


def hook(obj: Object) -> Hook | None:
    """What the object says of itself as a hook; None for an ordinary one. Words that name no phase are passed over."""
    said = annotations_of(obj)
    asked = words(said.get(HOOK_ANNOTATION, ""))
    if SKIP in asked:
        return Hook(())
    phases = tuple(phase for phase in SyncPhase if phase in asked)
    if not phases:
        return None
    policies = words(said.get(HOOK_POLICY_ANNOTATION, ""))
    named = frozenset(policy for policy in HookPolicy if policy in policies)
    return Hook(phases, named) if named else Hook(phases)


def ignores_health(obj: Object) -> bool:
    """Whether nobody is to wait for the object's health, nor to count it: `argocd.argoproj.io/ignore-healthcheck`."""
    return annotations_of(obj).get(f"{ARGO}ignore-healthcheck") == "true"

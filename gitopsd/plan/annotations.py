"""What objects say about how they want to be synced: Argo CD's annotations and gitopsd's own, read in one place."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from gitopsd.model.hooks import HOOK_ANNOTATION, HOOK_PHASES, HOOK_POLICY_ANNOTATION, SKIP, Hook, HookPolicy, SyncPhase
from gitopsd.model.refs import Object

ARGO = "argocd.argoproj.io/"
OWN = "gitopsd.dev/"
HELM_HOOK = "helm.sh/hook"
HELM_POLICY = "helm.sh/hook-delete-policy"
HELM_WEIGHT = "helm.sh/hook-weight"
_HELM_PHASES = {
    "pre-install": SyncPhase.PRE_SYNC,
    "pre-upgrade": SyncPhase.PRE_SYNC,
    "post-install": SyncPhase.POST_SYNC,
    "post-upgrade": SyncPhase.POST_SYNC,
    "pre-delete": SyncPhase.PRE_DELETE,
    "post-delete": SyncPhase.POST_DELETE,
}
"""Argo CD's table (https://argo-cd.readthedocs.io/en/stable/user-guide/helm/#helm-hooks)."""
_HELM_POLICIES = {
    "before-hook-creation": HookPolicy.BEFORE_HOOK_CREATION,
    "hook-succeeded": HookPolicy.HOOK_SUCCEEDED,
    "hook-failed": HookPolicy.HOOK_FAILED,
}


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


def approved_at(annotations: Mapping[str, str]) -> datetime | None:
    """When a person approved deletions in Argo CD's way (`argocd.argoproj.io/deletion-approved: TIME`); else None."""
    try:
        time = datetime.fromisoformat(annotations.get(f"{ARGO}deletion-approved", ""))
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def wave(obj: Object) -> int:
    """`argocd.argoproj.io/sync-wave`, or a Helm hook's weight; 0 where it is absent or no integer (as Argo CD reads it)."""
    said = annotations_of(obj)
    try:
        return int(said.get(f"{ARGO}sync-wave") or said.get(HELM_WEIGHT, "0"))
    except ValueError:
        return 0


def hook(obj: Object) -> Hook | None:
    """What the object says of itself as a hook; None for an ordinary one. Words that name no phase are passed over.

    A Helm hook is Argo CD's nearest one, unless it says itself which.
    """
    said = annotations_of(obj)
    if HOOK_ANNOTATION not in said and HELM_HOOK in said:
        return _helm_hook(said)
    asked = words(said.get(HOOK_ANNOTATION, ""))
    if SKIP in asked:
        return Hook(())
    phases = tuple(phase for phase in HOOK_PHASES if phase in asked)
    if not phases:
        return None
    policies = words(said.get(HOOK_POLICY_ANNOTATION, ""))
    named = frozenset(policy for policy in HookPolicy if policy in policies)
    return Hook(phases, named) if named else Hook(phases)


def _helm_hook(said: Mapping[str, str]) -> Hook | None:
    """Tests and roll-backs are no part of a sync, so they are never applied; definitions were hooks once and are none."""
    asked = words(said[HELM_HOOK])
    if "crd-install" in asked:
        return None
    wanted = {_HELM_PHASES[word] for word in asked if word in _HELM_PHASES}
    phases = tuple(phase for phase in SyncPhase if phase in wanted)
    named = {_HELM_POLICIES[word] for word in words(said.get(HELM_POLICY, "")) if word in _HELM_POLICIES}
    return Hook(phases, frozenset(named)) if named else Hook(phases)


def ignores_health(obj: Object) -> bool:
    """Whether nobody is to wait for the object's health, nor to count it: `argocd.argoproj.io/ignore-healthcheck`."""
    return annotations_of(obj).get(f"{ARGO}ignore-healthcheck") == "true"

"""What objects say about how they want to be synced: Argo CD's annotations and gitopsd's own, read in one place."""

from __future__ import annotations

from collections.abc import Mapping

from gitopsd.model.refs import Object

ARGO = "argocd.argoproj.io/"
OWN = "gitopsd.dev/"
HOOK_PHASES = ("PreSync", "Sync", "PostSync", "SyncFail", "Skip", "PreDelete", "PostDelete")


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


def hook(obj: Object) -> tuple[str, ...]:
    """The phases that a hook runs in, empty for an ordinary object."""
    asked = words(annotations_of(obj).get(f"{ARGO}hook", ""))
    return tuple(phase for phase in HOOK_PHASES if phase in asked)

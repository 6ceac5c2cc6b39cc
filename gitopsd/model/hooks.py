"""Hooks: objects that run at a moment of a sync instead of being kept in sync (Argo CD's `argocd.argoproj.io/hook`)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

HOOK_ANNOTATION = "argocd.argoproj.io/hook"
HOOK_POLICY_ANNOTATION = "argocd.argoproj.io/hook-delete-policy"
HOOK_FINALIZER = "argocd.argoproj.io/hook-finalizer"
"""Keeps a hook until its end was seen: a Job with `ttlSecondsAfterFinished` would be gone before that."""
SKIP = "Skip"
"""In place of a phase: the object stands in Git and is never applied."""


class SyncPhase(StrEnum):
    """The phases, in the order in which they run. Everything that is no hook belongs to `Sync`, or `Delete`."""

    PRE_SYNC = "PreSync"
    SYNC = "Sync"
    POST_SYNC = "PostSync"
    SYNC_FAIL = "SyncFail"
    PRE_DELETE = "PreDelete"
    DELETE = "Delete"
    POST_DELETE = "PostDelete"


SYNC_PHASES = (SyncPhase.PRE_SYNC, SyncPhase.SYNC, SyncPhase.POST_SYNC, SyncPhase.SYNC_FAIL)
"""The phases of a sync; the others belong to the deletion of an application."""
HOOK_PHASES = tuple(phase for phase in SyncPhase if phase is not SyncPhase.DELETE)
"""What a hook may ask for."""


class HookPolicy(StrEnum):
    """When a hook's object is deleted; Argo CD's default is `BeforeHookCreation`."""

    HOOK_SUCCEEDED = "HookSucceeded"
    HOOK_FAILED = "HookFailed"
    BEFORE_HOOK_CREATION = "BeforeHookCreation"


@dataclass(frozen=True, slots=True)
class Hook:
    """What makes an object a hook: the phases that it runs in (none: `Skip`), and when it is deleted."""

    phases: tuple[SyncPhase, ...]
    policies: frozenset[HookPolicy] = frozenset({HookPolicy.BEFORE_HOOK_CREATION})

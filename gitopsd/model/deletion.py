"""How an application goes: with its objects, or leaving them behind."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

_RESOURCES_FINALIZER = "resources-finalizer.argocd.argoproj.io"
HOOK_FINALIZERS = ("pre-delete-finalizer.argocd.argoproj.io", "post-delete-finalizer.argocd.argoproj.io")
"""What says that hooks of an application's deletion are still to run; a stage may follow after a slash."""


@dataclass(frozen=True, slots=True)
class Deletion:
    """That an application is to go: with its objects (`cascade`), or leaving them as nobody's.

    `by` is who asked, empty where it left the configuration; a person's word also confirms `Delete=confirm`. `done` says that it
    is over, and only the document is left.
    """

    cascade: bool
    propagation: str = "foreground"
    by: str = ""
    done: bool = False

    @property
    def confirmed(self) -> bool:
        """Whether a person stands behind it."""
        return bool(self.by)


def is_ours(finalizer: str) -> bool:
    """Whether a finalizer of an Application resource waits for what is done here."""
    return finalizer.partition("/")[0] in (_RESOURCES_FINALIZER, *HOOK_FINALIZERS)


def asked_by(finalizers: Iterable[str]) -> Deletion | None:
    """What an application's finalizers want done when it goes; None where its objects are simply to stay."""
    for finalizer in finalizers:
        name, _, propagation = finalizer.partition("/")
        if name == _RESOURCES_FINALIZER:
            return Deletion(cascade=True, propagation=propagation or "foreground")
    return None

"""How an application goes: with its objects, or leaving them behind."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

_RESOURCES_FINALIZER = "resources-finalizer.argocd.argoproj.io"


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


def asked_by(finalizers: Iterable[str]) -> Deletion | None:
    """What an application's finalizers want done when it goes; None where its objects are simply to stay."""
    for finalizer in finalizers:
        name, _, propagation = finalizer.partition("/")
        if name == _RESOURCES_FINALIZER:
            return Deletion(cascade=True, propagation=propagation or "foreground")
    return None

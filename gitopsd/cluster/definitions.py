"""What decides how the server treats objects: schemas and admission. When one changes, receipts no longer hold.

Watched without content; what counts is `generation`, which only a change of the spec moves.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

from gitopsd.model.refs import GroupKind, Object

CRD = GroupKind("apiextensions.k8s.io", "CustomResourceDefinition")
"""Counts for the kinds of its own group only."""

SURFACE = frozenset({CRD, GroupKind("apiregistration.k8s.io", "APIService")})
"""Kinds that change what the server serves."""

_ADMISSION = (
    "MutatingWebhookConfiguration",
    "ValidatingWebhookConfiguration",
    "MutatingAdmissionPolicy",
    "MutatingAdmissionPolicyBinding",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
)

WATCHED: tuple[GroupKind, ...] = (*sorted(SURFACE), *(GroupKind("admissionregistration.k8s.io", kind) for kind in _ADMISSION))


@dataclass(slots=True)
class Generations:
    """The definitions of one kind, as a `Sink`.

    `on_change` is called when one comes, goes or changes, with whether that is news: the first list is not.
    """

    kind: GroupKind
    on_change: Callable[[GroupKind, bool], None]
    known: dict[str, str] = field(default_factory=dict)
    _list: dict[str, str] = field(default_factory=dict)
    _listed: bool = False

    def begin(self) -> None:
        """See `Sink`."""
        self._list = {}

    def listed(self, obj: Object) -> None:
        """See `Sink`."""
        self._list[_name(obj)] = _state(obj)

    def complete(self, resource_version: int) -> None:  # noqa: ARG002 - a Sink's signature
        """See `Sink`."""
        different, self.known = self._list != self.known, self._list
        if different:
            self.on_change(self.kind, self._listed)
        self._listed = True

    def changed(self, obj: Object) -> None:
        """See `Sink`. Any change counts for what is served: a definition becomes effective by its status."""
        self.known[_name(obj)] = _state(obj)
        self.on_change(self.kind, True)  # noqa: FBT003 - see on_change

    def deleted(self, obj: Object) -> None:
        """See `Sink`."""
        self.known.pop(_name(obj), None)
        self.on_change(self.kind, True)  # noqa: FBT003 - see on_change


def _name(obj: Object) -> str:
    return str(obj["metadata"]["name"])


def _state(obj: Object) -> str:
    return f"{obj['metadata'].get('uid')} {obj['metadata'].get('generation')}"


class Definitions:
    """The epoch of each group: changes whenever the server might judge its objects differently from before."""

    def __init__(self, on_surface: Callable[[], None]) -> None:
        """`on_surface` is called when what is served may have changed."""
        self.sinks = {kind: Generations(kind, self._changed) for kind in WATCHED}
        self._on_surface = on_surface
        self._epochs: dict[tuple[str, str], str] = {}

    def epoch(self, group: str, server_version: str) -> str:
        """The epoch of a group's objects on a server of that version."""
        key = (group, server_version)
        if (known := self._epochs.get(key)) is None:
            lines = [server_version]
            for kind, sink in self.sinks.items():
                if kind == CRD:
                    lines += sorted(f"{name} {state}" for name, state in sink.known.items() if name.partition(".")[2] == group)
                elif kind not in SURFACE:
                    lines += sorted(f"{kind.kind} {name} {state}" for name, state in sink.known.items())
            known = self._epochs[key] = hashlib.sha256("\n".join(lines).encode()).hexdigest()
        return known

    def _changed(self, kind: GroupKind, news: bool) -> None:  # noqa: FBT001 - see Generations.on_change
        self._epochs.clear()
        if news and kind in SURFACE:
            self._on_surface()

"""The API surface of a cluster: which kinds it serves, under which names, in which scope."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gitopsd.model.refs import GroupKind


@dataclass(frozen=True, slots=True)
class Resource:
    """How the server serves one version of a kind. `plural` is the path segment."""

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool
    verbs: frozenset[str] = frozenset()

    @property
    def api_version(self) -> str:
        """As objects write it: `apps/v1`, `v1`."""
        return f"{self.group}/{self.version}" if self.group else self.version


@dataclass(frozen=True, slots=True)
class Surface:
    """A frozen answer to "what does this cluster serve?".

    `digest` changes with any kind, version or the server's version; receipts and renders hold it. `preferred` gives a
    kind's preferred version.
    """

    server_version: str
    digest: str
    resources: Mapping[tuple[str, str], Resource]
    """By `(apiVersion, kind)`."""
    preferred: Mapping[GroupKind, Resource] = field(default_factory=dict)

    def resource(self, api_version: str, kind: str) -> Resource | None:
        """How `kind` of exactly `api_version` is served, or None."""
        return self.resources.get((api_version, kind))

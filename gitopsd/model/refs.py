"""Names of objects: which object, not which version of its API.

They are named tuples, since they are keys everywhere: a tuple is hashed and compared several times faster than a dataclass.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple, Self

Object = dict[str, Any]
"""A Kubernetes object as plain JSON. Nobody mutates one after rendering."""


class GroupKind(NamedTuple):
    """A kind of object without its version: `apps`/`Deployment`; the core group is the empty string."""

    group: str
    kind: str

    def __str__(self) -> str:
        """As kubectl writes it: `Deployment.apps`, `Service`."""
        return f"{self.kind}.{self.group}" if self.group else self.kind


class ObjectRef(NamedTuple):
    """One object's identity. `namespace` is empty for cluster-scoped objects (and before scopes are known)."""

    group: str
    kind: str
    namespace: str
    name: str

    @classmethod
    def of(cls, obj: Object) -> Self:
        """The reference of an object; missing parts are empty strings."""
        metadata = obj.get("metadata") or {}
        group, _, _ = str(obj.get("apiVersion") or "").rpartition("/")
        return cls(group, str(obj.get("kind") or ""), str(metadata.get("namespace") or ""), str(metadata.get("name") or ""))

    @property
    def group_kind(self) -> GroupKind:
        """The kind without the name."""
        return GroupKind(self.group, self.kind)

    def is_one_of(self, names: Collection[str]) -> bool:
        """Whether it is among names as people write them: `KIND/NAME`, or `KIND/NAMESPACE/NAME`."""
        return str(self) in names or f"{self.kind}/{self.name}" in names

    def __str__(self) -> str:
        """As errors and people name it: `Deployment/web/api`, `Namespace/web`."""
        return "/".join(part for part in (self.kind, self.namespace, self.name) if part)

"""Marks: how an object says which application it belongs to.

Members carry two marks: the ApplySet label `applyset.kubernetes.io/part-of` (KEP-3659, with the names that kubectl uses), so
that any tool sees what belongs together, and the annotation `gitopsd.dev/owner`, which names installation, application and
the object's own reference. The label alone proves nothing: controllers copy labels (EndpointSlices take their Service's).
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import Self

from gitopsd.model.app import AppKey
from gitopsd.model.refs import Object, ObjectRef

PART_OF_LABEL = "applyset.kubernetes.io/part-of"
OWNER_ANNOTATION = "gitopsd.dev/owner"


def applyset_id(parent: ObjectRef) -> str:
    """The id of the ApplySet whose parent object is `parent`, as kubectl computes it (KEP-3659)."""
    text = f"{parent.name}.{parent.namespace}.{parent.kind}.{parent.group}"
    digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
    return f"applyset-{digest}-v1"


def inventory_name(installation: str, app: AppKey) -> str:
    """The name of the ConfigMap that is the parent of an application's set: readable, unique, at most 253 characters."""
    digest = hashlib.sha256(f"{installation}/{app}".encode()).hexdigest()[:10]
    return f"gitopsd-{installation}-{app.name}"[:240].rstrip("-.") + f"-{digest}"


@dataclass(frozen=True, slots=True)
class Mark:
    """The annotation's content: `installation;namespace/app;group/Kind;namespace/name`."""

    installation: str
    app: AppKey
    ref: ObjectRef

    def __str__(self) -> str:
        """The annotation's value."""
        return f"{self.installation};{self.app};{self.ref.group}/{self.ref.kind};{self.ref.namespace}/{self.ref.name}"

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """The mark in an annotation's value, or None where it is not one of ours."""
        parts = [part.partition("/") for part in text.split(";")]
        if len(parts) != len(("installation", "app", "kind", "name")) or any(not sep for _, sep, _ in parts[1:]):
            return None
        (installation, _, _), (namespace, _, app), (group, _, kind), (own_namespace, _, name) = parts
        return cls(installation, AppKey(namespace, app), ObjectRef(group, kind, own_namespace, name))

    @classmethod
    def of(cls, obj: Object) -> Self | None:
        """The mark that an object carries, whoever it names (a copy of another object's annotations names that one)."""
        annotations = (obj.get("metadata") or {}).get("annotations") or {}
        value = annotations.get(OWNER_ANNOTATION)
        return cls.parse(value) if isinstance(value, str) else None

"""What is kept of a live object: who it is, how it does, and digests. Never its content."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from sys import intern

from gitopsd.cluster.tools import owning_tool
from gitopsd.diff.fieldsets import held_fields
from gitopsd.diff.judge import digest, fields_digest, project
from gitopsd.model.health import Health
from gitopsd.model.marks import Mark
from gitopsd.model.plan import Live
from gitopsd.model.receipt import Fingerprint
from gitopsd.model.refs import Object, ObjectRef


@dataclass(frozen=True, slots=True)
class Entry:
    """A live object as the cache knows it. `live` is without content; `synced` is the same with the receipt's verdict.

    `version` is the resourceVersion as a number, which Kubernetes' own storage counts up; 0 where a server has other ideas.
    """

    version: int
    fingerprint: Fingerprint
    live: Live
    synced: Live

    def older_than(self, other: Entry) -> bool:
        """Whether `other` is a later state."""
        return self.version == 0 or other.version == 0 or self.version < other.version

    def whole(self, obj: Object) -> Live:
        """The same with its content."""
        return replace(self.live, object=obj)


def kept_ref(api_version: str, kind: str, namespace: str, name: str) -> ObjectRef:
    """A reference that will be kept, as many are: of groups, kinds and namespaces, which are few, each text is there once."""
    return ObjectRef(intern(api_version.rpartition("/")[0]), intern(kind), intern(namespace), name)


@dataclass(frozen=True, slots=True)
class Reading:
    """What tells of a live object: the field manager whose fields are ours, and what says how the object is."""

    manager: str
    health: Callable[[Object], Health]


def entry(ref: ObjectRef, api_version: str, obj: Object, reading: Reading, *, content: bool) -> Entry:
    """The entry of `obj`. `content` says whether objects of this kind are watched with their content."""
    metadata = obj.get("metadata") or {}
    version = str(metadata.get("resourceVersion") or "0")
    fields = held_fields(obj, reading.manager)
    values = "" if fields is None else digest(project(obj, fields)) if content else f"version {version}"
    uid = str(metadata.get("uid") or "")
    live = Live(
        ref=ref,
        uid=uid,
        resource_version=version,
        health=reading.health(obj if content else {**obj, "apiVersion": api_version, "kind": ref.kind}),
        deleting=bool(metadata.get("deletionTimestamp")),
        mark=_mark(obj, ref),
        tool=owning_tool(obj, ref),
        controlled=any(owner.get("controller") for owner in metadata.get("ownerReferences") or ()),
    )
    return Entry(
        int(version) if version.isdecimal() else 0,
        Fingerprint(uid, fields_digest(fields), values),
        live,
        replace(live, in_sync=True),
    )


def _mark(obj: Object, ref: ObjectRef) -> Mark | None:
    """The object's mark; one for itself, as nearly all are, names it by the very same reference."""
    mark = Mark.of(obj)
    return Mark(intern(mark.installation), mark.app, ref) if mark and mark.ref == ref else mark

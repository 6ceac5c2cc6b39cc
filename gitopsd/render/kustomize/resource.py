"""The objects of a build, with what the build must remember of each, and the indexes that find them.

What a transformer needs to know about an object's past (its earlier names, who generated it, whether its name takes a
hash) stands in a `Resource` beside the object, never in the object. Objects are persistent values: a transformer puts a new
one that shares what did not change, so a parsed file may be shared by any number of builds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gitopsd.model.errors import RenderError
from gitopsd.render.kustomize.ids import CLUSTER, Gvk, Id, identify, text_or_empty
from gitopsd.render.kustomize.shared import ripple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from gitopsd.model.errors import Place
    from gitopsd.model.refs import Object
    from gitopsd.render.kustomize.origin import Origin


INTERNAL = "internal.config.kubernetes.io/"
"""The domain of annotations that no result has: kustomize keeps there what we keep in records."""


class Resource:
    """An object and its record. Two of them are the same only if they are one."""

    __slots__ = (
        "behavior", "from_helm", "id", "needs_hash", "object", "origin", "past", "prefixes", "referenced_by_vars", "shares",
        "suffixes", "transformations",
    )  # fmt: skip

    def __init__(self, obj: Object, own: Id) -> None:
        """A record of an object that nothing has happened to."""
        self.object = obj
        self.id = own
        """The id of `object` as it stands now; kept by `ResourceSet.put`."""
        self.past: tuple[tuple[str, str, str], ...] = ()
        """Earlier `(namespace, name, kind)`, the oldest first. Group and version are always the current ones, as in kustomize."""
        self.prefixes: tuple[str, ...] = ()
        self.suffixes: tuple[str, ...] = ()
        self.needs_hash = False
        self.behavior = ""
        """How it was generated, empty where it was not."""
        self.from_helm = False
        self.shares = False
        """Some values stand in several places (see `shared`)."""
        self.origin: Origin | None = None
        self.transformations: list[Origin] = []
        self.referenced_by_vars: list[str] = []

    @property
    def original(self) -> Id:
        """The id under which the object entered the build."""
        if not self.past:
            return self.id
        group, version, _ = self.id.gvk
        namespace, name, kind = self.past[0]
        return Id(Gvk(group, version, kind), namespace, name)

    def past_ids(self) -> list[Id]:
        """All earlier ids, the oldest first, without the current one."""
        group, version, _ = self.id.gvk
        return [Id(Gvk(group, version, kind), namespace, name) for namespace, name, kind in self.past]

    @property
    def recorded(self) -> bool:
        """Whether kustomize, which keeps in annotations what we keep here, has written one."""
        return bool(self.past or self.prefixes or self.suffixes or self.behavior or self.origin)

    def remember_id(self) -> None:
        """Notes the current id as a past one; done before a change of name, namespace or kind."""
        self.past = (*self.past, (self.id.namespace, self.id.name, self.id.gvk.kind))

    @property
    def namespace(self) -> str:
        """`metadata.namespace` as written, empty if absent."""
        return text_or_empty(metadata_of(self.object).get("namespace"))

    @property
    def cluster_scoped(self) -> bool:
        """Whether kustomize knows the kind to be cluster-scoped."""
        return self.id.namespace == CLUSTER


def metadata_of(obj: Object) -> dict[str, Any]:
    """An object's metadata, an empty mapping where there is none."""
    metadata = obj.get("metadata")
    return metadata if isinstance(metadata, dict) else {}


def with_metadata(obj: Object, **changes: Any) -> Object:
    """The object with fields of its metadata set; None removes a field."""
    metadata = {**metadata_of(obj), **changes}
    return {**obj, "metadata": {name: value for name, value in metadata.items() if value is not None or name not in changes}}


_Members = dict[Resource, None]
"""Resources in order, each found and dropped at once."""


class ResourceSet:
    """The resources of a build, in order, found by any id or name they have or had, and by kind.

    Every change of an object goes through `put`, which keeps the indexes: each look-up is a dict access, whatever the size.
    """

    def __init__(self, cluster_scoped: frozenset[tuple[str, str]], resources: Iterable[Resource] = ()) -> None:
        """`cluster_scoped` are the `(apiVersion, kind)` without namespace; ids of `resources` must be distinct."""
        self.cluster_scoped = cluster_scoped
        self._members: _Members = {}
        self._by_id: dict[Id, _Members] = {}
        self._by_name: dict[str, _Members] = {}
        self._by_kind: dict[str, _Members] = {}
        self._suspects: dict[Id, None] = {}
        self.extend(resources)

    def __iter__(self) -> Iterator[Resource]:
        """All resources in order; none may join or leave meanwhile."""
        return iter(self._members)

    def __len__(self) -> int:
        """How many there are."""
        return len(self._members)

    def make(self, obj: Object) -> Resource:
        """A record for an object that enters the build (not yet a member)."""
        return Resource(obj, identify(obj, self.cluster_scoped))

    def append(self, resource: Resource) -> None:
        """Adds a resource; raises RenderError if another one has its id."""
        if self.current(resource.id):
            raise RenderError(f"may not add resource with an already registered id: {resource.id}")
        self._members[resource] = None
        self._index(resource)

    def extend(self, resources: Iterable[Resource]) -> None:
        """Appends each."""
        for resource in resources:
            self.append(resource)

    def remove(self, resource: Resource) -> None:
        """Takes a resource out."""
        self._forget(resource)
        del self._members[resource]

    def twins(self) -> Iterator[Id]:
        """The ids that a change of name, kind or namespace has given to two resources."""
        return (suspect for suspect in self._suspects if len(self.current(suspect)) > 1)

    def refuse_twins(self, places: Mapping[Id, Place] | None = None) -> None:
        """Raises RenderError if two resources have become alike; `places` says where that was asked for."""
        for twin in self.twins():
            raise RenderError(f"may not add resource with an already registered id: {twin}", (places or {}).get(twin))

    def current(self, wanted: Id) -> list[Resource]:
        """Those whose id is now `wanted`: one at most, unless a patch has made two alike."""
        return [resource for resource in self._by_id.get(wanted, ()) if resource.id == wanted]

    def any(self, wanted: Id) -> list[Resource]:
        """Those that have or had the id `wanted`."""
        return list(self._by_id.get(wanted, ()))

    def named(self, name: str) -> list[Resource]:
        """Those that have or had this name."""
        return list(self._by_name.get(name, ()))

    def of_kinds(self, wanted: Callable[[str], bool]) -> list[Resource]:
        """Those whose kind `wanted` accepts; it is asked once for each kind."""
        return [resource for kind, bucket in self._by_kind.items() if wanted(kind) for resource in bucket]

    def put(self, resource: Resource, obj: Object) -> None:
        """Gives a resource its new object."""
        old = resource.object
        if resource.shares:
            obj = ripple(old, obj)
        resource.object = obj
        if all(obj.get(part) is old.get(part) for part in ("metadata", "kind", "apiVersion")):
            return
        new_id = identify(obj, self.cluster_scoped)
        if new_id != resource.id:
            if self.current(new_id):
                self._suspects[new_id] = None
            self._move(resource, new_id)

    def rename(self, resource: Resource, obj: Object) -> None:
        """As `put`, remembering the id that the resource had before."""
        resource.remember_id()
        self.put(resource, obj)

    def sort(self, key: Callable[[Resource], Any]) -> None:
        """Orders the resources by `key`, stably."""
        self._members = dict.fromkeys(sorted(self._members, key=key))

    def _buckets(self, resource: Resource) -> Iterator[_Members]:
        """The places of a resource in the indexes."""
        ids = {resource.id, *resource.past_ids()}
        for one in ids:
            yield self._by_id.setdefault(one, {})
        for name in {one.name for one in ids}:
            yield self._by_name.setdefault(name, {})
        yield self._by_kind.setdefault(resource.id.gvk.kind, {})

    def _move(self, resource: Resource, new_id: Id) -> None:
        """Gives a resource another id. If the old one was remembered, it stays where it is found by it."""
        old = resource.id
        remembered = resource.past and resource.past[-1] == (old.namespace, old.name, old.gvk.kind)
        if not remembered or new_id.gvk != old.gvk:
            self._forget(resource)
            resource.id = new_id
            self._index(resource)
            return
        resource.id = new_id
        self._by_id.setdefault(new_id, {})[resource] = None
        self._by_name.setdefault(new_id.name, {})[resource] = None

    def _index(self, resource: Resource) -> None:
        for bucket in self._buckets(resource):
            bucket[resource] = None

    def _forget(self, resource: Resource) -> None:
        for bucket in self._buckets(resource):
            bucket.pop(resource, None)

"""Names in other objects follow the objects they name.

Once all names are final, each field that may hold a name (the `nameReference` specs) is looked up among the *earlier* names of
objects of the kind it refers to, and gets the current name. The candidates come from indexes by earlier name and namespace,
so the cost grows with the number of references, not with its product with the number of objects.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from gitopsd.formats.scalars import text_of
from gitopsd.model.errors import RenderError
from gitopsd.render.kustomize.config import NameReference, default_config
from gitopsd.render.kustomize.errors import retold
from gitopsd.render.kustomize.fieldspec import Json, PathTree, rewrite
from gitopsd.render.kustomize.ids import CLUSTER, DEFAULT_NAMESPACE, Gvk
from gitopsd.render.kustomize.quotes import overwrite

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from gitopsd.render.kustomize.resource import Resource, ResourceSet


class _Leaf(NamedTuple):
    """The end of a field path: which kind the name there is of."""

    target: Gvk
    path: str


class _Index:
    """Renamed resources by an earlier name, alone and with their current namespace; `moves` says which namespace became which."""

    def __init__(self, resources: ResourceSet) -> None:
        self.position: dict[Resource, int] = {}
        self.by_name: dict[str, list[Resource]] = {}
        self.by_current: dict[tuple[str, str], list[Resource]] = {}
        self.moves: dict[str, set[str]] = {}
        for position, resource in enumerate(resources):
            self.moves.setdefault(resource.original.namespace, set()).add(resource.id.namespace)
            if not resource.past:
                continue
            self.position[resource] = position
            for name in dict.fromkeys(name for _, name, _ in resource.past):
                self.by_name.setdefault(name, []).append(resource)
                self.by_current.setdefault((name, resource.id.namespace), []).append(resource)


def fix_references(resources: ResourceSet, references: tuple[NameReference, ...]) -> None:
    """Gives each reference the current name of what it refers to. Raises RenderError where that is ambiguous."""
    index = _Index(resources)
    trees = _default_trees() if references is default_config().name_reference else _Trees(references)
    for resource in resources:
        tree = trees.of(resource.original.gvk)
        if not tree.children:
            continue
        try:
            followed = rewrite(resource.object, tree, _Referrer(resource, index).follow)
        except RenderError as error:
            raise retold(error, f"{resource.id}: {error.message}") from error
        resources.put(resource, followed)


class _Trees:
    """The fields of each kind that may hold names, compiled when a kind is first met."""

    def __init__(self, references: tuple[NameReference, ...]) -> None:
        self._references = references
        self._known: dict[Gvk, PathTree[_Leaf]] = {}

    def of(self, gvk: Gvk) -> PathTree[_Leaf]:
        if (tree := self._known.get(gvk)) is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            tree = self._known[gvk] = PathTree()
            for reference in self._references:
                for spec in reference.fields:
                    if spec.gvk.selects(gvk):
                        tree.add(spec.path, _Leaf(reference.target, spec.path))
        return tree


_REMEMBERED = 512
"""Kinds whose trees are kept; a repository may name any number."""


@lru_cache(maxsize=1)
def _default_trees() -> _Trees:
    """Those of kustomize's own references, kept from build to build."""
    return _Trees(default_config().name_reference)


class _Referrer:
    """One object whose fields hold names."""

    def __init__(self, resource: Resource, index: _Index) -> None:
        self.resource = resource
        self.index = index
        self.other_namespaces = _subject_namespaces(resource)

    def follow(self, leaf: _Leaf, value: Json) -> Json:
        """What stands at the end of a path, with the names in it brought up to date."""
        if isinstance(value, list):
            items = [self._follow_one(leaf, item) if item is not None else None for item in value]
            return items if any(new is not old for new, old in zip(items, value, strict=True)) else value
        return value if value is None else self._follow_one(leaf, value)

    def _follow_one(self, leaf: _Leaf, value: Json) -> Json:
        if isinstance(value, dict):
            return self._follow_mapping(leaf, value)
        old = text_of(value)
        if old not in self.index.by_name:
            return value
        found = self._choose(leaf, self._reachable(old), lambda one: one.id.name)
        return value if found is None or found.id.name == old else overwrite(value, found.id.name)

    def _follow_mapping(self, leaf: _Leaf, value: dict[str, Json]) -> Json:
        """A mapping with `name` and perhaps `namespace`: a subject, or the service of a webhook."""
        if "name" not in value:
            raise RenderError(f"{leaf.path}: path config error; no 'name' field in node")
        old = text_of(value["name"])
        if old not in self.index.by_name:
            return value
        candidates = self._reachable(old)
        if "namespace" in value:
            candidates = self._within(candidates, text_of(value["namespace"]))
        found = self._choose(leaf, candidates, lambda one: (one.id.name, one.namespace))
        if found is None or (found.id.name == old and not found.namespace):
            return value
        current = {"name": found.id.name, **({"namespace": found.namespace} if found.namespace else {})}
        return value | {field: overwrite(value[field], text) if field in value else text for field, text in current.items()}

    def _reachable(self, name: str) -> list[Resource]:
        """The objects of an earlier name that this one may refer to: of its namespace, of none, or anywhere if it has none."""
        index = self.index
        if self.resource.cluster_scoped:
            return index.by_name.get(name, [])
        own = self.resource.id.namespace
        namespaces = {own, CLUSTER, *self.other_namespaces}
        found = list(chain.from_iterable(index.by_current.get((name, namespace), ()) for namespace in namespaces))
        allowed = [one for one in found if one.id.namespace in {own, CLUSTER} or one.namespace in self.other_namespaces]
        return sorted(allowed, key=index.position.__getitem__) if len(allowed) > 1 else allowed

    def _within(self, candidates: list[Resource], namespace: str) -> list[Resource]:
        """Those that came from a namespace; if nothing that could be referred to did, those that are in it now."""
        moved_to = self.index.moves.get(namespace, set())
        reachable = self.resource.cluster_scoped or not moved_to.isdisjoint({self.resource.id.namespace, *self.other_namespaces})
        if moved_to and reachable:
            return [one for one in candidates if one.original.namespace == namespace]
        return [one for one in candidates if one.id.namespace == namespace]

    def _choose(self, leaf: _Leaf, candidates: Iterable[Resource], identity: Callable[[Resource], object]) -> Resource | None:
        """The one that is meant; None if there is none. Raises RenderError if several differ."""
        role = self._role() if leaf.path.endswith("roleRef/name") else None
        found = [one for one in candidates if self._may_refer(one, leaf.target, role)]
        for allow_empty in (True, False):
            if len(found) > 1:
                found = [one for one in found if _same_affixes(one, self.resource, allow_empty=allow_empty)]
        if len({identity(one) for one in found}) > 1:
            ids = ", ".join(str(one.id) for one in found)
            raise RenderError(f"{leaf.path}: found multiple possible referrals: {ids}")
        return found[0] if found else None

    def _may_refer(self, candidate: Resource, target: Gvk, role: Gvk | None) -> bool:
        kinds = [past.gvk for past in candidate.past_ids()]
        if not any(target.selects(kind) for kind in kinds) or (role and not any(role.selects(kind) for kind in kinds)):
            return False
        return (
            self.resource.cluster_scoped
            or candidate.cluster_scoped
            or candidate.id.gvk.kind == "ServiceAccount"
            or candidate.id.namespace == self.resource.id.namespace
        )

    def _role(self) -> Gvk | None:
        role = self.resource.object.get("roleRef")
        if not isinstance(role, dict) or "apiGroup" not in role or "kind" not in role:
            return None
        return Gvk(group=text_of(role["apiGroup"]), kind=text_of(role["kind"]))


def _subject_namespaces(resource: Resource) -> frozenset[str]:
    """Where the service accounts of a role binding live: it may refer to them across namespaces."""
    subjects = resource.object.get("subjects")
    if resource.id.gvk.kind != "RoleBinding" or not isinstance(subjects, list):
        return frozenset()
    return frozenset(
        text_of(subject["namespace"]) or DEFAULT_NAMESPACE
        for subject in subjects
        if isinstance(subject, dict) and subject.get("kind") == "ServiceAccount" and "namespace" in subject
    )


def _same_affixes(one: Resource, other: Resource, *, allow_empty: bool) -> bool:
    """Whether two objects went through the same layers: the shorter list of prefixes (and of suffixes) ends the longer."""
    return all(
        (allow_empty and not (ours and theirs)) or _same_ending(ours, theirs)
        for ours, theirs in ((one.prefixes, other.prefixes), (one.suffixes, other.suffixes))
    )


def _same_ending(ours: tuple[str, ...], theirs: tuple[str, ...]) -> bool:
    length = min(len(ours), len(theirs))
    if not length:
        return ours == theirs
    return ours[len(ours) - length :] == theirs[len(theirs) - length :]

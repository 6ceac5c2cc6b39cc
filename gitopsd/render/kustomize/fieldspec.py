r"""*Where* a transformer edits: field specs, which are data, and the one walk that follows them.

A field spec names a path in objects of some kinds: `spec/template/spec/containers/image`. Lists are walked through without
being named; `field[]` says that a field is a list and then never creates it; `\/` is a slash inside a name. All specs of one
transformation that apply to a kind become one tree, so that an object is walked once however many there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, Generic, NamedTuple, TypeVar

from gitopsd.model.errors import RenderError
from gitopsd.render.kustomize.growth import check_parts
from gitopsd.render.kustomize.ids import ANY_KIND, Gvk

Json = Any
"""Any JSON value."""

T = TypeVar("T")


class FieldSpec(NamedTuple):
    """A path in objects that `gvk` selects; `create` makes what is missing of it."""

    path: str
    gvk: Gvk = ANY_KIND
    create: bool = False


class PathTree(Generic[T]):
    """Field paths merged by their common beginnings; `leaves` are what is to be done at this place, in order."""

    __slots__ = ("children", "create", "is_list", "leaves", "name")

    def __init__(self, name: str = "", *, is_list: bool = False) -> None:
        """An empty tree below the field `name`."""
        self.name = name
        self.is_list = is_list
        self.create = False
        self.children: dict[str, PathTree[T]] = {}
        self.leaves: list[T] = []

    def add(self, path: str, leaf: T, *, create: bool = False) -> None:
        """Grows the tree by a path with `leaf` at its end."""
        node = self
        for part in split_path(path):
            child = node.children.get(part)
            if child is None:
                child = node.children[part] = PathTree(part.removesuffix("[]"), is_list=part.endswith("[]"))
            child.create = child.create or create
            node = child
        node.leaves.append(leaf)


@lru_cache(maxsize=4096)
def split_path(path: str) -> tuple[str, ...]:
    r"""The parts of a `/`-separated path: `metadata/annotations/a.b\/c` has three."""
    parts: list[str] = []
    for part in path.split("/"):
        if parts and parts[-1].endswith("\\"):
            parts[-1] = parts[-1][:-1] + "/" + part
        else:
            parts.append(part)
    check_parts(path, len(parts))
    return tuple(parts)


MISSING = object()


def rewrite(value: Json, tree: PathTree[T], edit: Callable[[T, Json], Json], empty: Callable[[], Json] | None = None) -> Json:
    """The value with each place of `tree` passed through `edit`; what did not change is shared with the argument.

    `empty` makes the value that a missing place starts with, where its spec says `create`; without it nothing is created.
    Raises RenderError where a path leads through something that is neither a mapping nor a list.
    """
    if tree.leaves:
        for leaf in tree.leaves:
            value = edit(leaf, value)
        branches: PathTree[T] = PathTree()
        branches.children = tree.children
        tree = branches
    if not tree.children or value is None:
        return value
    if isinstance(value, dict):
        return _rewrite_mapping(value, tree, edit, empty)
    if isinstance(value, list):
        return _rewrite_list(value, tree, edit, empty)
    message = f"expected a mapping or a list that has {' or '.join(repr(child.name) for child in tree.children.values())}"
    raise RenderError(message)


def _rewrite_list(
    value: list[Json], tree: PathTree[T], edit: Callable[[T, Json], Json], empty: Callable[[], Json] | None
) -> list[Json]:
    changed: list[Json] | None = None
    for index, old in enumerate(value):
        new = rewrite(old, tree, edit, empty)
        if new is not old:
            if changed is None:
                changed = list(value)
            changed[index] = new
    return value if changed is None else changed


def _rewrite_mapping(
    value: dict[str, Json], tree: PathTree[T], edit: Callable[[T, Json], Json], empty: Callable[[], Json] | None
) -> Json:
    changed: dict[str, Json] | None = None
    for child in tree.children.values():
        old = value.get(child.name, MISSING)
        start = old
        if old is MISSING or old is None:
            start = _start(old, child, empty)
            if start is MISSING:
                continue
        new = rewrite(start, child, edit, empty)
        if new is not old:
            if changed is None:
                changed = dict(value)
            changed[child.name] = new
    return value if changed is None else changed


def _start(old: Json, child: PathTree[T], empty: Callable[[], Json] | None) -> Json:
    """What the walk goes on with where a field is missing or null."""
    if empty is not None and child.create and not child.is_list:
        if child.children:
            return {}
        if old is MISSING or empty is dict:  # to kustomize a null is a plain value that is there
            return empty()
    if old is None and child.is_list:
        return []
    return old


_REMEMBERED = 512
"""Kinds whose trees are kept; a repository may name any number."""


class FieldSpecs:
    """The specs of one transformation, compiled to a tree for each kind that asks."""

    def __init__(self, specs: Iterable[FieldSpec]) -> None:
        """Keeps the order of `specs`."""
        self.specs = tuple(specs)
        self._trees: dict[Gvk, PathTree[FieldSpec] | None] = {}

    def tree(self, gvk: Gvk) -> PathTree[FieldSpec] | None:
        """The places of objects of this kind; None if there are none."""
        if gvk not in self._trees:
            if len(self._trees) >= _REMEMBERED:
                self._trees.clear()
            tree: PathTree[FieldSpec] = PathTree()
            for spec in self.specs:
                if spec.gvk.selects(gvk):
                    tree.add(spec.path, spec, create=spec.create)
            self._trees[gvk] = tree if tree.children else None
        return self._trees[gvk]

    def rewrite(self, obj: Json, gvk: Gvk, edit: Callable[[Json], Json], empty: Callable[[], Json] | None = None) -> Json:
        """The object with each of its places passed through `edit`."""
        tree = self.tree(gvk)
        return obj if tree is None else rewrite(obj, tree, lambda _spec, value: edit(value), empty)


@lru_cache(maxsize=64)
def compiled(specs: tuple[FieldSpec, ...]) -> FieldSpecs:
    """The specs with their trees, which are kept from build to build: nearly all builds have the same, kustomize's own."""
    return FieldSpecs(specs)

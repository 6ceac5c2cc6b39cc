"""`namePrefix:` and `nameSuffix:` change the names of all objects but a few whose names are not free."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from gitopsd.formats.scalars import text_of
from gitopsd.model.errors import RenderError
from gitopsd.render.kustomize.fieldspec import FieldSpec, FieldSpecs, Json, PathTree, rewrite
from gitopsd.render.kustomize.ids import Gvk
from gitopsd.render.kustomize.quotes import overwrite

if TYPE_CHECKING:
    from collections.abc import Callable

    from gitopsd.render.kustomize.resource import Resource, ResourceSet

_FIXED_NAMES = (
    Gvk(kind="CustomResourceDefinition"),
    Gvk(group="apiregistration.k8s.io", kind="APIService"),
    Gvk(kind="Namespace"),
)
"""Kinds whose names say something: a definition's is its plural and group, a namespace's is what others write."""

_CREATED: Final = object()
"""Stands for the value of a field that was not there."""


class PrefixTransformer(NamedTuple):
    """Puts a text before names."""

    prefix: str
    specs: FieldSpecs

    def __call__(self, resources: ResourceSet) -> None:
        """Renames each object that may be renamed."""
        _rename_all(resources, self.specs, lambda name: self.prefix + name, self._note)

    def _note(self, resource: Resource) -> None:
        resource.prefixes = (*resource.prefixes, self.prefix)


class SuffixTransformer(NamedTuple):
    """Puts a text behind names."""

    suffix: str
    specs: FieldSpecs

    def __call__(self, resources: ResourceSet) -> None:
        """Renames each object that may be renamed."""
        _rename_all(resources, self.specs, lambda name: name + self.suffix, self._note)

    def _note(self, resource: Resource) -> None:
        resource.suffixes = (*resource.suffixes, self.suffix)


def _rename_all(resources: ResourceSet, specs: FieldSpecs, edit: Callable[[str], str], note: Callable[[Resource], None]) -> None:
    change = partial(_change, edit)
    for resource in resources:
        original = resource.original.gvk
        if any(fixed.selects(original) for fixed in _FIXED_NAMES):
            continue
        tree = specs.tree(original)
        if tree is None:
            continue
        if _renames(tree):
            note(resource)
            resource.remember_id()
        resources.put(resource, rewrite(resource.object, tree, change, lambda: _CREATED))


def _renames(tree: PathTree[FieldSpec]) -> bool:
    metadata = tree.children.get("metadata")
    return metadata is not None and "name" in metadata.children


def _change(edit: Callable[[str], str], spec: FieldSpec, value: Json) -> Json:
    if isinstance(value, (dict, list)):
        raise RenderError(f"wrong node kind: a plain value was expected at {spec.path}")
    return overwrite(value, edit("" if value is _CREATED else text_of(value)))

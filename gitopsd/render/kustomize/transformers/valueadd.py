"""`ValueAddTransformer`: adds a value to fields, as the whole of them or as one part of a path in them."""

from __future__ import annotations

import posixpath
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from gitopsd.formats.scalars import Dialect, text_of
from gitopsd.model.errors import RenderError
from gitopsd.render.kustomize.api import Selector
from gitopsd.render.kustomize.decode import Reading, decode
from gitopsd.render.kustomize.fieldpath import MISSING, Json, put
from gitopsd.render.kustomize.fieldspec import FieldSpecs, split_path
from gitopsd.render.kustomize.quotes import overwrite
from gitopsd.render.kustomize.selectors import select
from gitopsd.render.kustomize.transformers.namespace import NamespaceTransformer

if TYPE_CHECKING:
    from gitopsd.model.refs import Object
    from gitopsd.render.kustomize.loading import Root
    from gitopsd.render.kustomize.resource import ResourceSet

_NAMESPACE = "metadata/namespace"
"""A field path that moves objects as `namespace:` does, subjects of bindings included."""


class Target(NamedTuple):
    """Where to add; a position of 1 or more counts the elements of a file path, 0 replaces the field."""

    selector: Selector | None = None
    field_path: str = ""
    file_path_position: int = 0


class _Config(NamedTuple):
    value: str = ""
    targets: tuple[Target, ...] = ()
    target_file_path: str = ""


def read_value_add(obj: Object, root: Root) -> tuple[str, tuple[Target, ...]]:
    """The value (by default the name of the folder) and the targets, those of a file too. Raises RenderError."""
    config = decode(_Config, obj, Reading.LOOSE)
    targets = config.targets
    if config.target_file_path:
        documents = root.documents(root.read(config.target_file_path), Dialect.KUSTOMIZATION)
        targets += decode(_Config, documents[0] if documents else None, Reading.LOOSE).targets
    if not targets:
        raise RenderError("must specify at least one target")
    for target in targets:
        if not target.field_path:
            raise RenderError("fieldPath cannot be empty")
        if target.file_path_position < 0:
            raise RenderError(f"value of FilePathPosition ({target.file_path_position}) cannot be negative")
    return config.value.strip() or posixpath.basename(root.path), targets


class ValueAddTransformer(NamedTuple):
    """Adds one value to all targets."""

    value: str
    targets: tuple[Target, ...]

    def __call__(self, resources: ResourceSet) -> None:
        """Adds it."""
        for target in self.targets:
            parts = split_path(target.field_path)
            move = NamespaceTransformer(self.value, FieldSpecs(())) if target.field_path == _NAMESPACE else None
            for resource in list(resources) if target.selector is None else select(resources, target.selector):
                if move is not None:
                    resources.put(resource, move.moved(resource))
                    continue
                resources.put(resource, put(resource.object, parts, partial(self._add, target)))

    def _add(self, target: Target, old: Json) -> Json:
        if isinstance(old, (dict, list)):
            raise RenderError(f"wrong node kind: a plain value was expected at {target.field_path}")
        text = self.value
        if target.file_path_position:
            text = insert_part("" if old is MISSING else text_of(old), target.file_path_position, text)
        return overwrite(old, text)


def insert_part(path: str, position: int, value: str) -> str:
    """A file path with one more element; `position` counts from 1, and one too large appends."""
    slash = "/" if path.startswith("/") else ""
    parts = [part for part in path.split("/") if part]
    parts.insert(position - 1, value)
    return slash + "/".join(parts)

"""`patches:`, `patchesStrategicMerge:` and `patchesJson6902:`.

A patch is a strategic merge, one or more objects that name their targets themselves unless a target is given, or a list of
JSON6902 operations, which needs a target. A target that matches nothing is no error in kustomize; an object that a strategic
merge names must be there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from gitopsd.formats.scalars import text_of
from gitopsd.model.errors import RenderError
from gitopsd.render.kustomize.errors import FieldError, retold
from gitopsd.render.kustomize.growth import check_nodes
from gitopsd.render.kustomize.ids import identify
from gitopsd.render.kustomize.patches import as_floats, json6902, strategic_merge
from gitopsd.render.kustomize.quotes import overwrite
from gitopsd.render.kustomize.resource import INTERNAL, metadata_of, with_metadata
from gitopsd.render.kustomize.selectors import select

_MARK = f"{INTERNAL}previousNames"
"""Stands for all that kustomize keeps in annotations while it builds; those of this domain go at the end."""

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gitopsd.model.refs import Object
    from gitopsd.render.kustomize.api import Selector
    from gitopsd.render.kustomize.patches import Schema
    from gitopsd.render.kustomize.resource import Resource, ResourceSet


class PatchTransformer(NamedTuple):
    """One entry of `patches`: strategic-merge `patches` or JSON6902 `operations`; both empty do nothing."""

    patches: tuple[Object, ...]
    operations: Sequence[Any]
    target: Selector | None
    schema: Schema
    name_change: bool = False
    kind_change: bool = False

    def __call__(self, resources: ResourceSet) -> None:
        """Patches the targets; raises RenderError if an object named by a patch isn't there, or twice."""
        if self.operations:
            self._apply_operations(resources)
        elif self.target is None:
            for patch in self.patches:
                self._merge(resources, find(resources, patch), patch)
        elif self.patches:
            for resource in select(resources, self.target):
                self._merge(resources, resource, addressed(self.patches[0]) | {"apiVersion": resource.object.get("apiVersion")})
            resources.refuse_twins()

    def _apply_operations(self, resources: ResourceSet) -> None:
        if self.target is None:
            raise RenderError("must specify a target for a JSON patch")
        for resource in select(resources, self.target):
            resource.remember_id()
            _operate(resources, resource, self.operations)

    def _merge(self, resources: ResourceSet, resource: Resource, patch: Object) -> None:
        if self.name_change or self.kind_change:
            resource.remember_id()
        try:
            merged = strategic_merge(resource.object, patch, self.schema)
        except RenderError as error:
            raise retold(error, f"{resource.id}: {error.message}") from error
        if not merged:
            resources.remove(resource)
            return
        resources.put(resource, self._keep_identity(resource.object, merged))

    def _keep_identity(self, before: Object, after: Object) -> Object:
        """A strategic merge changes neither namespace nor, unless allowed, kind and name."""
        kept: Object = {} if self.kind_change else {"kind": before.get("kind")}
        old, new = metadata_of(before), metadata_of(after)
        if self.name_change and self.target is not None:  # the copy of a patch for a target has its name without quotes
            kept["metadata"] = new = {**new, "name": overwrite(old.get("name"), text_of(new["name"]))}
        names = ("namespace",) if self.name_change else ("name", "namespace")
        if any(new.get(name) != old.get(name) for name in names):
            metadata = {name: value for name, value in new.items() if name not in names}
            kept["metadata"] = metadata | {name: old[name] for name in names if name in old}
        return after | kept


class Merging(NamedTuple):
    """A strategic merge and the field of the kustomization file that holds or names it."""

    patch: Object
    field: str


class PatchStrategicMergeTransformer(NamedTuple):
    """All of `patchesStrategicMerge`."""

    patches: tuple[Merging, ...]
    schema: Schema

    def __call__(self, resources: ResourceSet) -> None:
        """Merges each into the object it names. Raises FieldError if that isn't there, or twice."""
        for patch, field in self.patches:
            try:
                PatchTransformer((addressed(patch),), (), None, self.schema)(resources)
            except RenderError as error:
                raise FieldError(error.message, field) from error
        resources.refuse_twins()


class PatchJson6902Transformer(NamedTuple):
    """One of `patchesJson6902`. Unlike an entry of `patches`, it doesn't remember the name that it replaces."""

    operations: Sequence[Any]
    target: Selector

    def __call__(self, resources: ResourceSet) -> None:
        """Applies the operations to each target."""
        for resource in select(resources, self.target):
            _operate(resources, resource, self.operations)


def _operate(resources: ResourceSet, resource: Resource, operations: Sequence[Any]) -> None:
    try:
        patched = json6902(_annotated(resource), operations)
        check_nodes(patched)
        _check_named(patched)
    except RenderError as error:
        raise retold(error, f"{resource.id}: {error.message}") from error
    if resource.recorded and _MARK not in (metadata_of(patched).get("annotations") or {}):
        resource.origin, resource.transformations = None, []
    resource.shares = False  # kustomize writes the object as JSON and reads it again
    resources.put(resource, {**as_floats(patched)})


def _check_named(obj: Object) -> None:
    """Operations may take away what makes an object one."""
    if not obj.get("kind"):
        raise RenderError("missing kind in object after the patch")
    if not metadata_of(obj).get("name"):
        raise RenderError("missing metadata.name in object after the patch")


def _annotated(resource: Resource) -> Object:
    """The object with annotations, kustomize's own among them if it has any: then a JSON6902 patch can add one, or lose those."""
    annotations = metadata_of(resource.object).get("annotations")
    if not resource.recorded or (annotations is not None and not isinstance(annotations, dict)):
        return resource.object
    return with_metadata(resource.object, annotations={**(annotations or {}), _MARK: ""})


def addressed(patch: Object) -> Object:
    """A patch as kustomize copies it for a target: its labels and annotations become text, a null among them `null`.

    So a null removes a label only in an entry of `patches` that names its object itself.
    """
    metadata = metadata_of(patch)
    texts = {
        name: {key: text_of(value) for key, value in metadata[name].items()} if isinstance(metadata[name], dict) else None
        for name in ("labels", "annotations")
        if name in metadata
    }
    return with_metadata(patch, **{name: value or None for name, value in texts.items()}) if texts else patch


def find(resources: ResourceSet, patch: Object) -> Resource:
    """The one object that has or had the id of `patch`. Raises RenderError if there is none, or more than one."""
    wanted = identify(patch, resources.cluster_scoped)
    found = resources.any(wanted)
    if len(found) != 1:
        how_many = "multiple matches" if found else "no matches"
        raise RenderError(f"{how_many} for Id {wanted}; failed to find unique target for patch {wanted}")
    return found[0]

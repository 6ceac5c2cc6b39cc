"""What is done once, when all layers are together: final names, references, vars, order, and the build's own marks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from gitopsd.formats.scalars import plain, text_of
from gitopsd.render.kustomize import order
from gitopsd.render.kustomize import vars as variables
from gitopsd.render.kustomize.api import SortOptions
from gitopsd.render.kustomize.fieldspec import FieldSpec, FieldSpecs
from gitopsd.render.kustomize.origin import ORIGIN, TRANSFORMATIONS, transformations_text
from gitopsd.render.kustomize.references import fix_references
from gitopsd.render.kustomize.resource import INTERNAL, Resource, metadata_of, with_metadata
from gitopsd.render.kustomize.settings import Reorder
from gitopsd.render.kustomize.transformers.hash import HashTransformer
from gitopsd.render.kustomize.transformers.labels import LabelTransformer

if TYPE_CHECKING:
    from gitopsd.model.refs import Object
    from gitopsd.render.kustomize.accumulate import Accumulated
    from gitopsd.render.kustomize.kustomization import Layer
    from gitopsd.render.kustomize.resource import ResourceSet

LOCAL = "config.kubernetes.io/local-config"
_FOREIGN_MARKS = frozenset(
    {"config.kubernetes.io/path", "config.kubernetes.io/index", "config.k8s.io/id", ORIGIN, TRANSFORMATIONS}
)


def finish(accumulated: Accumulated, layer: Layer) -> list[Object]:
    """The objects of a build, in order. `layer` is the outermost. Raises RenderError."""
    resources = accumulated.resources
    for by, change in _LAST.items():
        change(accumulated)
        if layer.trace is not None:
            layer.trace.did(by, layer, resources)
    resources.refuse_twins(accumulated.twins)
    drop_local(resources)
    order.sort(resources, _sort_options(layer))
    mark_managed(resources, layer)
    objects = [plain(_cleaned(resource, layer.spec.build_metadata)) for resource in resources]
    if layer.trace is not None:
        layer.trace.finished(layer, resources, objects)
    return objects


_LAST: Mapping[str, Callable[[Accumulated], None]] = {
    "HashTransformer": lambda all_: HashTransformer()(all_.resources),
    "NameReferenceTransformer": lambda all_: fix_references(all_.resources, all_.config.name_reference),
    "RefVarTransformer": lambda all_: variables.resolve(all_.vars, all_.resources, all_.config.var_reference),
}
"""What needs all names to be final, by kustomize's names."""


def drop_local(resources: ResourceSet) -> None:
    """Takes out what is only there for others to read."""
    for resource in list(resources):
        annotations = metadata_of(resource.object).get("annotations")
        if isinstance(annotations, dict) and text_of(annotations.get(LOCAL, "false")) != "false":
            resources.remove(resource)


def _sort_options(layer: Layer) -> SortOptions | None:
    if layer.spec.sort_options is not None:
        return layer.spec.sort_options
    return None if layer.root.session.settings.reorder is Reorder.NONE else SortOptions("legacy")


def mark_managed(resources: ResourceSet, layer: Layer) -> None:
    """Adds the label that kustomize adds where `buildMetadata` asks."""
    if "managedByLabel" in layer.spec.build_metadata:
        label = {"app.kubernetes.io/managed-by": f"kustomize-{layer.root.session.settings.kustomize_version}"}
        LabelTransformer(label, FieldSpecs([FieldSpec("metadata/labels", create=True)]))(resources)


def _cleaned(resource: Resource, build_metadata: tuple[str, ...]) -> Object:
    """The object without marks of the build's inside, with those that were asked for; all its annotations are text."""
    metadata = metadata_of(resource.object)
    old = metadata.get("annotations")
    marks: dict[str, str] = {}
    if "transformerAnnotations" in build_metadata and (steps := _transformations(resource, old)):
        marks[TRANSFORMATIONS] = steps
    if "originAnnotations" in build_metadata and resource.origin is not None:
        marks[ORIGIN] = str(resource.origin)
    if marks or ("annotations" in metadata and not isinstance(old, list)):
        return with_metadata(resource.object, annotations=_annotations(old, marks) or None)
    return resource.object


def _transformations(resource: Resource, annotations: Any) -> str:
    """What an earlier build has written of its steps, and the steps of this one."""
    earlier = text_of(annotations.get(TRANSFORMATIONS, "")) if isinstance(annotations, dict) else ""
    return earlier + (transformations_text(resource.transformations) if resource.transformations else "")


def _annotations(old: Any, marks: dict[str, str]) -> dict[str, Any]:
    kept = {} if not isinstance(old, dict) else {
        name: value if isinstance(value, (dict, list)) else text_of(value)
        for name, value in old.items()
        if name not in _FOREIGN_MARKS and not name.startswith(INTERNAL)
    }  # fmt: skip
    return kept | marks

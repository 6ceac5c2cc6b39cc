"""`labels:`, `commonLabels:` and `commonAnnotations:` put pairs into mappings, in selectors and templates too where asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gitopsd.model.errors import RenderError
from gitopsd.render.kustomize.fieldspec import FieldSpecs, Json

if TYPE_CHECKING:
    from gitopsd.render.kustomize.resource import ResourceSet


@dataclass(frozen=True, slots=True)
class LabelTransformer:
    """Puts labels at the places of `specs`."""

    labels: dict[str, str]
    specs: FieldSpecs

    def __call__(self, resources: ResourceSet) -> None:
        """Labels each object."""
        put_pairs(resources, self.labels, self.specs)


@dataclass(frozen=True, slots=True)
class AnnotationsTransformer:
    """Puts annotations at the places of `specs`."""

    annotations: dict[str, str]
    specs: FieldSpecs

    def __call__(self, resources: ResourceSet) -> None:
        """Annotates each object."""
        put_pairs(resources, self.annotations, self.specs)


def put_pairs(resources: ResourceSet, pairs: dict[str, str], specs: FieldSpecs) -> None:
    """Merges `pairs` into the mappings at the places of `specs`. Raises RenderError where something else stands there."""
    if not pairs:
        return

    def merge(mapping: Json) -> Json:
        if mapping is None:
            return dict(pairs)
        if not isinstance(mapping, dict):
            raise RenderError(f"a mapping was expected where {next(iter(pairs))!r} is to be set")
        return {**mapping, **pairs}

    for resource in resources:
        resources.put(resource, specs.rewrite(resource.object, resource.id.gvk, merge, dict))

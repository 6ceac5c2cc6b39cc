"""`labels:`, `commonLabels:` and `commonAnnotations:` put pairs into mappings, in selectors and templates too where asked."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from gitopsd.formats.scalars import SpelledStr
from gitopsd.model.errors import RenderError
from gitopsd.render.kustomize.fieldspec import FieldSpecs, Json
from gitopsd.render.kustomize.shared import shared

if TYPE_CHECKING:
    from gitopsd.render.kustomize.resource import ResourceSet


class LabelTransformer(NamedTuple):
    """Puts labels at the places of `specs`."""

    labels: dict[str, str]
    specs: FieldSpecs

    def __call__(self, resources: ResourceSet) -> None:
        """Labels each object."""
        put_pairs(resources, self.labels, self.specs)


class AnnotationsTransformer(NamedTuple):
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

    for resource in resources:
        values = {key: shared(value) for key, value in pairs.items()}
        put = partial(_put, pairs, values)
        resources.put(resource, specs.rewrite(resource.object, resource.id.gvk, put, dict))
        resource.shares = True


def _put(pairs: dict[str, str], values: dict[str, SpelledStr], mapping: Json) -> Json:
    """The mapping with the pairs: a new key gets the value that all places share, one that is there gets its text."""
    if mapping is None:
        return None
    if not isinstance(mapping, dict):
        raise RenderError(f"a mapping was expected where {next(iter(pairs))!r} is to be set")
    return mapping | {key: values[key] if key not in mapping else text for key, text in pairs.items()}

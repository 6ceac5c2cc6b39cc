"""What all transformers share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from gitopsd.render.kustomize.resource import ResourceSet


class Transformer(Protocol):
    """Changes the resources of a build.

    A transformer is a named tuple of what it was told, named as kustomize names it: the name of its class stands in
    `buildMetadata` and in explanations. Errors it raises have no place; who runs it knows the place.
    """

    def __call__(self, resources: ResourceSet) -> None:
        """Does it. Raises RenderError."""

"""`replicas:` sets the number of replicas of the workloads of one name."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gitopsd.model.errors import RenderError
from gitopsd.render.kustomize.fieldspec import FieldSpecs, Json
from gitopsd.render.kustomize.quotes import overwrite

if TYPE_CHECKING:
    from gitopsd.render.kustomize.api import Replica
    from gitopsd.render.kustomize.resource import Resource, ResourceSet


class ReplicaCountTransformer(NamedTuple):
    """Sets one count."""

    replica: Replica
    specs: FieldSpecs

    def __call__(self, resources: ResourceSet) -> None:
        """Sets it on all that have or had the name. Raises RenderError if there is none of a kind that has replicas."""
        found = [resource for resource in resources.named(self.replica.name) if self._scales(resource)]
        if not found:
            kinds = " ".join(dict.fromkeys(str(spec.gvk) for spec in self.specs.specs))
            raise RenderError(f"resource with name {self.replica.name} does not match a config with the following GVK [{kinds}]")
        for resource in found:
            resources.put(resource, self.specs.rewrite(resource.object, resource.id.gvk, self._count, int))

    def _count(self, old: Json) -> Json:
        """The count, as text where a number stands in quotes: kustomize leaves a value its style."""
        if isinstance(old, (dict, list)):
            raise RenderError("a number of replicas was expected, not a mapping or a list")
        return overwrite(old, str(self.replica.count))

    def _scales(self, resource: Resource) -> bool:
        return any(
            spec.gvk.selects(one.gvk)
            for one in (resource.id, *resource.past_ids())
            if one.name == self.replica.name
            for spec in self.specs.specs
        )

"""`namespace:` puts all namespaced objects, and what refers to them by namespace, into one namespace."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import TYPE_CHECKING, NamedTuple

from gitopsd.model.errors import RenderError
from gitopsd.render.kustomize.fieldspec import FieldSpec, FieldSpecs, Json
from gitopsd.render.kustomize.ids import text_or_empty
from gitopsd.render.kustomize.resource import metadata_of, with_metadata

if TYPE_CHECKING:
    from gitopsd.model.refs import Object
    from gitopsd.render.kustomize.resource import Resource, ResourceSet

_BINDINGS = frozenset({"RoleBinding", "ClusterRoleBinding"})
_OWN_RULES = frozenset({"metadata/namespace", "subjects/namespace", "subjects[]/namespace"})
"""Paths that old configurations give; they have rules of their own here."""

SUBJECT_MODES = ("defaultOnly", "allServiceAccounts", "none")


@lru_cache(maxsize=64)
def other_places(specs: tuple[FieldSpec, ...]) -> FieldSpecs:
    """The places of a namespace besides those that have rules of their own."""
    return FieldSpecs(spec for spec in specs if spec.path not in _OWN_RULES)


class NamespaceTransformer(NamedTuple):
    """`unset_only` leaves a namespace that is given; `subjects` says which subjects of bindings follow.

    `specs` are the `other_places`.
    """

    namespace: str
    specs: FieldSpecs
    unset_only: bool = False
    subjects: str = "defaultOnly"

    def __call__(self, resources: ResourceSet) -> None:
        """Moves each object. Raises RenderError if two would then be one."""
        if not self.namespace:
            return
        for resource in resources:
            if resource.from_helm:
                continue
            resources.rename(resource, self.moved(resource))
            if len(same := resources.current(resource.id)) > 1:
                raise RenderError(f"namespace transformation produces ID conflict: {len(same)} objects are {resource.id}")

    def moved(self, resource: Resource) -> Object:
        """The object where it belongs now."""
        obj = resource.object
        if not resource.cluster_scoped:
            current = metadata_of(obj).get("namespace")
            if (new := self._set(current)) != current:
                obj = with_metadata(obj, namespace=new)
        if resource.id.gvk.kind in _BINDINGS:
            obj = self._bind(obj)
        moved: Object = self.specs.rewrite(obj, resource.id.gvk, self._set, str)
        return moved

    def _set(self, current: Json) -> Json:
        if isinstance(current, (dict, list)):
            raise RenderError("namespace field specs must target scalar nodes")
        return current if self.unset_only and current else self.namespace

    def _bind(self, obj: Object) -> Object:
        subjects = obj.get("subjects")
        if self.subjects == "none" or not isinstance(subjects, list):
            return obj
        return {**obj, "subjects": list(map(partial(_subject_in, transformer=self), subjects))}

    def follows(self, subject: dict[str, Json]) -> bool:
        """Whether this subject of a binding moves too."""
        if self.subjects == "allServiceAccounts":
            return text_or_empty(subject.get("kind")) == "ServiceAccount"
        return text_or_empty(subject.get("name")) == "default"


def _subject_in(subject: Json, transformer: NamespaceTransformer) -> Json:
    if not isinstance(subject, dict) or not transformer.follows(subject):
        return subject
    if transformer.unset_only and subject.get("namespace"):
        return subject
    return {**subject, "namespace": transformer.namespace}

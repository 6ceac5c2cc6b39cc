"""What the engine tells of a build while somebody listens.

After each step it hands over its resources; as objects are never changed but replaced, one look at the identity of each tells
which ones the step touched.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gitopsd.model.refs import Object, ObjectRef
from gitopsd.render.provenance.events import Event, Version
from gitopsd.render.provenance.history import explain, explain_manifest
from gitopsd.render.provenance.texts import Text

if TYPE_CHECKING:
    from gitopsd.render.kustomize.kustomization import Layer
    from gitopsd.render.kustomize.resource import Resource, ResourceSet
    from gitopsd.render.kustomize.steps import GeneratorStep, TransformerStep
    from gitopsd.render.kustomize.transformers.base import Transformer
    from gitopsd.render.provenance.explained import Explained

_PARTS = ("replacements", "patches")
"""What a transformer does one after the other: run one by one while somebody listens, so that each change is that of one."""


@dataclass(slots=True)
class Trace:
    """Listens for the objects that somebody asks about, by kind (in any case), name and, if given, namespace.

    An object goes by the name with which it entered the build too: `ConfigMap/conf` is also `conf-5h2mt8kgbf`. After the build
    `explained` holds what was found, and `seen` all that there was.
    """

    kind: str
    name: str
    namespace: str = ""
    explained: dict[ObjectRef, tuple[Explained, ...]] = field(default_factory=dict)
    seen: list[ObjectRef] = field(default_factory=list)
    _versions: dict[Resource, list[Version]] = field(default_factory=dict, repr=False)

    def entered(self, resource: Resource, layer: Layer, file: str, index: int) -> None:
        """An object of a file has come in, the one at `index` of its objects."""
        self._versions[resource] = [Version(Event("resource", layer, "resources", file, index), resource.object)]

    def generated(self, step: GeneratorStep, layer: Layer, resources: ResourceSet) -> None:
        """A generator has run."""
        self._note(Event(step.by.kind, layer, step.field, plugin=step.by.name), resources)

    def transform(self, step: TransformerStep, layer: Layer, resources: ResourceSet) -> None:
        """Runs a transformer in the engine's place. Raises RenderError as it does."""
        for index, part in enumerate(_parts(step.make())):
            part(resources)
            self._note(Event(step.by.kind, layer, step.field, index=index, work=part, plugin=step.by.name), resources)

    def did(self, by: str, layer: Layer, resources: ResourceSet) -> None:
        """The build itself has changed objects, as it does at the end of each."""
        self._note(Event(by, layer), resources)

    def finished(self, layer: Layer, resources: Iterable[Resource], objects: Sequence[Object]) -> None:
        """The build is done; `objects` are what became of `resources`, marks of the build put on and taken off."""
        refs = [ObjectRef.of(obj) for obj in objects]
        self.seen += refs
        marks = Event("BuildMetadata", layer, "buildMetadata" if layer.spec.build_metadata else "")
        for ref, resource, obj in zip(refs, resources, objects, strict=True):
            if self._asks_for(ref, {ref.name, *(past.name for past in resource.past_ids())}):
                self.explained[ref] = explain(obj, [*self._versions[resource], Version(marks, obj)])

    def listed(self, file: str, data: bytes, objects: Sequence[Object]) -> None:
        """A file of a plain folder has been read: its objects are as they stand there."""
        for index, obj in enumerate(objects):
            ref = ObjectRef.of(obj)
            self.seen.append(ref)
            if self._asks_for(ref, {ref.name}):
                self.explained[ref] = explain_manifest(Text(file, data), index, obj)

    def _asks_for(self, ref: ObjectRef, names: AbstractSet[str]) -> bool:
        return ref.kind.casefold() == self.kind.casefold() and self.namespace in {"", ref.namespace} and self.name in names

    def _note(self, event: Event, resources: ResourceSet) -> None:
        for resource in resources:
            versions = self._versions.setdefault(resource, [])
            if not versions or versions[-1].object is not resource.object:
                versions.append(Version(event, resource.object))


def _parts(work: Transformer) -> list[Transformer]:
    for name in _PARTS:
        several: tuple[Any, ...] = getattr(work, name, ())
        if len(several) > 1 and getattr(work, "target", None) is None:
            return [work._replace(**{name: (one,)}) for one in several]  # type: ignore[attr-defined] # all are named tuples
    return [work]

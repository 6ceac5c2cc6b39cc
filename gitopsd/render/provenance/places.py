"""Where the value that a step wrote to a field stands."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from gitopsd.formats.path import Path
from gitopsd.formats.scalars import Dialect
from gitopsd.model.errors import Place
from gitopsd.render.kustomize.generators.sources import env_pairs, file_source, literal_pair
from gitopsd.render.kustomize.patchfiles import is_inline
from gitopsd.render.provenance.explained import Step
from gitopsd.render.provenance.fields import value_at
from gitopsd.render.provenance.patched import merge_path, operation_path
from gitopsd.render.provenance.texts import Text, Texts, within

if TYPE_CHECKING:
    from gitopsd.render.kustomize.api import GeneratorArgs, Replacement
    from gitopsd.render.kustomize.kustomization import Layer
    from gitopsd.render.provenance.events import Event, Version


class Found(NamedTuple):
    """What a step read for a field. Without a place it stands where it was asked for."""

    place: Place | None = None
    asked: Place | None = None
    detail: str = ""


class Places:
    """Finds them for all fields of one object."""

    def __init__(self) -> None:
        self.texts = Texts()

    def step(self, version: Version, path: Path) -> Step:
        """What wrote the field `path` of a version of the object."""
        event, value = version.event, value_at(version.object, path)
        if not event.field:
            return Step(event.by, None, None, value)
        asked = event.layer.place(event.field)
        find = _FINDERS.get(event.field.partition("[")[0])
        found = find(self.texts, version, path) if find and asked.line is not None else Found(detail=event.plugin)
        return Step(event.by, found.place or found.asked or asked, found.asked or asked, value, found.detail)


def _entry(event: Event) -> Path:
    """The field of a step as a path: `patches`, 1."""
    name, _, index = event.field.partition("[")
    return (name, int(index.removesuffix("]"))) if index else (name,)


def _resource(texts: Texts, version: Version, path: Path) -> Found:
    event = version.event
    text = texts.file(event.layer, event.file)
    paths = event.layer.spec.resources
    asked = texts.field(event.layer, ("resources", paths.index(event.file))) if event.file in paths else None
    return Found(texts.place(text, texts.objects(text)[event.index], path), asked)


def _patch(texts: Texts, version: Version, path: Path) -> Found:
    """An entry of `patches` or `patchesJson6902`."""
    event = version.event
    name, index = _entry(event)
    args = (event.layer.spec.patches if name == "patches" else event.layer.spec.patches_json6902)[int(index)]
    if args.path:
        return Found(_in_patch(texts, texts.file(event.layer, args.path), version, path, event.index))
    return Found(_inline(texts, args.patch, (name, index, "patch"), version, path, event.index))


def _merges(texts: Texts, version: Version, path: Path) -> Found:
    """`patchesStrategicMerge`: the transformer counts the objects of all entries."""
    event, left = version.event, version.event.index
    for index, entry in enumerate(event.layer.spec.patches_strategic_merge):
        holder = ("patchesStrategicMerge", index)
        text = Text("(inline)", entry.encode()) if is_inline(entry) else texts.file(event.layer, entry)
        if left < (count := len(texts.objects(text))):
            inline = is_inline(entry)
            place = _inline(texts, entry, holder, version, path, left) if inline else _in_patch(texts, text, version, path, left)
            return Found(place, texts.field(event.layer, holder))
        left -= count
    return Found()


def _in_patch(texts: Texts, text: Text, version: Version, path: Path, index: int) -> Place:
    documents = texts.marked(text).documents
    if documents and isinstance(documents[0], list):
        return texts.place(text, documents[0], operation_path(path, documents[0]))
    patch = texts.objects(text)[index]
    return texts.place(text, patch, merge_path(version.object, path, patch))


def _inline(texts: Texts, patch: str, holder: Path, version: Version, path: Path, index: int) -> Place:
    layer, text = version.event.layer, Text("(inline)", patch.encode())
    inner, outer = _in_patch(texts, text, version, path, index), texts.field(layer, holder)
    if inner.line is None or inner.column is None:
        return outer
    return within(layer, outer, patch, (inner.line, inner.column))


def _generated(texts: Texts, version: Version, path: Path) -> Found:
    """What a ConfigMap's or Secret's generator made: an entry of its data, or what its options say."""
    event = version.event
    layer, entry = event.layer, _entry(event)
    if path[0] in _DATA and len(path) > 1:
        args = (layer.spec.config_map_generator if entry[0] == "configMapGenerator" else layer.spec.secret_generator)[
            int(entry[1])
        ]
        return next((found for key, found in _pairs(texts, layer, args, entry) if key == path[1]), Found())
    below = path[1:] if path[0] == "metadata" else path
    for candidate in ((*entry, *below), (*entry, "options", *below), ("generatorOptions", *below)):
        if texts.has(layer, candidate):
            return Found(texts.field(layer, candidate), layer.place(event.field))
    return Found()


_DATA = {"data", "binaryData", "stringData"}


def _pairs(texts: Texts, layer: Layer, args: GeneratorArgs, entry: Path) -> Iterator[tuple[str, Found]]:
    """Each key that a generator makes, with where its value stands and what names that."""
    for index, literal in enumerate(args.literals):
        yield literal_pair(literal)[0], Found(texts.field(layer, (*entry, "literals", index)), detail="literal")
    for index, source in enumerate(args.files):
        key, file = file_source(source)
        place = Place(texts.file(layer, file).name, 1, 1)
        yield key, Found(place, texts.field(layer, (*entry, "files", index)), f"file {file}")
    named = [((*entry, "envs", index), file) for index, file in enumerate(args.envs)]
    for field, file in [*named, ((*entry, "env"), args.env)] if args.env else named:
        name, data = texts.file(layer, file)
        for number, line in enumerate(data.split(b"\n"), start=1):
            for key, _ in env_pairs(line, file):
                yield key, Found(Place(name, number, 1), texts.field(layer, field), f"environment file {file}")


def _replacement(texts: Texts, version: Version, _path: Path) -> Found:
    """The transformer counts the replacements of all entries, several in a file that an entry names."""
    event, left = version.event, version.event.index
    replacement: Replacement = event.work.replacements[0]  # type: ignore[union-attr] # it is a ReplacementTransformer
    source = replacement.source
    detail = f"from {source.kind}/{source.name} {source.field_path or 'metadata.name'}" if source else "from sourceValue"
    for index, entry in enumerate(event.layer.spec.replacements):
        asked = texts.field(event.layer, ("replacements", index))
        places = [asked] if not entry.path else _each(texts, texts.file(event.layer, entry.path))
        if left < len(places):
            return Found(places[left], asked, detail)
        left -= len(places)
    return Found(detail=detail)


def _each(texts: Texts, text: Text) -> list[Place]:
    """The places of the replacements in a file, which holds one or a list of them."""
    marked = texts.marked(text, Dialect.KUSTOMIZATION)
    document = marked.documents[0]
    paths: list[Path] = [(index,) for index in range(len(document))] if isinstance(document, list) else [()]
    return [Place(text.name, *marked.locate(path)) for path in paths]


def _said(*below: str, key: bool = False) -> Callable[[Texts, Version, Path], Found]:
    """The value stands in the entry itself, under the fields `below`, and there under the last key of the path if `key`."""

    def find(texts: Texts, version: Version, path: Path) -> Found:
        event = version.event
        entry = _entry(event)
        return Found(
            texts.field(event.layer, (*entry, *below, *path[-1:]) if key else (*entry, *below)), event.layer.place(event.field)
        )

    return find


_FINDERS: Mapping[str, Callable[[Texts, Version, Path], Found]] = {
    "resources": _resource,
    "configMapGenerator": _generated,
    "secretGenerator": _generated,
    "patches": _patch,
    "patchesJson6902": _patch,
    "patchesStrategicMerge": _merges,
    "replacements": _replacement,
    "labels": _said("pairs", key=True),
    "commonLabels": _said(key=True),
    "commonAnnotations": _said(key=True),
    "replicas": _said("count"),
}
"""By the field of the kustomization file; all others stand where they were asked for."""

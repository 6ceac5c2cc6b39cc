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
from gitopsd.render.provenance.fields import Lists, value_at
from gitopsd.render.provenance.patched import operation_path
from gitopsd.render.provenance.texts import Text, Texts, within

if TYPE_CHECKING:
    from gitopsd.render.kustomize.api import GeneratorArgs
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
        self.lists = Lists()
        self.pairs: dict[tuple[str, Path], dict[str, Found]] = {}
        self._asked: dict[tuple[str, str], Place] = {}

    def asked(self, event: Event) -> Place:
        """The field of the kustomization that asked for a step."""
        key = (event.layer.name, event.field)
        if key not in self._asked:
            self._asked[key] = event.layer.place(event.field)
        return self._asked[key]

    def step(self, version: Version, path: Path) -> Step:
        """What wrote the field `path` of a version of the object."""
        event, value = version.event, value_at(version.object, path)
        if not event.field:
            return Step(event.by, None, None, value)
        asked = self.asked(event)
        find = _FINDERS.get(event.field.partition("[")[0])
        found = find(self, version, path) if find and asked.line is not None else Found(detail=event.plugin)
        return Step(event.by, found.place or found.asked or asked, found.asked or asked, value, found.detail)


def _entry(event: Event) -> Path:
    """The field of a step as a path: `patches`, 1."""
    name, _, index = event.field.partition("[")
    return (name, int(index.removesuffix("]"))) if index else (name,)


def _resource(places: Places, version: Version, path: Path) -> Found:
    event = version.event
    text = places.texts.file(event.layer, event.file)
    paths = event.layer.spec.resources
    asked = places.texts.field(event.layer, ("resources", paths.index(event.file))) if event.file in paths else None
    return Found(places.texts.place(text, places.texts.objects(text)[event.index], path), asked)


def _patch(places: Places, version: Version, path: Path) -> Found:
    """An entry of `patches` or `patchesJson6902`."""
    event = version.event
    name, index = _entry(event)
    args = (event.layer.spec.patches if name == "patches" else event.layer.spec.patches_json6902)[int(index)]
    if args.path:
        return Found(_in_patch(places, places.texts.file(event.layer, args.path), version, path, event.index))
    return Found(_inline(places, args.patch, (name, index, "patch"), version, path, event.index))


def _merges(places: Places, version: Version, path: Path) -> Found:
    """`patchesStrategicMerge`: the transformer counts the objects of all entries."""
    event, left = version.event, version.event.index
    for index, entry in enumerate(event.layer.spec.patches_strategic_merge):
        holder = ("patchesStrategicMerge", index)
        text = Text("(inline)", entry.encode()) if is_inline(entry) else places.texts.file(event.layer, entry)
        if left < (count := len(places.texts.objects(text))):
            inline = is_inline(entry)
            place = (
                _inline(places, entry, holder, version, path, left) if inline else _in_patch(places, text, version, path, left)
            )
            return Found(place, places.texts.field(event.layer, holder))
        left -= count
    return Found()


def _in_patch(places: Places, text: Text, version: Version, path: Path, index: int) -> Place:
    documents = places.texts.marked(text).documents
    if documents and isinstance(documents[0], list):
        return places.texts.place(text, documents[0], operation_path(path, documents[0]))
    patch = places.texts.objects(text)[index]
    return places.texts.place(text, patch, places.lists.counterpart(version.object, path, patch, whole=False))


def _inline(places: Places, patch: str, holder: Path, version: Version, path: Path, index: int) -> Place:
    layer, text = version.event.layer, Text("(inline)", patch.encode())
    inner, outer = _in_patch(places, text, version, path, index), places.texts.field(layer, holder)
    if inner.line is None or inner.column is None:
        return outer
    return within(layer, outer, patch, (inner.line, inner.column))


def _generated(places: Places, version: Version, path: Path) -> Found:
    """What a ConfigMap's or Secret's generator made: an entry of its data, or what its options say."""
    event = version.event
    layer, entry = event.layer, _entry(event)
    if path[0] in _DATA and len(path) > 1:
        args = (layer.spec.config_map_generator if entry[0] == "configMapGenerator" else layer.spec.secret_generator)[
            int(entry[1])
        ]
        known = places.pairs.get((layer.name, entry))
        if known is None:
            known = places.pairs[(layer.name, entry)] = dict(_pairs(places, layer, args, entry))
        return known.get(str(path[1]), Found())
    below = path[1:] if path[0] == "metadata" else path
    for candidate in ((*entry, *below), (*entry, "options", *below), ("generatorOptions", *below)):
        if places.texts.has(layer, candidate):
            return Found(places.texts.field(layer, candidate), places.asked(event))
    return Found()


_DATA = {"data", "binaryData", "stringData"}


def _pairs(places: Places, layer: Layer, args: GeneratorArgs, entry: Path) -> Iterator[tuple[str, Found]]:
    """Each key that a generator makes, with where its value stands and what names that."""
    for index, literal in enumerate(args.literals):
        yield literal_pair(literal)[0], Found(places.texts.field(layer, (*entry, "literals", index)), detail="literal")
    for index, source in enumerate(args.files):
        key, file = file_source(source)
        place = Place(places.texts.file(layer, file).name, 1, 1)
        yield key, Found(place, places.texts.field(layer, (*entry, "files", index)), f"file {file}")
    named = [((*entry, "envs", index), file) for index, file in enumerate(args.envs)]
    for field, file in [*named, ((*entry, "env"), args.env)] if args.env else named:
        name, data = places.texts.file(layer, file)
        for number, line in enumerate(data.split(b"\n"), start=1):
            for key, _ in env_pairs(line, file):
                yield key, Found(Place(name, number, 1), places.texts.field(layer, field), f"environment file {file}")


def _replacement(places: Places, version: Version, _path: Path) -> Found:
    """Stands in the kustomization file, or in the file that an entry names."""
    event = version.event
    replacement, field, position = event.work.replacements[0]  # type: ignore[union-attr] # it is a ReplacementTransformer
    source = replacement.source
    detail = f"from {source.kind}/{source.name} {source.field_path or 'metadata.name'}" if source else "from sourceValue"
    index = int(field.removeprefix("replacements[").removesuffix("]"))
    asked, entry = places.texts.field(event.layer, ("replacements", index)), event.layer.spec.replacements[index]
    return Found(_each(places, places.texts.file(event.layer, entry.path))[position] if entry.path else asked, asked, detail)


def _each(places: Places, text: Text) -> list[Place]:
    """The places of the replacements in a file, which holds one or a list of them."""
    marked = places.texts.marked(text, Dialect.KUSTOMIZATION)
    document = marked.documents[0]
    paths: list[Path] = [(index,) for index in range(len(document))] if isinstance(document, list) else [()]
    return [Place(text.name, *marked.locate(path)) for path in paths]


def _said(*below: str, key: bool = False) -> Callable[[Places, Version, Path], Found]:
    """The value stands in the entry itself, under the fields `below`, and there under the last key of the path if `key`."""

    def find(places: Places, version: Version, path: Path) -> Found:
        event = version.event
        entry = _entry(event)
        return Found(
            places.texts.field(event.layer, (*entry, *below, *path[-1:]) if key else (*entry, *below)), places.asked(event)
        )

    return find


_FINDERS: Mapping[str, Callable[[Places, Version, Path], Found]] = {
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

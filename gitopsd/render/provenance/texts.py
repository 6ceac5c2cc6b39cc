"""The files of a build with the positions in them, each read again once, when somebody asks where something stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from gitopsd.formats.path import Path, render_path
from gitopsd.formats.scalars import Dialect
from gitopsd.formats.yamlread import Marked, Position, load_marked
from gitopsd.model.errors import Place
from gitopsd.render.kustomize.documents import objects_in
from gitopsd.render.kustomize.remote import is_remote, parse_remote

if TYPE_CHECKING:
    from gitopsd.model.refs import Object
    from gitopsd.render.kustomize.kustomization import Layer


class Text(NamedTuple):
    """A file, or a patch in a kustomization file, by the name that errors give it."""

    name: str
    data: bytes


class Texts:
    """Those that one explanation needs."""

    def __init__(self) -> None:
        self._files: dict[tuple[str, str], Text] = {}
        self._marked: dict[tuple[Text, Dialect], Marked] = {}
        self._objects: dict[tuple[Text, Dialect], list[Object]] = {}

    def file(self, layer: Layer, path: str) -> Text:
        """A file as a layer names it; the build has read it, so it is there."""
        root = layer.root
        if is_remote(path) and (answer := root.session.answers.get(parse_remote(path))) is not None:
            return Text(path, answer if isinstance(answer, bytes) else b"")
        full = root.resolve(path)
        key = (root.prefix, full)
        if key not in self._files:
            self._files[key] = Text(root.prefix + full, root.tree.read(full))
        return self._files[key]

    def marked(self, text: Text, dialect: Dialect = Dialect.RESOURCE) -> Marked:
        """Its documents, with positions."""
        key = (text, dialect)
        if key not in self._marked:
            self._marked[key] = load_marked(text.data, text.name, dialect)
        return self._marked[key]

    def objects(self, text: Text, dialect: Dialect = Dialect.RESOURCE) -> list[Object]:
        """Its objects, in the order in which the build counts them."""
        key = (text, dialect)
        if key not in self._objects:
            self._objects[key] = objects_in(self.marked(text, dialect).documents)
        return self._objects[key]

    def place(self, text: Text, value: Any, path: Path, dialect: Dialect = Dialect.RESOURCE) -> Place:
        """Where a path into `value`, some part of the text, stands, or the nearest of its parents below `value`."""
        marked = self.marked(text, dialect)
        found: Position | None = None
        for key in path:
            here = marked.position(value, key)
            if here is None:
                break
            value, found = value[key], here
        return Place(text.name, *(found or ()))

    def field(self, layer: Layer, path: Path) -> Place:
        """A field of a kustomization file, or the nearest of its parents that is there."""
        line, column = self.marked(Text(layer.name, layer.file.data), Dialect.KUSTOMIZATION).locate(path)
        return Place(layer.name, line, column, render_path(path))

    def has(self, layer: Layer, path: Path) -> bool:
        """Whether a kustomization file has a field."""
        value = self.marked(Text(layer.name, layer.file.data), Dialect.KUSTOMIZATION).documents[0]
        for key in path:
            there = key in value if isinstance(value, dict) else isinstance(value, list) and int(key) < len(value)
            if not there:
                return False
            value = value[key]
        return True


def within(layer: Layer, holder: Place, text: str, position: Position) -> Place:
    """Where a position in a text that stands in a kustomization file is; the field `holder` itself where YAML folds the text.

    A block begins in the line below its key, any other text in the line of the key.
    """
    line, column = position
    wanted = text.splitlines()[line - 1].strip()
    raw = layer.file.data.decode(errors="replace").splitlines()
    start = (holder.line or 1) - 1 + line
    for candidate in (start, start - 1):
        if wanted and candidate < len(raw) and (at := raw[candidate].find(wanted)) >= 0:
            indent = len(text.splitlines()[line - 1]) - len(text.splitlines()[line - 1].lstrip())
            return Place(holder.file, candidate + 1, at + column - indent, holder.field)
    return holder

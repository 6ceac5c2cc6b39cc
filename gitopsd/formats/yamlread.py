"""The one YAML loader: bytes to JSON values, as kubectl or as kustomize reads them.

It stands on libyaml's events, for speed and because Go's YAML libraries are ports of libyaml: what one accepts, so does the
other. What scalars mean is `scalars`' business; this module knows structure: documents, keys, anchors, merges, and bounds on
all of them. Aliases share their value, so a loaded document is a DAG that nobody may mutate.

Recursion is bounded by `Limits.depth`, well under the interpreter's own limit.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias

from yaml import YAMLError
from yaml._yaml import CParser
from yaml.events import (
    AliasEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from gitopsd.formats.scalars import RULES, Dialect, ScalarError, Sparse, plain, text_of
from gitopsd.model.errors import LimitError, Place, RenderError

Position: TypeAlias = tuple[int, int]
"""Line and column, from 1."""


class Limits(NamedTuple):
    """Bounds on one file, each with its own LimitError. `nodes` counts keys, items and what aliases repeat."""

    bytes: int = 32 * 1024 * 1024
    documents: int = 50_000
    depth: int = 200
    nodes: int = 5_000_000
    aliased: int = 200_000


DEFAULT_LIMITS = Limits()


def load_documents(data: bytes, file: str, dialect: Dialect, limits: Limits = DEFAULT_LIMITS) -> list[Any]:
    """The JSON values of all documents in `data` that are not empty.

    `file` is the path that errors name. Raises RenderError for what is no YAML, or has no JSON value in `dialect`, and
    LimitError, both with line and column.
    """
    return _Reader(data, file, dialect, limits).documents()


class Marked(NamedTuple):
    """Documents with the position of each key and item in them.

    Positions belong to containers by identity, so they stay true for subtrees that were moved or shared unchanged; this
    value keeps all of its containers alive.
    """

    documents: list[Any]
    starts: list[Position]
    places: dict[int, tuple[Any, dict[str | int, Position]]]

    def position(self, container: Any, key: str | int) -> Position | None:
        """Where `key` (or the item of that index) of `container` stands; None for a container that is not of this file."""
        entry = self.places.get(id(container))
        return entry[1].get(key) if entry else None

    def locate(self, path: Sequence[str | int], document: int = 0) -> Position:
        """Where `path` stands in a document, or the nearest of its parents that exists."""
        value, found = self.documents[document], self.starts[document]
        for step in path:
            position = self.position(value, step)
            if position is None:
                break
            value, found = value[step], position
        return found


def load_marked(data: bytes, file: str, dialect: Dialect, limits: Limits = DEFAULT_LIMITS) -> Marked:
    """As `load_documents`, with positions; some 20 % slower, so only where somebody asks."""
    reader = _Reader(data, file, dialect, limits, places={})
    documents = reader.documents()
    return Marked(documents, reader.starts, reader.places or {})


def locate(data: bytes, dialect: Dialect, path: Sequence[str | int], document: int = 0) -> Position:
    """The line and column of `path` in readable `data`, for an error that is about to be raised."""
    return load_marked(data, "", dialect).locate(path, document)


_CORE_TAG = "tag:yaml.org,2002:"
_MERGE = object()
_TAGGED: dict[str, type | tuple[type, ...]] = {
    "null": type(None),
    "bool": bool,
    "int": int,
    "float": (int, float),
    "timestamp": str,
}
_BAD_SEPARATOR = re.compile(rb"\n---[ \t]*[^\s#][^\n]*\n")


class _Anchor:
    """What an anchor holds; still `open` while its own value is being read. `height` is the depth of its value."""

    __slots__ = ("height", "nodes", "open", "value")

    def __init__(self) -> None:
        self.value: Any = None
        self.nodes = self.height = 0
        self.open = True


class _Reader:
    """One pass over one file. Methods take the event that starts a value and return when its last event was read."""

    __slots__ = (
        "_aliased",
        "_anchors",
        "_deepest",
        "_file",
        "_left",
        "_limits",
        "_next",
        "_rules",
        "_values",
        "places",
        "starts",
    )

    def __init__(
        self,
        data: bytes,
        file: str,
        dialect: Dialect,
        limits: Limits,
        places: dict[int, tuple[Any, dict[str | int, Position]]] | None = None,
    ) -> None:
        self._file = file
        self._limits = limits
        self._rules = RULES[dialect]
        self._values = self._rules.values
        self._anchors: dict[str, _Anchor] = {}
        self._left = limits.nodes
        self._aliased = limits.aliased
        self._deepest = 0
        self.places = places
        self.starts: list[Position] = []
        if len(data) > limits.bytes:
            raise LimitError(f"the file has {len(data)} bytes, more than {limits.bytes}", Place(file), "fileSize")
        if dialect is Dialect.RESOURCE:
            _check_separators(data, file)
        self._next: Callable[[], Any] = CParser(data).get_event

    def documents(self) -> list[Any]:
        """All documents that are not empty."""
        try:
            return list(self._stream())
        except YAMLError as error:
            raise _syntax_error(error, self._file) from None

    def _stream(self) -> Iterator[Any]:
        self._next()
        for count, start in enumerate(iter(self._next, None)):
            if start.__class__ is StreamEndEvent:
                return
            if count >= self._limits.documents:
                raise self._limit(start, f"more than {self._limits.documents} documents", "documents")
            self._check_version(start)
            event = self._next()
            value = self._value(event, 1)
            self._next()
            self._anchors.clear()
            if value is not None:
                self.starts.append(_position(event))
                yield value

    def _check_version(self, start: Any) -> None:
        if start.version not in {None, (1, 1)}:
            raise self._error(start, "only YAML 1.1 is understood; remove the %YAML directive")

    def _value(self, event: Any, depth: int) -> Any:
        kind = event.__class__
        if kind is AliasEvent:
            return self._alias(event, depth)
        if event.anchor is None:
            return self._unanchored(event, depth)
        anchor = self._anchors[event.anchor] = _Anchor()
        left, deepest = self._left, self._deepest
        self._deepest = depth
        anchor.value = self._unanchored(event, depth)
        anchor.nodes, anchor.height, anchor.open = left - self._left + 1, self._deepest - depth, False
        self._deepest = max(deepest, self._deepest)
        return anchor.value

    def _unanchored(self, event: Any, depth: int) -> Any:
        kind = event.__class__
        if kind is ScalarEvent:
            return self._scalar(event)
        if depth > self._limits.depth:
            raise self._limit(event, f"nested deeper than {self._limits.depth} levels", "depth")
        self._deepest = max(self._deepest, depth)
        return self._mapping(event, depth) if kind is MappingStartEvent else self._sequence(event, depth)

    def _sequence(self, start: Any, depth: int) -> list[Any]:
        items: list[Any] = []
        follow, values, places = self._next, self._values, self._positions(items)
        for _ in range(self._left):
            event = follow()
            kind = event.__class__
            if kind is SequenceEndEvent:
                self._left -= len(items)
                return items
            if places is not None:
                places[len(items)] = _position(event)
            if kind is ScalarEvent and event.implicit[0] and event.anchor is None:
                try:
                    items.append(values[event.value])
                except ScalarError as error:
                    raise self._error(event, str(error)) from None
            else:
                items.append(self._value(event, depth + 1))
        raise self._limit(start, f"more than {self._limits.nodes} values")

    def _mapping(self, start: Any, depth: int) -> dict[str, Any]:
        result: dict[str, Any] = {}
        inherited: dict[str, Any] = {}
        blank: list[str] = []
        follow, values, places = self._next, self._values, self._positions(result)
        for _ in range(self._left):
            event = follow()
            if event.__class__ is MappingEndEvent:
                self._left -= len(result)
                return self._finished(result, inherited, blank)
            key = self._key(event, depth, result)
            if key is _MERGE:
                self._merge(event, depth, inherited if self._rules.unique else result, places)
                continue
            if places is not None:
                places[key] = _position(event)
            event = follow()
            if event.__class__ is ScalarEvent and event.implicit[0] and event.anchor is None:
                if not event.value:
                    blank.append(key)
                try:
                    result[key] = values[event.value]
                except ScalarError as error:
                    raise self._error(event, str(error)) from None
            else:
                result[key] = self._value(event, depth + 1)
        raise self._limit(start, f"more than {self._limits.nodes} values")

    def _finished(self, own: dict[str, Any], inherited: dict[str, Any], blank: list[str]) -> dict[str, Any]:
        """A mapping after its last key."""
        for key, value in inherited.items():
            own.setdefault(key, value)
        if not (blank and self._rules.unique):
            return own
        sparse = Sparse(own, frozenset(blank))
        if self.places is not None:
            self.places[id(sparse)] = (sparse, self.places.pop(id(own))[1])
        return sparse

    def _key(self, event: Any, depth: int, taken: dict[str, Any]) -> Any:
        """The text of a key, or `_MERGE`."""
        if event.__class__ is not ScalarEvent or event.anchor or event.tag:
            key = self._odd_key(event, depth)
        elif not event.implicit[0]:
            key = event.value
        elif event.value == "<<":
            return _MERGE
        else:
            key = self._plain(event)
        if key.__class__ is not str:
            key = self._key_text(event, key, depth)
        if key in taken and self._rules.unique:
            raise self._error(event, f"key {key!r} is given twice in one mapping")
        return key

    def _odd_key(self, event: Any, depth: int) -> Any:
        """The value of a key that is tagged, anchored or an alias; what can't be one is not even read."""
        if event.__class__ in {MappingStartEvent, SequenceStartEvent}:
            raise self._error(event, "a list or mapping can't be a key")
        return self._value(event, depth)

    def _key_text(self, event: Any, key: Any, depth: int) -> str:
        """The text of a key that reads as something else than a string (kustomize minds that only below the first level)."""
        if key is None or isinstance(key, (dict, list)):
            raise self._error(event, f"{'null' if key is None else 'a list or mapping'} can't be a key")
        if self._rules.unique:
            if depth > 1:
                raise self._error(event, f"key {text_of(key)} is not a string; quote it")
            return text_of(key)
        return text_of(plain(key))

    def _merge(self, key: Any, depth: int, into: dict[str, Any], places: dict[str | int, Position] | None) -> None:
        """Reads the value of a merge key `<<`, a mapping or a sequence of them of which earlier ones win."""
        if self._rules.unique and into:
            raise self._error(key, "merge key '<<' is given twice in one mapping")
        event = self._next()
        value = self._value(event, depth + 1)
        merged: dict[str, Any] = {}
        for source in value if isinstance(value, list) else [value]:
            if not isinstance(source, dict):
                raise self._error(event, "'<<' needs a mapping or a sequence of mappings")
            self._left -= len(source)
            merged = {**source, **merged}
            if places is not None and self.places is not None:
                inherited = self.places[id(source)][1]
                places.update({name: place for name, place in inherited.items() if name not in places})
        into.update(merged)

    def _alias(self, event: Any, depth: int) -> Any:
        anchor = self._anchors.get(event.anchor)
        if anchor is None:
            raise self._error(event, f"alias *{event.anchor} refers to no anchor before it")
        if anchor.open:
            raise self._error(event, f"anchor &{event.anchor} contains itself")
        self._aliased -= anchor.nodes
        self._left -= anchor.nodes
        if self._aliased < 0:
            raise self._limit(event, f"aliases repeat more than {self._limits.aliased} values", "aliases")
        self._deepest = max(self._deepest, depth + anchor.height)
        if self._deepest > self._limits.depth:
            raise self._limit(event, f"nested deeper than {self._limits.depth} levels", "depth")
        return anchor.value

    def _plain(self, event: Any) -> Any:
        try:
            return self._values[event.value]
        except ScalarError as error:
            raise self._error(event, str(error)) from None

    def _scalar(self, event: Any) -> Any:
        """A scalar that may be quoted or tagged; a tag of no known type leaves a string, as in Go's libraries."""
        if event.implicit[0]:
            return self._plain(event)
        tag = event.tag.removeprefix(_CORE_TAG) if event.tag else "str"
        if tag == "binary":
            return self._binary(event)
        expected = _TAGGED.get(tag)
        if expected is None:
            return event.value
        value = self._plain(event)
        if not isinstance(value, expected) or (tag != "bool" and isinstance(value, bool)):
            raise self._error(event, f"the value is no !!{tag}")
        return value

    def _binary(self, event: Any) -> str:
        try:
            return base64.b64decode("".join(event.value.split()), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise self._error(event, "!!binary holds no base64 of UTF-8 text") from None

    def _positions(self, container: Any) -> dict[str | int, Position] | None:
        """The table for the positions of a new container's keys, where somebody asked for them."""
        if self.places is None:
            return None
        table: dict[str | int, Position] = {}
        self.places[id(container)] = (container, table)
        return table

    def _error(self, event: Any, message: str) -> RenderError:
        return RenderError(message, Place(self._file, *_position(event)))

    def _limit(self, event: Any, message: str, limit: str = "") -> LimitError:
        return LimitError(message, Place(self._file, *_position(event)), limit)


def _position(event: Any) -> Position:
    return event.start_mark.line + 1, event.start_mark.column + 1


def _syntax_error(error: YAMLError, file: str) -> RenderError:
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return RenderError(f"not YAML: {getattr(error, 'reason', error)}", Place(file))
    context = getattr(error, "context", None)
    problem = getattr(error, "problem", None)
    text = ", ".join(part for part in (context, problem) if part)
    return RenderError(f"not YAML: {text}", Place(file, mark.line + 1, mark.column + 1))


def _check_separators(data: bytes, file: str) -> None:
    """Kustomize splits a file at each line that starts with `---`, and refuses one that goes on with anything but a comment."""
    if match := _BAD_SEPARATOR.search(data):
        line = data.count(b"\n", 0, match.start() + 1) + 1
        raise RenderError("a document separator '---' must stand alone on its line", Place(file, line, 1))

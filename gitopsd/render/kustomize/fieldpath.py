r"""The `.`-separated paths of replacements and vars: `spec.containers.[name=app].image`, `spec.ports.0.port`.

A part is a field, an index, `*` for every item, or `[field=pattern]` for the items whose field matches (`[=pattern]` for plain
items). `\.` is a dot inside a name; a bracket may hold dots, and without `=` names a field: `annotations.[a.b/c]`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from gitopsd.formats.regexp import anywhere
from gitopsd.formats.scalars import text_of
from gitopsd.model.errors import RenderError
from gitopsd.render.kustomize.growth import check_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Json = Any
MISSING = object()


@lru_cache(maxsize=1024)
def split_path(path: str) -> tuple[str, ...]:
    r"""The parts of a path: `metadata.annotations.a\.b` has three."""
    parts: list[str] = []
    for part in path.split("."):
        if parts and parts[-1].endswith("\\"):
            parts[-1] = f"{parts[-1][:-1]}.{part}"
        elif parts and parts[-1].startswith("[") and not parts[-1].endswith("]"):
            joined = f"{parts[-1]}.{part}"
            names_a_field = joined.endswith("]") and "=" not in joined
            parts[-1] = joined[1:-1] if names_a_field else joined
        else:
            parts.append(part)
    check_parts(path, len(parts))
    return tuple(parts)


def lookup(value: Json, parts: Sequence[str]) -> Json:
    """What stands at a path, MISSING if nothing. A bracket names one item exactly. Raises RenderError for a wrong kind."""
    for part in parts:
        if value is None or value is MISSING:
            return MISSING
        if part == "*":
            raise RenderError("wildcard is not supported where one value is read")
        if part.isdigit() or part == "-":
            items = _items(value, part)
            index = int(part) if part != "-" else len(items) - 1
            value = items[index] if 0 <= index < len(items) else MISSING
        elif _is_bracket(part):
            key, wanted = _bracket(part)
            value = next((item for item in _items(value, part) if _text_in(item, key) == wanted), MISSING)
        else:
            value = _mapping(value, part).get(part, MISSING)
    return value


def put(value: Json, parts: Sequence[str], edit: Callable[[Json], Json]) -> Json:
    """`value` with what stands at a path, as `lookup` reads it, passed through `edit`; MISSING where the path is made.

    A null on the way stays, and an index makes no item. Raises RenderError for a wrong kind.
    """
    if not parts:
        return edit(value)
    part, *rest = parts
    if value is None:
        return value
    if part == "*":
        raise RenderError("wildcard is not supported where one value is written")
    if part.isdigit() or part == "-" or _is_bracket(part):
        return _put_item([] if value is MISSING else _items(value, part), part, rest, edit)
    mapping = {} if value is MISSING else _mapping(value, part)
    return {**mapping, part: put(mapping.get(part, MISSING), rest, edit)} if part else put(value, rest, edit)


def _put_item(items: list[Json], part: str, rest: Sequence[str], edit: Callable[[Json], Json]) -> list[Json]:
    if _is_bracket(part):
        key, wanted = _bracket(part)
        new = {key: wanted} if key else wanted
        index = next((index for index, item in enumerate(items) if _text_in(item, key) == wanted), len(items))
        return [*items[:index], put(items[index] if index < len(items) else new, rest, edit), *items[index + 1 :]]
    index = int(part) if part != "-" else len(items) - 1
    if not 0 <= index < len(items):
        return items
    return [*items[:index], put(items[index], rest, edit), *items[index + 1 :]]


class Update:
    """Passes what stands at a path through `edit`, sharing what did not change; `found` counts the places.

    With `create`, missing fields and items are made: mappings and lists on the way, and for the last part what
    `edit(MISSING)` returns.
    """

    def __init__(self, edit: Callable[[Json], Json], *, create: bool) -> None:
        """`edit` gets the old value, or MISSING for one that is made."""
        self.edit = edit
        self.create = create
        self.found = 0

    def apply(self, value: Json, parts: tuple[str, ...]) -> Json:
        """The new value. Raises RenderError where the path leads through a wrong kind of value."""
        if not parts:
            self.found += 1
            return self.edit(value)
        part, rest = parts[0], parts[1:]
        if part == "*":
            return self._each(_items(value, part), range(len(value)), rest)
        if value is None:  # stays, which counts as found where fields may be made
            self.found += self.create
            return value
        if part.isdigit():
            return self._index(value, int(part), rest)
        if _is_bracket(part):
            return self._matching(value, part, rest)
        return self._field(value, part, rest)

    def _field(self, value: Json, name: str, rest: tuple[str, ...]) -> Json:
        if value is MISSING:
            if not self.create:
                return value
            value = {}
        mapping = _mapping(value, name)
        if not name or (name not in mapping and not self.create):
            return value
        old = mapping.get(name, MISSING)
        new = self.apply(old, rest)
        return value if new is old or new is MISSING else {**mapping, name: new}

    def _index(self, value: Json, index: int, rest: tuple[str, ...]) -> Json:
        items = [] if value is MISSING else _items(value, str(index))
        if index == len(items) and self.create:
            return [*items, self.apply(MISSING, rest)]
        if index >= len(items):
            raise RenderError(f"index {index} specified but only {len(items)} elements found")
        return self._each(items, [index], rest)

    def _matching(self, value: Json, part: str, rest: tuple[str, ...]) -> Json:
        items = [] if value is MISSING else _items(value, part)
        key, pattern = _bracket(part)
        matches = anywhere(pattern)  # kustomize anchors it nowhere
        chosen = [index for index, item in enumerate(items) if (text := _text_in(item, key)) is not None and matches(text)]
        if not chosen and self.create:
            return [*items, self.apply({key: pattern} if key else pattern, rest)]
        return self._each(items, chosen, rest)

    def _each(self, items: list[Json], chosen: Sequence[int], rest: tuple[str, ...]) -> list[Json]:
        changed = list(items)
        for index in chosen:
            changed[index] = self.apply(items[index], rest)
        return changed if any(new is not old for new, old in zip(changed, items, strict=True)) else items


def _is_bracket(part: str) -> bool:
    return part.startswith("[") and part.endswith("]")


def _bracket(part: str) -> tuple[str, str]:
    key, equals, value = part[1:-1].partition("=")
    return (key, value) if equals else ("", key)


def _text_in(item: Json, key: str) -> str | None:
    value: Json = item if not key else item.get(key, MISSING) if isinstance(item, dict) else MISSING
    return None if value is MISSING or isinstance(value, (dict, list)) else text_of(value).strip()


def _items(value: Json, part: str) -> list[Json]:
    if not isinstance(value, list):
        raise RenderError(f"wrong node kind: a list was expected at {part!r}, there is {_kind(value)}")
    return value


def _mapping(value: Json, part: str) -> dict[str, Json]:
    if not isinstance(value, dict):
        raise RenderError(f"wrong node kind: a mapping was expected that has {part!r}, there is {_kind(value)}")
    return value


def _kind(value: Json) -> str:
    return "a mapping" if isinstance(value, dict) else "a list" if isinstance(value, list) else "a plain value"

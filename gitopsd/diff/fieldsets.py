"""Field sets, as managedFields has them (KEP-555's `fieldsV1`), as values to reckon with.

A set is a tree: `f:` names, `k:` keyed items, `v:` members of sets, `i:` indexes, and `.` for the thing itself beside its parts.
Nothing here changes what it is given.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from gitopsd.formats.jq import Place
from gitopsd.model.refs import Object

FieldsV1 = dict[str, Any]

_ITSELF = "."
_DEFAULTED_KEYS = {"protocol": "TCP"}
"""The only key of a keyed list of the built-in kinds that a manifest may leave to the server."""


def applied_fields(obj: Object, manager: str) -> FieldsV1 | None:
    """The fields of `manager`'s own Apply entry on the object itself; None where it never applied it."""
    for entry in (obj.get("metadata") or {}).get("managedFields") or ():
        if entry.get("manager") == manager and entry.get("operation") == "Apply" and not entry.get("subresource"):
            return entry.get("fieldsV1") or {}
    return None


def held_fields(obj: Object, manager: str) -> FieldsV1 | None:
    """All that `manager` holds of the object itself, applied or (where it replaces) updated; None where it holds nothing."""
    held: FieldsV1 | None = None
    for entry in (obj.get("metadata") or {}).get("managedFields") or ():
        if entry.get("manager") == manager and not entry.get("subresource"):
            held = unite(held or {}, entry.get("fieldsV1") or {})
    return held


def others_fields(obj: Object, manager: str) -> Iterator[FieldsV1]:
    """The sets of all others who hold something of `obj` itself; what `manager` holds in whatever way is its own."""
    for entry in (obj.get("metadata") or {}).get("managedFields") or ():
        if entry.get("manager") != manager:
            yield entry.get("fieldsV1") or {}


def fields_of(obj: Object, managers: frozenset[str]) -> Iterator[FieldsV1]:
    """The sets that these managers hold of `obj`."""
    for entry in (obj.get("metadata") or {}).get("managedFields") or ():
        if entry.get("manager") in managers:
            yield entry.get("fieldsV1") or {}


def places_of(fields: FieldsV1, value: Any, *, whole: bool = False, at: Place = ()) -> Iterator[Place]:
    """Where the leaves of a set stand in `value`, as far as they are there; with `whole` a thing itself counts as one leaf."""
    inner = {name: child for name, child in fields.items() if name != _ITSELF}
    if not inner or (whole and at and _ITSELF in fields):
        yield at
        return
    for name, child in inner.items():
        step = step_to(name, value)
        if step is not None:
            yield from places_of(child, value[step], whole=whole, at=(*at, step))


def step_to(name: str, value: Any) -> str | int | None:
    """The key or index that a part of a set means in `value`; None where it is not there."""
    kind, _, rest = name.partition(":")
    if kind == "f" and isinstance(value, dict):
        return rest if rest in value else None
    if not isinstance(value, list) or kind == "f":
        return None
    if kind == "i":
        return int(rest) if int(rest) < len(value) else None
    wanted = orjson.loads(rest)
    for index, item in enumerate(value):
        if is_item(item, wanted) if kind == "k" else item == wanted:
            return index
    return None


def is_item(item: Any, key: dict[str, Any]) -> bool:
    """Whether an item of a keyed list has this key."""
    return isinstance(item, dict) and all(item.get(name, _DEFAULTED_KEYS.get(name)) == value for name, value in key.items())


def cut(fields: FieldsV1, value: Any, places: frozenset[Place], at: Place = ()) -> FieldsV1:
    """The set without what stands at `places` of `value`; a branch of which nothing is left goes too."""
    left: FieldsV1 = {}
    for name, child in fields.items():
        step = None if name == _ITSELF else step_to(name, value)
        if step is None:
            left[name] = child
        elif (*at, step) not in places:
            kept = cut(child, value[step], places, (*at, step))
            if kept or not child:
                left[name] = kept
    return left


def within(fields: FieldsV1, value: Any, places: frozenset[Place], at: Place = ()) -> FieldsV1:
    """The part of the set that stands at or below `places` of `value`."""
    found: FieldsV1 = {}
    for name, child in fields.items():
        step = None if name == _ITSELF else step_to(name, value)
        if step is None:
            continue
        if (*at, step) in places:
            found[name] = child
        elif inner := within(child, value[step], places, (*at, step)):
            found[name] = inner
    return found


def subtract(fields: FieldsV1, other: FieldsV1) -> FieldsV1:
    """What is in `fields` and not in `other`. Who holds a part of a thing keeps the thing itself there."""
    left: FieldsV1 = {}
    for name, child in fields.items():
        if name not in other:
            left[name] = child
        elif inner := {part: rest for part, rest in subtract(child, other[name]).items() if part != _ITSELF}:
            left[name] = inner
    return left


def unite(fields: FieldsV1, more: FieldsV1) -> FieldsV1:
    """The union. A leaf and a branch of the same name give the branch with the thing itself."""
    united = dict(fields)
    for name, child in more.items():
        known = united.get(name)
        if known is None:
            united[name] = child
        elif bool(known) is not bool(child):
            united[name] = {_ITSELF: {}, **(known or child)}
        else:
            united[name] = unite(known, child)
    return united


def graft(body: Any, live: Any, fields: FieldsV1) -> Any:
    """`body` with the values that `fields` names in `live`; items that it lacks are added at the end."""
    inner = {name: child for name, child in fields.items() if name != _ITSELF}
    if not inner or type(live) not in (dict, list):
        return live
    grown: Any = type(live)(body if type(body) is type(live) else ())
    for name, child in inner.items():
        there = step_to(name, live)
        if there is None:
            continue
        here = step_to(name, grown)
        if here is not None:
            grown[here] = graft(grown[here], live[there], child)
        elif isinstance(grown, dict):
            grown[there] = graft(None, live[there], child)
        else:
            grown.append(graft(_key_of(name), live[there], child))
    return grown


def _key_of(name: str) -> Any:
    """What a new item of a keyed list must have to be one."""
    return orjson.loads(name[2:]) if name.startswith("k:") else None

"""Fields of objects, and the same field in another version of the object, in which lists may have other items."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gitopsd.formats.path import Path, item_step, list_identity, render_path

Json = Any


def leaves(value: Json, path: Path = ()) -> Iterator[tuple[Path, Json]]:
    """All scalars and empty containers in a value, by keys and indices, in its order."""
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from leaves(item, (*path, key))
    elif isinstance(value, list) and value:
        for index, item in enumerate(value):
            yield from leaves(item, (*path, index))
    else:
        yield path, value


def value_at(value: Json, path: Path) -> Json:
    """What stands at a path that is there."""
    for key in path:
        value = value[key]
    return value


def same(one: Json, other: Json) -> bool:
    """Whether two values are one in JSON: `1` is not `true`."""
    return isinstance(one, bool) is isinstance(other, bool) and bool(one == other)


def named(obj: Json, path: Path) -> str:
    """The path as people write it, items of lists by their identity."""
    steps: list[str | int] = []
    for key in path:
        identity = list_identity(obj) if isinstance(obj, list) else None
        obj = obj[key]
        steps.append(item_step(identity, obj[identity]) if identity else key)
    return render_path(tuple(steps))


def counterpart(obj: Json, path: Path, other: Json, *, whole: bool = True) -> Path:
    """The path of the same field in `other`, or of the nearest of its parents that is there.

    Items of lists correspond by identity (`name`, `containerPort`, ...) or by being equal; if both lists are `whole`, one that
    was merely rewritten in its place corresponds too. A patch holds parts of lists.
    """
    found: list[str | int] = []
    for depth, key in enumerate(path):
        if obj is other:
            return (*found, *path[depth:])
        there = _key(obj, key, other, whole=whole)
        if there is None:
            break
        found.append(there)
        obj, other = obj[key], other[there]
    return tuple(found)


def _key(obj: Json, key: str | int, other: Json, *, whole: bool) -> str | int | None:
    if isinstance(obj, dict):
        return key if isinstance(other, dict) and key in other else None
    return _index(obj, int(key), other, whole=whole) if isinstance(other, list) else None


def _index(items: list[Json], index: int, others: list[Json], *, whole: bool) -> int | None:
    identity = list_identity(items, others)
    ours, theirs = ([item[identity] for item in one] if identity else one for one in (items, others))
    if index < len(theirs) and same(ours[index], theirs[index]):
        return index
    equal = next((at for at, one in enumerate(theirs) if same(one, ours[index])), None)
    if equal is not None:
        return equal
    rewritten = whole and index < len(theirs) and not any(same(one, theirs[index]) for one in ours)
    return index if rewritten else None

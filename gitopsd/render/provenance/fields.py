"""Fields of objects, and the same field in another version of the object, in which lists may have other items."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from gitopsd.formats.path import Path, item_step, list_identity

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


class Lists:
    """What is known of the items of lists, worked out once for each list, or pair of lists, that one explanation meets.

    It keeps those lists alive, as it knows them by their identity.
    """

    def __init__(self) -> None:
        self._identities: dict[int, tuple[list[Json], str | None]] = {}
        self._pairs: dict[tuple[int, int, bool], tuple[list[Json], list[Json], list[int | None]]] = {}

    def named(self, obj: Json, path: Path) -> Path:
        """The path with items of lists by their identity, where they have one."""
        steps: list[str | int] = []
        for key in path:
            identity = self._identity(obj) if isinstance(obj, list) else None
            obj = obj[key]
            steps.append(item_step(identity, obj[identity]) if identity else key)
        return tuple(steps)

    def _identity(self, items: list[Json]) -> str | None:
        if id(items) not in self._identities:
            self._identities[id(items)] = (items, list_identity(items))
        return self._identities[id(items)][1]

    def counterpart(self, obj: Json, path: Path, other: Json, *, whole: bool = True) -> Path:
        """The path of the same field in `other`, or of the nearest of its parents that is there.

        Items of lists correspond by identity (`name`, `containerPort`, ...) or by being equal; if both lists are `whole`, one
        that was merely rewritten in its place corresponds too. A patch holds parts of lists.
        """
        found: list[str | int] = []
        for depth, key in enumerate(path):
            if obj is other:
                return (*found, *path[depth:])
            there = self._key(obj, key, other, whole=whole)
            if there is None:
                break
            found.append(there)
            obj, other = obj[key], other[there]
        return tuple(found)

    def _key(self, obj: Json, key: str | int, other: Json, *, whole: bool) -> str | int | None:
        if isinstance(obj, dict):
            return key if isinstance(other, dict) and key in other else None
        if not isinstance(other, list):
            return None
        pair = (id(obj), id(other), whole)
        if pair not in self._pairs:
            self._pairs[pair] = (obj, other, _correspondence(obj, other, whole=whole))
        return self._pairs[pair][2][int(key)]


def _correspondence(items: list[Json], others: list[Json], *, whole: bool) -> list[int | None]:
    """For each item the index of the other that it is."""
    identity = list_identity(items, others)
    ours, theirs = ([_word(item[identity] if identity else item) for item in one] for one in (items, others))
    first = {word: at for at, word in reversed(list(enumerate(theirs)))}
    known = set(ours)
    found: list[int | None] = []
    for at, word in enumerate(ours):
        there = theirs[at] if at < len(theirs) else None
        rewritten = whole and there is not None and there not in known
        found.append(at if there == word else first.get(word, at if rewritten else None))
    return found


def _word(value: Json) -> str:
    """Equal for equal values."""
    return json.dumps(value, sort_keys=True)

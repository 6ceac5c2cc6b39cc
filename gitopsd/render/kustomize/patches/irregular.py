"""Merging lists with items that lack their keys, or share them: what kustomize makes of those.

Go's code edits lists in place while it goes through them, and what comes out for such items follows from the order of its
edits (an item without its key can push all others out). People have such manifests, so the steps are followed here
one by one, on `_Item` cells that stand for its nodes. Time is quadratic in the items, as it is there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gitopsd.model.errors import LimitError
from gitopsd.render.kustomize.patches.values import DIRECTIVE, MISSING, directive, kind_of, text, without

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gitopsd.render.kustomize.patches.schema import ListType
    from gitopsd.render.kustomize.patches.strategic import Merge

_MOST_ITEMS = 1000


class _Item:
    """A node: an item whose value changes while others refer to it."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


def merge_irregular(walk: Merge, target: list[Any], patch: Any, known: ListType) -> list[Any]:
    """As `merge_items`, for any items."""
    old = [_Item(value) for value in target]
    new = old if patch is target else [_Item(value) for value in (() if patch is MISSING else patch)]
    if len(old) + len(new) > _MOST_ITEMS:
        raise LimitError(f"{'.'.join(walk.path)}: more than {_MOST_ITEMS} items, of which some lack a key or share it")
    identities = _identities([*new, *old], known.keys)
    if not identities:
        return target
    keys, used = _used(identities, known.keys)
    merged: list[_Item] = []
    for identity in identities:
        values = tuple(value for value, use in zip(identity, used, strict=True) if use)
        item = _merge_item(walk, _find(old, keys, values), _find(new, keys, values), known)
        if item is None or item.value in (None, {}):
            _place(old, None, keys, values)
            continue
        if isinstance(item.value, dict):
            item.value = {**{key: value for key, value in zip(keys, values, strict=True) if value}, **item.value}
        _place(merged, item, keys, values)
    _append(walk, merged, old, keys)
    return [item.value for item in merged]


def _merge_item(walk: Merge, old: _Item | None, new: _Item | None, known: ListType) -> _Item | None:
    """The node that holds the merged item: the target's, or the patch's if that is new or replaces it."""
    node = new if new is not None and (old is None or directive(new.value) == "replace") else old
    merged = walk.walk(old.value if old else MISSING, new.value if new else MISSING, known.items)
    if new is not None and directive(new.value):
        new.value = without(new.value, DIRECTIVE)
    if node is None or merged is MISSING:
        return None
    node.value = merged
    return node


def _identities(items: Sequence[_Item], keys: tuple[str, ...]) -> list[tuple[str, ...]]:
    """The identities of all items, each once; of several keys those that agree where both are given become one."""
    found = list(dict.fromkeys(tuple(_key_text(item.value, key) for key in keys) for item in items))
    if len(keys) > 1:
        for i in range(len(found)):
            for j in range(len(found)):
                if (common := _unite(found[i], found[j])) is not None:
                    found[i] = found[j] = common
    return found


def _unite(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...] | None:
    pairs = list(zip(one, other, strict=True))
    if any(a != b and a and b for a, b in pairs) or all(a != b for a, b in pairs):
        return None
    return tuple(a or b for a, b in pairs)


def _key_text(value: Any, key: str) -> str:
    found = value.get(key) if isinstance(value, dict) else None
    return "" if found is None else text(found)


def _used(identities: list[tuple[str, ...]], keys: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[bool, ...]]:
    used = tuple(any(identity[i] for identity in identities) for i in range(len(keys)))
    if not any(used):
        return keys, (True,) * len(keys)
    return tuple(key for key, use in zip(keys, used, strict=True) if use), used


def _find(items: list[_Item], keys: tuple[str, ...], values: tuple[str, ...]) -> _Item | None:
    """The first mapping that has those of the keys that have values, with these values."""
    wanted = list(zip(keys, values, strict=True))
    wanted = [(key, value) for key, value in wanted if value] or wanted
    for item in items:
        fields = item.value
        if isinstance(fields, dict) and all(key in fields and text(fields[key]) == value for key, value in wanted):
            return item
    return None


def _place(items: list[_Item], new: _Item | None, keys: tuple[str, ...], values: Sequence[str]) -> None:
    """Puts `new` over each item with these values, else at the end; None removes them. Empty items go, without values all do."""
    kept: list[_Item] = []
    placed = False
    for item in items:
        if item.value in (None, {}):
            continue
        if not isinstance(item.value, dict) and values and values[0]:
            kept.append(item)
        elif _holds(item.value, keys, values):
            placed = True
            if new is not None:
                kept.append(new)
        elif values:
            kept.append(item)
    if new is not None and new.value is not None and not placed:
        kept.append(new)
    items[:] = kept


def _holds(value: Any, keys: tuple[str, ...], values: Sequence[str]) -> bool:
    """Whether the item has these values; an empty one is any."""
    if not values or not isinstance(value, dict):
        return False
    return all(key in value and (not wanted or text(value[key]) == wanted) for key, wanted in zip(keys, values, strict=False))


def _append(walk: Merge, merged: list[_Item], rest: list[_Item], keys: tuple[str, ...]) -> None:
    """Puts the target's items over their merged selves, which moves them to the end if there are several keys."""
    for item in list(rest):
        if kind_of(item.value) not in {None, "mapping"}:
            raise walk.error("an item of a list with merge keys is no mapping")
        values: list[str] = []
        for key in keys:
            if item.value is None or key not in item.value:
                merged.append(item)
            else:
                values.append(text(item.value[key]))
        if len(keys) > 1:
            _place(merged, None, keys, values)
        _place(merged, item, keys, values)

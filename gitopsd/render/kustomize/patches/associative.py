"""Lists whose items are identified by keys, merged in kustomize's order.

With one key the patch's items come first, in its order, then the target's others. With several keys (a port and its
protocol) items new in the patch come first, then the target's in its order. The walk normalises a merging list even where the
patch does not name it: of items with equal keys the last one stays.

Items that lack a key have no sound meaning, but kustomize gives them one, which `_Irregular` follows step by step; ordinary
lists take the short way, in linear time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from gitopsd.render.kustomize.patches.irregular import merge_irregular
from gitopsd.render.kustomize.patches.values import MISSING, directive, text

if TYPE_CHECKING:
    from gitopsd.render.kustomize.patches.schema import ListType
    from gitopsd.render.kustomize.patches.strategic import Merge

Identity: TypeAlias = tuple[str, ...]


def merge_items(walk: Merge, target: list[Any], patch: Any, known: ListType) -> list[Any]:
    """The merged list. `patch` is a list or MISSING; where it is `target` itself, that is new content to be cleaned."""
    patched = [] if patch is MISSING else patch
    if not known.keys:
        return _plain_values(walk, target, patched)
    keys = _used_keys(target, patched, known.keys)
    old, new = _index(target, keys), _index(patched, keys)
    if old is None or new is None:
        return merge_irregular(walk, target, patch, known)
    merged = {identity: _item(walk, old, new, identity, known) for identity in {**new, **old}}
    first = merged if len(keys) == 1 else [*(identity for identity in new if identity not in old), *old]
    items = [value for identity in first if (value := merged[identity]) is not MISSING]
    unchanged = len(items) == len(target) and all(item is before for item, before in zip(items, target, strict=True))
    return target if unchanged else items


def _item(walk: Merge, old: dict[Identity, Any], new: dict[Identity, Any], identity: Identity, known: ListType) -> Any:
    before, patch = old.get(identity, MISSING), new.get(identity, MISSING)
    walk.path.append(f"[{','.join(identity)}]")
    merged = walk.walk(before, patch, known.items)
    walk.path.pop()
    # kustomize puts the target's own item back over one that was to replace it
    return before if before is not MISSING and before is not patch and directive(patch) == "replace" else merged


def _used_keys(target: list[Any], patch: list[Any], keys: tuple[str, ...]) -> tuple[str, ...]:
    """Of several keys those that any item has; all if none has any."""
    if len(keys) == 1:
        return keys
    items = target if patch is target else [*target, *patch]
    used = tuple(key for key in keys if any(identify(item, (key,))[0] for item in items))
    return used or keys


def _index(items: list[Any], keys: tuple[str, ...]) -> dict[Identity, Any] | None:
    """The items by identity; None if one lacks a key, or two are the same."""
    found: dict[Identity, Any] = {}
    for item in items:
        identity = identify(item, keys)
        if not all(identity) or identity in found:
            return None
        found[identity] = item
    return found


def identify(item: Any, keys: tuple[str, ...]) -> Identity:
    """The texts of an item's keys, empty for those that it lacks."""
    if not isinstance(item, dict):
        return ("",) * len(keys)
    values = (item.get(key) for key in keys)
    return tuple("" if value is None else text(value) for value in values)


def _plain_values(walk: Merge, target: list[Any], patch: list[Any]) -> list[Any]:
    """A set of plain values: the patch's first, each once."""
    found: dict[str, Any] = {}
    for item in (*patch, *target):
        if isinstance(item, (dict, list)):
            raise walk.error("an item of a list of plain values is a mapping or a list")
        found.setdefault(text(item), item)
    items = list(found.values())
    return target if items == target else items

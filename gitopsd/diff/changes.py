"""Field by field: what a write would change, in words that a person and a program can read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gitopsd.diff.attribute import holder
from gitopsd.formats.path import Path, item_step, list_identity, render_path
from gitopsd.model.plan import FieldChange
from gitopsd.model.refs import Object

SERVERS_OWN = frozenset({"managedFields", "resourceVersion", "generation", "creationTimestamp", "uid", "selfLink"})
"""Metadata that only the server writes: never a difference."""

_ABSENT = object()


def field_changes(before: Object, after: Object, ourselves: str = "") -> tuple[FieldChange, ...]:
    """The fields in which `after` differs from `before`, in order of the path; status and the server's own metadata aside.

    Items of lists are matched by identity where they have one, so a container that moved is not two changes. A subtree that is
    only on one side is one change with the whole of it. Each change names who holds the field in `before`, other managers than
    `ourselves` first. Mask Secrets before: what is given here is shown.
    """
    found = sorted(_walk((), _comparable(before), _comparable(after)), key=lambda item: render_path(item[0]))
    return tuple(_change(before, path, old, new, ourselves) for path, old, new in found)


def _change(before: Object, path: Path, old: Any, new: Any, ourselves: str) -> FieldChange:
    who = holder(before, path, ourselves)
    was, wanted = (None if side is _ABSENT else side for side in (old, new))
    return FieldChange(render_path(path), was, wanted, who.manager, who.operation, who.time)


def _comparable(obj: Object) -> Object:
    content = {key: value for key, value in obj.items() if key != "status"}
    metadata = content.get("metadata")
    if isinstance(metadata, dict):
        content["metadata"] = {key: value for key, value in metadata.items() if key not in SERVERS_OWN}
    return content


def _walk(path: Path, old: Any, new: Any) -> Iterator[tuple[Path, Any, Any]]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in old.keys() | new.keys():
            yield from _walk((*path, key), old.get(key, _ABSENT), new.get(key, _ABSENT))
    elif isinstance(old, list) and isinstance(new, list) and old != new:
        yield from _walk_lists(path, old, new)
    elif type(old) is not type(new) or old != new:
        yield path, old, new


def _walk_lists(path: Path, old: list[Any], new: list[Any]) -> Iterator[tuple[Path, Any, Any]]:
    identity = list_identity(old, new)
    if identity is None:
        if any(isinstance(item, dict | list) for item in old + new):
            for index in range(max(len(old), len(new))):
                yield from _walk((*path, index), _item(old, index), _item(new, index))
        else:
            yield path, old, new
        return
    olds, news = ({item[identity]: item for item in items} for items in (old, new))
    if not old or not new or (list(olds) != list(news) and olds.keys() == news.keys()):
        # All of it is new or gone, or only the order differs: that is one change of the list, not of its items.
        yield path, old or _ABSENT, new or _ABSENT
        if not old or not new:
            return
    for value in [*olds, *(value for value in news if value not in olds)]:
        yield from _walk((*path, item_step(identity, value)), olds.get(value, _ABSENT), news.get(value, _ABSENT))


def _item(items: list[Any], index: int) -> Any:
    return items[index] if index < len(items) else _ABSENT

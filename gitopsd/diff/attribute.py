"""Who holds a field: read from managedFields, the server's own record of who set what, and when."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gitopsd.formats.path import Path, item_identity
from gitopsd.model.refs import Object


@dataclass(frozen=True, slots=True)
class Holder:
    """An entry of managedFields; `time` is RFC 3339. All empty: nobody holds the field."""

    manager: str = ""
    operation: str = ""
    time: str = ""


def holder(obj: Object, path: Path, ourselves: str) -> Holder:
    """Who last set the field at `path` of `obj`: of several that hold it the newest, and we only if there is no other."""
    entries = (obj.get("metadata") or {}).get("managedFields") or ()
    holders = [
        Holder(str(entry.get("manager") or ""), str(entry.get("operation") or ""), str(entry.get("time") or ""))
        for entry in entries
        if _holds(entry.get("fieldsV1") or {}, path)
    ]
    return max(holders, key=lambda found: (found.manager != ourselves, found.time), default=Holder())


def _holds(fields: dict[str, Any], path: Path) -> bool:
    """Whether a field set holds `path`: itself, something in it, or a leaf that it is a part of."""
    if not path:
        return True
    children = list(_children(fields, path[0]))
    if not children:
        # A leaf of the set takes its whole value: lists and maps that are atomic end here.
        return bool(fields) is False
    return any(_holds(child, path[1:]) for child in children)


def _children(fields: dict[str, Any], step: str | int) -> Iterator[dict[str, Any]]:
    identity = item_identity(step)
    for name, child in fields.items():
        kind, _, rest = name.partition(":")
        if kind == "k" and identity:
            key, value = identity
            if str(json.loads(rest).get(key)) == value:
                yield child
        elif (kind == "f" and identity is None and rest == step) or (kind == "i" and rest == str(step)):
            yield child

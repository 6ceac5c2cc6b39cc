"""What `gitopsd health -f FILE` prints: one line for each object."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from gitopsd.health import OwnRules, assess
from gitopsd.health.evidence import mapping, text
from gitopsd.model.refs import Object


def lines(objects: Iterable[Any], own: OwnRules, now: datetime | None = None) -> Iterator[dict[str, str]]:
    """`{kind, name, status, message}` for each object, in order; the members of a `kind: List` stand for themselves.

    What is no JSON object (an empty YAML document) is passed over.
    """
    for obj in objects:
        for member in _members(obj):
            health = assess(member, now, own)
            name = text(mapping(member.get("metadata")).get("name"))
            yield {"kind": text(member.get("kind")), "name": name, "status": health.status.value, "message": health.message}


def _members(obj: Any) -> Iterator[Object]:
    if not isinstance(obj, dict):
        return
    if text(obj.get("kind")).endswith("List") and isinstance(obj.get("items"), list):
        yield from (member for member in obj["items"] if isinstance(member, dict))
    else:
        yield obj

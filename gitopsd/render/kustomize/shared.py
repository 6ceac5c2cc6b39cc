"""Values that stand in several places of an object and change together.

kustomize puts a new label or annotation as one and the same YAML node into metadata, selectors and templates. What later
changes one of these places changes all of them: with `commonLabels: {env: dev}` in a base, an overlay that merely patches the
label `env` of a Deployment changes its selector too. Results depend on it, so the engine does it: such a value is a
`SpelledStr` of its own, the same instance in each place, until a JSON6902 patch writes the object anew.
"""

from __future__ import annotations

from itertools import zip_longest
from typing import Any

from gitopsd.formats.scalars import SpelledStr

Json = Any


def shared(text: str) -> SpelledStr:
    """A text that remembers that it is the same in several places."""
    return SpelledStr(text, text)


def ripple(old: Json, new: Json) -> Json:
    """The new object with every shared value that changed in one place changed in all."""
    changes: dict[int, Json] = {}
    _find(old, new, changes)
    return _replace(old, new, changes) if changes else new


def _find(old: Json, new: Json, changes: dict[int, Json]) -> None:
    """Notes the new text of each shared value that is another one now. Only what differs is walked."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key, value in new.items():
            if (before := old.get(key)) is not value:
                _find(before, value, changes)
    elif isinstance(old, list) and isinstance(new, list):
        for before, value in zip(old, new, strict=False):
            if before is not value:
                _find(before, value, changes)
    elif type(old) is SpelledStr and isinstance(new, str):
        changes[id(old)] = shared(str(new))


def _replace(old: Json, new: Json, changes: dict[int, Json]) -> Json:
    """The new value, with the new text wherever the old one stands, or stood before."""
    if isinstance(new, dict):
        fields = old if isinstance(old, dict) else {}
        changed = {key: other for key, value in new.items() if (other := _replace(fields.get(key), value, changes)) is not value}
        return {**new, **changed} if changed else new
    if isinstance(new, list):
        items = old if isinstance(old, list) else []
        others = [_replace(one, value, changes) for one, value in zip_longest(items[: len(new)], new)]
        return others if any(other is not value for other, value in zip(others, new, strict=True)) else new
    if not isinstance(new, str):
        return new
    return changes.get(id(old), changes.get(id(new), new))

"""What a watch brought of objects that are no longer as we left them: the next look at these need not ask for them.

Kept as text, for as long as nobody has looked, and within a bound: what is dropped is asked for, as if it had never come.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

import orjson

from gitopsd.model.refs import Object, ObjectRef

BUDGET = 16 << 20
"""Bytes of all objects together: some thousands, as many as one script changes at a time."""


@dataclass(slots=True)
class Brought:
    """By object, with its resourceVersion; what came first goes first."""

    budget: int = BUDGET
    used: int = 0
    _texts: OrderedDict[ObjectRef, tuple[str, bytes]] = field(default_factory=OrderedDict)

    def keep(self, ref: ObjectRef, version: str, obj: Object) -> None:
        """In place of an earlier state."""
        self.drop(ref)
        self._texts[ref] = version, orjson.dumps(obj)
        self.used += len(self._texts[ref][1])
        while self.used > self.budget:
            self.drop(next(iter(self._texts)))

    def take(self, ref: ObjectRef, version: str) -> Object | None:
        """The object, if this is the state that came last; it is not kept any longer."""
        known, text = self.drop(ref)
        obj: Object | None = orjson.loads(text) if known == version else None
        return obj

    def drop(self, ref: ObjectRef) -> tuple[str, bytes]:
        """Forgets an object; gives what was kept."""
        version, text = self._texts.pop(ref, ("", b""))
        self.used -= len(text)
        return version, text

    def clear(self) -> None:
        """It is another cluster now."""
        self._texts.clear()
        self.used = 0

"""The work queue: one entry for each application however many triggers it has, and never two passes over one at a time."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field

from gitopsd.model.app import AppKey
from gitopsd.model.record import Trigger, TriggerKind

_URGENCY = (
    TriggerKind.MANUAL,
    TriggerKind.ROLLBACK,
    TriggerKind.UNPIN,
    TriggerKind.APPROVE,
    TriggerKind.ADOPT,
    TriggerKind.CONFIRM,
    TriggerKind.RESUME,
    TriggerKind.SUSPEND,
    TriggerKind.SPEC,
    TriggerKind.WEBHOOK,
    TriggerKind.POLL,
    TriggerKind.WINDOW,
    TriggerKind.RETRY,
    TriggerKind.START,
    TriggerKind.WATCH,
)
"""Of several triggers for one application the first of these is the one that the record names."""


@dataclass(slots=True)
class WorkQueue:
    """Triggers by application; people's requests go first, everything else in order of arrival.

    Its size is bounded by the number of applications. A trigger that arrives while its application is worked on waits until
    that pass is done, so that nothing it stands for is missed.
    """

    _urgent: deque[AppKey] = field(default_factory=deque)
    _waiting: deque[AppKey] = field(default_factory=deque)
    _triggers: dict[AppKey, Trigger] = field(default_factory=dict)
    _busy: set[AppKey] = field(default_factory=set)
    _filled: asyncio.Event = field(default_factory=asyncio.Event)

    def put(self, key: AppKey, trigger: Trigger) -> None:
        """Asks for a pass; coalesced with what is waiting for the same application."""
        known = self._triggers.get(key)
        self._triggers[key] = trigger if known is None else min(known, trigger, key=lambda t: _URGENCY.index(t.kind))
        if key not in self._busy and (known is None or trigger.kind.personal):
            self._line_up(key)

    def _line_up(self, key: AppKey) -> None:
        (self._urgent if self._triggers[key].kind.personal else self._waiting).append(key)
        self._filled.set()

    async def get(self) -> tuple[AppKey, Trigger]:
        """The next application to work on; `done` must follow."""
        while True:
            line = self._urgent or self._waiting
            if not line:
                self._filled.clear()
                await self._filled.wait()
                continue
            key = line.popleft()
            # One that was moved up to the urgent line still stands in the other: its trigger is taken by then.
            if key not in self._busy and (trigger := self._triggers.pop(key, None)) is not None:
                self._busy.add(key)
                return key, trigger

    def done(self, key: AppKey) -> None:
        """The pass is over; a trigger that came meanwhile lines up now."""
        self._busy.discard(key)
        if key in self._triggers:
            self._line_up(key)

    def drop(self, key: AppKey) -> None:
        """The application is gone."""
        self._triggers.pop(key, None)

    def __contains__(self, key: AppKey) -> bool:
        """Whether a trigger of the application waits."""
        return key in self._triggers

    def __len__(self) -> int:
        """How many applications wait."""
        return len(self._triggers)

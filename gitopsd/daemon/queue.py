"""The work queue: one entry for each application however many triggers it has, and never two passes over one at a time.

People's requests go first. Everything else waits in lanes that take turns: one for each kind of trigger of each project and
repository. So a commit that touches a thousand applications holds up no other repository, no other project, and no drift.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

from gitopsd.model.app import AppKey
from gitopsd.model.record import Trigger, TriggerKind

_URGENCY = (
    TriggerKind.MANUAL,
    TriggerKind.ROLLBACK,
    TriggerKind.RETURN,
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
    """Triggers by application; in a lane in order of arrival. `lane` says what an application shares its lanes with.

    Its size is bounded by the number of applications. A trigger that arrives while its application is worked on waits until
    that pass is done, so that nothing it stands for is missed. `takes` says which applications are worked on at all; what is
    asked of others is for nobody here. `doubt` names the cluster of an application, where nobody knows
    whether it answers: of such a cluster at most `narrow` applications are worked on at once, and the others never wait for it.
    """

    takes: Callable[[AppKey], bool] = lambda _: True
    doubt: Callable[[AppKey], str] = lambda _: ""
    narrow: int = 8
    lane: Callable[[AppKey], Hashable] = lambda _: None
    _urgent: deque[AppKey] = field(default_factory=deque)
    _lanes: dict[Hashable, deque[AppKey]] = field(default_factory=dict)
    """None of them empty; the next to have its turn stands first."""
    _triggers: dict[AppKey, Trigger] = field(default_factory=dict)
    _busy: dict[AppKey, str] = field(default_factory=dict)
    """... with the cluster in doubt, if it was that."""
    _aside: dict[AppKey, str] = field(default_factory=dict)
    """What waits for its cluster; any trigger, such as that of its return, has it looked at again."""
    _filled: asyncio.Event = field(default_factory=asyncio.Event)

    def put(self, key: AppKey, trigger: Trigger) -> None:
        """Asks for a pass; coalesced with what is waiting for the same application."""
        if not self.takes(key):
            return
        known = self._triggers.get(key)
        self._triggers[key] = trigger if known is None else min(known, trigger, key=lambda t: _URGENCY.index(t.kind))
        if key not in self._busy and (known is None or trigger.kind.personal or self._aside.pop(key, "")):
            self._line_up(key)

    def _line_up(self, key: AppKey) -> None:
        kind = self._triggers[key].kind
        line = self._urgent if kind.personal else self._lanes.setdefault((kind, self.lane(key)), deque())
        line.append(key)
        self._filled.set()

    def _next(self) -> AppKey | None:
        """The first of the urgent line, else of the lane whose turn it is; that lane is the last to have the next turn."""
        if self._urgent:
            return self._urgent.popleft()
        for lane in self._lanes:
            line = self._lanes.pop(lane)
            key = line.popleft()
            if line:
                self._lanes[lane] = line
            return key
        return None

    async def get(self) -> tuple[AppKey, Trigger]:
        """The next application to work on; `done` must follow."""
        while True:
            key = self._next()
            if key is None:
                self._filled.clear()
                await self._filled.wait()
                continue
            # One that was moved up to the urgent line still stands in its lane: its trigger is taken by then.
            if key in self._busy or key not in self._triggers:
                continue
            if not self.takes(key):
                self.drop(key)
                continue
            cluster = self.doubt(key)
            if cluster and sum(other == cluster for other in self._busy.values()) >= self.narrow:
                self._aside[key] = cluster
                continue
            self._aside.pop(key, None)
            self._busy[key] = cluster
            return key, self._triggers.pop(key)

    def done(self, key: AppKey) -> None:
        """The pass is over; a trigger that came meanwhile lines up now."""
        cluster = self._busy.pop(key, "")
        for waiting in [other for other, of in self._aside.items() if of == cluster]:
            del self._aside[waiting]
            self._line_up(waiting)
        if key in self._triggers:
            self._line_up(key)

    def drop(self, key: AppKey) -> None:
        """The application is gone."""
        self._triggers.pop(key, None)
        self._aside.pop(key, None)

    @property
    def at_rest(self) -> bool:
        """Whether nothing waits, and nothing is under way."""
        return not self._triggers and not self._busy

    def __contains__(self, key: AppKey) -> bool:
        """Whether a trigger of the application waits."""
        return key in self._triggers

    def __len__(self) -> int:
        """How many applications wait."""
        return len(self._triggers)

"""Fights over objects: where somebody changes things back every time, healing waits, and the application says who it is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from gitopsd.daemon.healing import QUIET, Healing
from gitopsd.model.app import AppKey
from gitopsd.model.record import Condition, Drift, DriftOutcome, SyncRecord


@dataclass(slots=True)
class Fights:
    """`look` asks for a pass over an application, `note` adds a condition to it or takes it away, `now` is monotonic."""

    look: Callable[[AppKey], None]
    note: Callable[[AppKey, Condition | None], object]
    now: Callable[[], float]
    _healing: Healing = field(default_factory=Healing)
    _looks: dict[AppKey, asyncio.TimerHandle] = field(default_factory=dict)
    _ends: dict[AppKey, asyncio.TimerHandle] = field(default_factory=dict)

    def passed(self, record: SyncRecord) -> None:
        """A pass is over. What it healed once too often is a fight, until nothing has been healed for a while."""
        healed = [drift for drift in record.drifts if drift.outcome is DriftOutcome.HEALED]
        if not healed:
            return
        key, now = record.app, self.now()
        self._healing.healed(key, now)
        if pause := self._healing.pause(key, now):
            self.note(key, contested(healed, pause))
            self._later(self._ends, key, pause + QUIET, self._over)

    def holds(self, key: AppKey) -> bool:
        """Whether what a watch tells of the application has to wait; it is looked at when the pause is over."""
        pause = self._healing.pause(key, self.now())
        if pause and key not in self._looks:
            self._later(self._looks, key, pause, self._go_on)
        return bool(pause)

    def forget(self, key: AppKey) -> None:
        """The application is gone."""
        self._healing.forget(key)
        for timers in (self._looks, self._ends):
            if timer := timers.pop(key, None):
                timer.cancel()

    def end(self) -> None:
        """The daemon is about to end: nobody is looked at any more."""
        for key in {*self._looks, *self._ends}:
            self.forget(key)

    def _go_on(self, key: AppKey) -> None:
        del self._looks[key]
        self.look(key)

    def _over(self, key: AppKey) -> None:
        del self._ends[key]
        self.note(key, None)

    def _later(
        self, timers: dict[AppKey, asyncio.TimerHandle], key: AppKey, seconds: float, call: Callable[[AppKey], None]
    ) -> None:
        if timer := timers.pop(key, None):
            timer.cancel()
        timers[key] = asyncio.get_running_loop().call_later(seconds, call, key)


def contested(healed: Sequence[Drift], pause: float) -> Condition:
    """Who changes what back, as the server's record of field managers has it."""
    first = healed[0]
    who = f"{first.change.manager} ({first.change.operation})" if first.change.manager else "somebody who deletes it"
    what = f"{first.ref} {first.change.field}".rstrip()
    others = sorted({drift.change.manager for drift in healed if drift.change.manager} - {first.change.manager})
    more = f", and so do {', '.join(others)}" if others else ""
    return Condition(
        "ContestedResourceWarning",
        f"{who} changes {what} back each time that it is healed{more}; healing now waits {pause:g} s. Have it stopped, "
        "or leave the field to it: take it out of Git, or name it in ignoreDifferences",
    )

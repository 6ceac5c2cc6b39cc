"""Fights: that they pause, what they say, and that they end."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime

from gitopsd.daemon.fights import Fights, contested
from gitopsd.daemon.healing import FREE
from gitopsd.model.app import AppKey
from gitopsd.model.plan import FieldChange
from gitopsd.model.record import Condition, Drift, DriftOutcome, Phase, SyncRecord, Trigger, TriggerKind
from gitopsd.model.refs import ObjectRef

KEY = AppKey("argocd", "shop")
NOW = datetime(2026, 1, 2, tzinfo=UTC)
REF = ObjectRef("apps", "Deployment", "web", "api")


def drift(manager: str, field_name: str = "spec.replicas", outcome: DriftOutcome = DriftOutcome.HEALED) -> Drift:
    """A drift by this manager."""
    operation = "Update" if manager else "Delete"
    return Drift(KEY, REF, FieldChange(field_name, 9, 2, manager, operation, ""), NOW, outcome)


def record(*drifts: Drift) -> SyncRecord:
    """The record of a pass that saw them."""
    return SyncRecord(KEY, Trigger(TriggerKind.WATCH), Phase.SUCCEEDED, "", NOW, drifts=drifts)


@dataclass(slots=True)
class Told:
    """Who is told."""

    conditions: list[Condition | None] = field(default_factory=list)
    looks: list[AppKey] = field(default_factory=list)
    moment: float = 0.0

    def fights(self) -> Fights:
        return Fights(self.looks.append, lambda _, condition: self.conditions.append(condition), lambda: self.moment)


async def test_who_changes_things_back_is_named() -> None:
    """From the heal on that is one too many, until it has been quiet for a while; drift that is not healed is no fight."""
    told = Told()
    fights = told.fights()
    for _ in range(FREE - 1):
        fights.passed(record(drift("hpa")))
        fights.passed(record(drift("hpa", outcome=DriftOutcome.REPORTED)))
    assert (told.conditions, fights.holds(KEY)) == ([], False)
    fights.passed(record(drift("hpa")))
    (condition,) = told.conditions
    assert condition is not None
    assert condition.message.startswith(
        "hpa (Update) changes Deployment/web/api spec.replicas back each time that it is healed; healing now waits 2 s."
    )
    assert fights.holds(KEY)
    assert fights.holds(KEY)
    assert len(fights._looks) == 1
    fights._go_on(KEY)
    fights._over(KEY)
    assert (told.looks, told.conditions[-1]) == ([KEY], None)


async def test_an_application_that_is_gone_leaves_no_timer() -> None:
    """Neither a look nor the end of the fight comes any more."""
    told = Told()
    fights = told.fights()
    for _ in range(FREE):
        fights.passed(record(drift("hpa")))
    fights.holds(KEY)
    timers = [*fights._looks.values(), *fights._ends.values()]
    fights.forget(KEY)
    await asyncio.sleep(0)
    assert [timer.cancelled() for timer in timers] == [True, True]
    assert not fights.holds(KEY)


def test_several_are_all_named() -> None:
    """And who deletes an object has no name in it."""
    message = contested([drift("one"), drift("two", "spec.paused"), drift("one")], 6).message
    assert "back each time that it is healed, and so do two; healing now waits 6 s" in message
    assert contested([drift("", "")], 2).message.startswith("somebody who deletes it changes Deployment/web/api back")

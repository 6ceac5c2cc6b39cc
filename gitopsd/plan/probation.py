"""Whether what a sync brought is good, and where to go back to if it is not.

A revision is known by what it renders to (`desired_digest`): commits that change nothing of an application are the same revision.
It came with the first of the newest attempts that were for it; from then on it is on probation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise, takewhile

from gitopsd.model.analysis import Verdict
from gitopsd.model.app import App
from gitopsd.model.health import HealthStatus
from gitopsd.model.record import UNHEALTHY, Condition, Phase, SyncRecord, SyncStatus, TriggerKind


@dataclass(frozen=True, slots=True)
class Good:
    """The revision has been seen Synced and Healthy; `proven` is the record of the sync that is to say so."""

    proven: SyncRecord


@dataclass(frozen=True, slots=True)
class Due:
    """The revision is Synced and Healthy, and has not been analysed since the sync `of` brought it."""

    of: SyncRecord


@dataclass(frozen=True, slots=True)
class Bad:
    """The revision is to be left, for `reason`, to what the sync `back` brought; there may be none."""

    reason: str
    back: SyncRecord | None


def judge(app: App, seen: SyncRecord, attempts: Sequence[SyncRecord], now: datetime) -> Good | Due | Bad | None:
    """What the pass `seen` says of the revision that is live; None where it says nothing new.

    A sync that is just over may find Degraded what its controllers have not looked at yet, so the next look tells.
    `attempts` are the application's recorded syncs, newest first. Whoever is pinned stays where the pin is, so an old revision
    that is bad too is not left again.
    """
    tries = tried(seen, attempts)
    if not tries or app.standing.pinned or app.suspension:
        return None
    came = tries[-1].finished or tries[-1].started
    in_time = app.settings.probation and now - came <= timedelta(seconds=app.settings.probation)
    if reason := (_failure(seen) if in_time else "") or _failed_analysis(tries):
        return Bad(f"{seen.revision[:10]} {reason}", last_good(attempts))
    if seen.sync is SyncStatus.SYNCED and seen.health.status is HealthStatus.HEALTHY and tries[0].phase is Phase.SUCCEEDED:
        return _settled(app, tries)
    return None


def _settled(app: App, tries: Sequence[SyncRecord]) -> Good | Due | None:
    if app.settings.analysis and not any(map(_analysed, tries)):
        return Due(tries[0])
    return None if is_good(tries[0]) else Good(tries[0])


def tried(seen: SyncRecord, attempts: Sequence[SyncRecord]) -> tuple[SyncRecord, ...]:
    """The newest attempts, as far as all of them were for the revision that was seen; newest first."""
    return tuple(takewhile(lambda attempt: attempt.desired_digest == seen.desired_digest != "", attempts))


def is_good(attempt: SyncRecord) -> bool:
    """Whether a sync brought what was then seen Synced and Healthy."""
    well = attempt.phase is Phase.SUCCEEDED and attempt.health.status is HealthStatus.HEALTHY
    return well and _analysed(attempt) is not Verdict.FAILED


def condition_of(verdict: Verdict, message: str) -> Condition:
    """How the record of a sync says what its analysis came to."""
    return Condition(f"Analysis{verdict}", message)


def _failed_analysis(tries: Sequence[SyncRecord]) -> str:
    failed = condition_of(Verdict.FAILED, "").type
    said = (condition.message for attempt in tries for condition in attempt.conditions if condition.type == failed)
    return next((f"failed its analysis: {message}" for message in said), "")


def _analysed(attempt: SyncRecord) -> Verdict | None:
    said = {condition.type for condition in attempt.conditions}
    return next((verdict for verdict in Verdict if f"Analysis{verdict}" in said), None)


def last_good(attempts: Sequence[SyncRecord]) -> SyncRecord | None:
    """The newest good sync of another revision than the newest attempt's; none that was left before is gone back to."""
    left = {attempts[0].desired_digest}
    for newer, older in pairwise(attempts):
        if newer.trigger.kind is TriggerKind.RETURN:
            left.add(older.desired_digest)
        if is_good(older) and older.desired_digest not in left:
            return older
    return None


def _failure(seen: SyncRecord) -> str:
    """Why it is bad, as a clause."""
    if seen.health.status is HealthStatus.DEGRADED and not seen.attempted:
        return f"became Degraded: {seen.health.message}"
    gate = next((condition.message for condition in seen.conditions if condition.type == UNHEALTHY), "")
    return f"did not become healthy: {gate}" if gate else ""

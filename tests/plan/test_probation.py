"""Whether what a sync brought is good, and where to go back to."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gitopsd.model.app import App, AppSettings
from gitopsd.model.health import Health, HealthStatus
from gitopsd.model.record import UNHEALTHY, Condition, Phase, SyncRecord, SyncStatus, Trigger, TriggerKind
from gitopsd.model.source import Commit
from gitopsd.model.standing import ITSELF, Pinned, Standing, Suspended
from gitopsd.plan.probation import Bad, Good, judge
from tests.plan.builders import app

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HEALTHY, PROGRESSING = Health(HealthStatus.HEALTHY), Health(HealthStatus.PROGRESSING, "1 of 2")
DEGRADED = Health(HealthStatus.DEGRADED, "Deployment/web/api: no image")
WATCHED = app(prune=True, own=AppSettings(probation=600))


def sync(digest: str, health: Health = HEALTHY, *, kind: TriggerKind = TriggerKind.POLL, **changes: Any) -> SyncRecord:
    """A sync of the render `digest`, whose commit has its name."""
    record = SyncRecord(
        app=WATCHED.key,
        trigger=Trigger(kind),
        phase=Phase.SUCCEEDED,
        message="",
        started=NOW,
        finished=NOW,
        id=digest,
        attempted=True,
        commits=(Commit(digest),),
        desired_digest=digest,
        sync=SyncStatus.SYNCED,
        health=health,
    )
    return replace(record, **changes)


def look(digest: str, health: Health, **changes: Any) -> SyncRecord:
    """A pass that only looked."""
    return sync(digest, health, attempted=False, id="", **changes)


def test_degraded_in_time_goes_back_to_the_last_good() -> None:
    """The reason names the commit and what is wrong; the sync gone back to is the newest one that was Synced and Healthy."""
    attempts = [sync("c", PROGRESSING), sync("b", DEGRADED), sync("a")]
    assert judge(WATCHED, look("c", DEGRADED), attempts, NOW) == Bad(
        "c became Degraded: Deployment/web/api: no image", attempts[2]
    )


@pytest.mark.parametrize(("after", "goes"), [(600, True), (601, False)])
def test_time_runs_from_the_sync_that_brought_it(after: float, goes: bool) -> None:
    """Later heals of the same revision don't begin it anew."""
    healed = sync("b", finished=NOW + timedelta(seconds=500))
    verdict = judge(WATCHED, look("b", DEGRADED), [healed, sync("b"), sync("a")], NOW + timedelta(seconds=after))
    assert isinstance(verdict, Bad) is goes


def test_a_failed_health_gate_is_enough() -> None:
    """What does not become healthy in its time need not be Degraded."""
    failed = sync("b", PROGRESSING, phase=Phase.FAILED, conditions=(Condition(UNHEALTHY, "the next wave waits in vain"),))
    verdict = judge(WATCHED, failed, [failed, sync("a")], NOW)
    assert verdict == Bad("b did not become healthy: the next wave waits in vain", sync("a"))


def test_any_other_failure_is_not() -> None:
    """A refused preflight has written nothing: what is live is the old revision."""
    failed = sync("b", PROGRESSING, phase=Phase.FAILED)
    assert judge(WATCHED, failed, [failed, sync("a")], NOW) is None


def test_a_sync_that_has_just_ended_degraded_is_not_judged_yet() -> None:
    """Its objects may still have the status of the old revision."""
    assert judge(WATCHED, sync("b", DEGRADED), [sync("b", DEGRADED), sync("a")], NOW) is None


def test_what_has_become_healthy_is_good_once() -> None:
    """A sync ends before its last wave is healthy, so its record is to say so later."""
    tried = sync("b", PROGRESSING)
    assert judge(WATCHED, look("b", HEALTHY), [tried, sync("a")], NOW) == Good(tried)
    assert judge(WATCHED, look("b", HEALTHY), [sync("b"), sync("a")], NOW) is None


@pytest.mark.parametrize(
    "of",
    [
        replace(WATCHED, standing=Standing(pinned=Pinned(by=ITSELF, since=NOW, revisions=("a",), tracked=("b",)))),
        replace(WATCHED, standing=Standing(suspended=Suspended(by="ann", since=NOW))),
        app(prune=True),
    ],
    ids=["pinned", "suspended", "not asked for"],
)
def test_where_it_stays(of: App) -> None:
    """A pin is not left, that of an earlier return neither, so there is no loop; nothing is written where suspended."""
    assert judge(of, look("b", DEGRADED), [sync("b"), sync("a")], NOW + timedelta(seconds=1)) is None


def test_what_was_left_once_is_never_gone_back_to() -> None:
    """Though it was Healthy at first."""
    attempts = [sync("d"), sync("a", PROGRESSING, kind=TriggerKind.RETURN), sync("c"), sync("a")]
    assert judge(WATCHED, look("d", DEGRADED), attempts, NOW) == Bad(
        "d became Degraded: Deployment/web/api: no image", attempts[3]
    )


def test_nothing_to_go_back_to() -> None:
    """The first revision of all may be bad; a revision that no sync brought is none of ours."""
    assert judge(WATCHED, look("a", DEGRADED), [sync("a")], NOW) == Bad("a became Degraded: Deployment/web/api: no image", None)
    assert judge(WATCHED, look("b", DEGRADED), [sync("a")], NOW) is None

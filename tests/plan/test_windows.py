from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitopsd.config import ConfigErrors
from gitopsd.model.app import App
from gitopsd.model.project import Target
from gitopsd.model.record import Trigger, TriggerKind
from gitopsd.plan.policy import Decision, within_windows
from gitopsd.plan.windows import Permit, assess, open_until
from tests.plan.builders import app
from tests.plan.test_confine import HERE, project

NIGHT = {"schedule": "0 22 * * *", "duration": "8h", "applications": ["*"]}
DAY = {"schedule": "0 8 * * *", "duration": "8h", "applications": ["*"]}
MIDNIGHT = datetime(2026, 3, 2, 0, 0, tzinfo=UTC)
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def under(*windows: dict[str, Any], namespace: str = "web") -> App:
    """The application `shop` in a project with these windows."""
    return replace(app(namespace=namespace), project=project(syncWindows=list(windows)))


def deny(window: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The window, denying."""
    return window | {"kind": "deny"} | more


def allow(window: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The window, permitting."""
    return window | {"kind": "allow"} | more


@pytest.mark.parametrize(
    ("windows", "now", "automatic", "manual"),
    [
        ([], NOON, True, True),
        ([deny(NIGHT)], NOON, True, True),
        ([deny(NIGHT)], MIDNIGHT, False, False),
        ([deny(NIGHT, manualSync=True)], MIDNIGHT, False, True),
        ([deny(NIGHT, manualSync=True), deny(NIGHT)], MIDNIGHT, False, False),
        ([deny(NIGHT), allow(NIGHT)], MIDNIGHT, False, False),
        ([allow(DAY)], NOON, True, True),
        ([allow(DAY)], MIDNIGHT, False, False),
        ([allow(DAY, manualSync=True)], MIDNIGHT, False, True),
        ([allow(DAY), allow(NIGHT)], MIDNIGHT, True, True),
        ([allow(DAY), deny(NIGHT)], NOON, True, True),
    ],
)
def test_windows(windows: list[dict[str, Any]], now: datetime, automatic: bool, manual: bool) -> None:
    """Open denials forbid, open permissions permit, closed permissions forbid; a person may where each that forbids lets them."""
    standing = assess(under(*windows), HERE, now)
    assert (standing.automatic, standing.manual) == (automatic, manual)


def test_reasons() -> None:
    """A reason names the window, its project, and when it is over."""
    assert assess(under(deny(NIGHT, timeZone="Europe/Berlin")), HERE, MIDNIGHT).reason == (
        'the deny window "0 22 * * *" Europe/Berlin of project default denies syncs until 2026-03-02 05:00 UTC'
    )
    assert assess(under(allow(DAY)), HERE, MIDNIGHT).reason == (
        'the allow window "0 8 * * *" of project default allows syncs from 2026-03-02 08:00 UTC on'
    )


@pytest.mark.parametrize(
    ("selection", "concerned"),
    [
        ({"applications": ["sh*"]}, True),
        ({"applications": ["other"]}, False),
        ({"applications": ["other"], "namespaces": ["web"]}, True),
        ({"applications": ["other"], "namespaces": ["web"], "andOperator": True}, False),
        ({"applications": ["shop"], "clusters": ["in-cluster"], "andOperator": True}, True),
        ({"clusters": ["https://kubernetes.default.svc"]}, True),
        ({}, False),
    ],
)
def test_whom_a_window_concerns(selection: dict[str, Any], concerned: bool) -> None:
    """One of the lists has to select the application, or with andOperator all of those that are there."""
    window = {"kind": "deny", "schedule": "* * * * *", "duration": "1h"} | selection
    assert assess(under(window), HERE, NOON).automatic is not concerned


def test_time_zones_and_daylight_saving() -> None:
    """A window opens by the clock on the wall: in Berlin at 22:00, an hour earlier in UTC once summer begins (2026-03-29)."""
    (window,) = project(syncWindows=[deny(NIGHT, timeZone="Europe/Berlin", duration="1h")]).spec.sync_windows
    assert open_until(window, datetime(2026, 3, 28, 21, 30, tzinfo=UTC)) == datetime(2026, 3, 28, 22, 0, tzinfo=UTC)
    assert open_until(window, datetime(2026, 3, 29, 21, 30, tzinfo=UTC)) is None
    assert open_until(window, datetime(2026, 3, 29, 20, 30, tzinfo=UTC)) == datetime(2026, 3, 29, 21, 0, tzinfo=UTC)


@given(st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)), st.integers(1, 3000))  # noqa: DTZ001 - UTC below
def test_open_means_opened_less_than_its_duration_ago(moment: datetime, minutes: int) -> None:
    """A window is open from a full hour on for its duration; where it opens again before that, the last time counts."""
    now = moment.replace(tzinfo=UTC)
    (window,) = project(syncWindows=[deny(NIGHT, schedule="@hourly", duration=f"{minutes}m")]).spec.sync_windows
    until = open_until(window, now)
    since_hour = timedelta(minutes=now.minute, seconds=now.second, microseconds=now.microsecond)
    assert (until is not None) is (since_hour < timedelta(minutes=minutes))
    assert until is None or until == now - since_hour + timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("window", "complaint"),
    [
        ({"schedule": "0 25 * * *"}, "spec.syncWindows[0].schedule: is no cron schedule: bad hour"),
        ({"duration": "8"}, "spec.syncWindows[0].duration: is no duration"),
        ({"timeZone": "Mars/Olympus"}, "spec.syncWindows[0].timeZone: is no time zone"),
        ({"kind": "maybe"}, "spec.syncWindows[0].kind: must be allow or deny"),
    ],
)
def test_windows_that_can_not_be_read(window: dict[str, Any], complaint: str) -> None:
    """A window that would never do what it says is an error."""
    with pytest.raises(ConfigErrors, match=complaint.replace("[", r"\[")):
        under(deny(NIGHT) | window)


def test_what_is_held() -> None:
    """A window changes nothing about a decision not to sync, and says why it holds another one."""
    closed = Permit(automatic=False, manual=True, reason="closed")
    poll, manual = Trigger(TriggerKind.POLL), Trigger(TriggerKind.MANUAL)
    wanted, idle = Decision(sync=True, reason="Git has moved"), Decision(sync=False, reason="nothing to do")
    assert within_windows(wanted, poll, closed) == Decision(sync=False, reason="closed", held=True)
    assert within_windows(wanted, manual, closed) == wanted
    assert within_windows(idle, poll, closed) == idle
    assert assess(under(), Target(), NOON) == Permit()

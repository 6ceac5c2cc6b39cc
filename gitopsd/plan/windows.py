"""Sync windows: whether a project lets an application be synced now.

The rules are Argo CD's (https://argo-cd.readthedocs.io/en/stable/user-guide/sync_windows/): an open deny window forbids;
otherwise an open allow window permits; otherwise allow windows that are closed forbid; otherwise nothing does. A person may
sync all the same where every window that forbids it has `manualSync`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from gitopsd.formats.durations import parse_duration
from gitopsd.formats.glob import glob
from gitopsd.model.app import App
from gitopsd.model.project import SyncWindow, Target

_NAMED = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}


@dataclass(frozen=True, slots=True)
class Permit:
    """Whether an application may be synced, by itself and by a person; `reason` says why not: a sentence, for the former."""

    automatic: bool = True
    manual: bool = True
    reason: str = ""


def assess(app: App, target: Target, now: datetime) -> Permit:
    """How the application stands with its project's windows at `now`."""
    project = app.project
    windows = [window for window in project.spec.sync_windows if concerns(window, app, target)] if project else []
    forbidding = [(window, until) for window in windows if window.kind == "deny" and (until := open_until(window, now))]
    if forbidding:
        window, until = max(forbidding, key=lambda pair: pair[1])
        reason = f"{_named(window, app)} denies syncs until {_time(until)}"
        return Permit(automatic=False, manual=all(window.manual_sync for window, _ in forbidding), reason=reason)
    allowing = [window for window in windows if window.kind == "allow"]
    if not allowing or any(open_until(window, now) for window in allowing):
        return Permit()
    opens = [(opening, window) for window in allowing if (opening := _next(window, now))]
    first = min(opens, key=lambda pair: pair[0]) if opens else None
    reason = f"{_named(first[1], app)} allows syncs from {_time(first[0])} on" if first else "no sync window ever opens"
    return Permit(automatic=False, manual=all(window.manual_sync for window in allowing), reason=reason)


def concerns(window: SyncWindow, app: App, target: Target) -> bool:
    """Whether the window is for this application: by its name, its namespace of destination, or its cluster."""
    selections = (
        (window.applications, (app.key.name,)),
        (window.namespaces, (app.spec.destination.namespace,)),
        (window.clusters, (target.server, target.name)),
    )
    given = [any(glob(one).fullmatch(value) for one in globs for value in values) for globs, values in selections if globs]
    return bool(given) and (all(given) if window.and_operator else any(given))


def open_until(window: SyncWindow, now: datetime) -> datetime | None:
    """When the window closes that opened last, None where it is not open: one may open again before it has closed."""
    local = (now.replace(microsecond=0) + timedelta(seconds=1)).astimezone(ZoneInfo(window.time_zone or "UTC"))
    opened = next(CronSim(_expression(window), local, reverse=True), None)  # the last one before that second
    closes = opened.astimezone(UTC) + parse_duration(window.duration) if opened else now
    return closes if closes > now else None


def window_problem(window: SyncWindow) -> tuple[str, str] | None:
    """The field of a window that can't be read, and why."""
    if window.kind not in ("allow", "deny"):
        return "kind", "must be allow or deny"
    try:
        parse_duration(window.duration)
    except ValueError as error:
        return "duration", str(error)
    try:
        ZoneInfo(window.time_zone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return "timeZone", "is no time zone: write a name such as Europe/Berlin"
    try:
        CronSim(_expression(window), datetime(2026, 1, 1, tzinfo=UTC))
    except CronSimError as error:
        return "schedule", f"is no cron schedule: {str(error)[:1].lower()}{str(error)[1:]}"
    return None


def _next(window: SyncWindow, after: datetime) -> datetime | None:
    """When the window opens next, later than `after`."""
    found = next(CronSim(_expression(window), after.astimezone(ZoneInfo(window.time_zone or "UTC"))), None)
    return found.astimezone(UTC) if found else None


def _expression(window: SyncWindow) -> str:
    return _NAMED.get(window.schedule.strip(), window.schedule.replace("?", "*"))


def _named(window: SyncWindow, app: App) -> str:
    zone = f" {window.time_zone}" if window.time_zone not in ("", "UTC") else ""
    return f'the {window.kind} window "{window.schedule}"{zone} of project {app.spec.project}'


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M UTC")

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, func, select

from gitopsd.history import Retention, store
from gitopsd.history.retention import BATCH, DRIFTS_FOR_EACH_RECORD, trim_age, trim_apps
from gitopsd.history.tables import results
from gitopsd.model.app import AppKey
from gitopsd.model.plan import Action, FieldChange
from gitopsd.model.record import (
    Drift,
    DriftOutcome,
    ObjectResult,
    Phase,
    ResultStatus,
    SyncRecord,
    SyncStatus,
    Trigger,
    TriggerKind,
)
from gitopsd.model.refs import ObjectRef

NOW = datetime(2026, 3, 1, tzinfo=UTC)
APP, OTHER = AppKey("argocd", "web"), AppKey("argocd", "other")
REF = ObjectRef("", "ConfigMap", "web", "c")
RESULT = ObjectResult(REF, Action.CREATE, ResultStatus.SYNCED)


def stored(connection: Connection, phase: Phase = Phase.FAILED, days: int = 0, app: AppKey = APP) -> SyncRecord:
    """An attempt of so many days ago."""
    finished = None if phase is Phase.RUNNING else NOW - timedelta(days=days)
    trigger = Trigger(TriggerKind.POLL)
    record = SyncRecord(app, trigger, phase, "", NOW, finished, attempted=True, desired_digest="d", results=(RESULT,))
    return store.store_records(connection, [record])[0]


def left(connection: Connection, app: AppKey | None = None) -> list[str]:
    """The ids that are left, newest first."""
    return [record.id for record in store.record_page(connection, app, 1000, None).items]


def test_count(connection: Connection) -> None:
    """The newest records of an application stay, each with its results; other applications are not touched."""
    other = stored(connection, app=OTHER)
    ids = [stored(connection).id for _ in range(7)]
    assert trim_apps(connection, [APP], Retention(count=3)) == 4
    assert left(connection, APP) == ids[:3:-1]
    assert left(connection, OTHER) == [other.id]
    assert connection.scalar(select(func.count()).select_from(results)) == 4


def test_count_of_each(connection: Connection) -> None:
    """Of several applications at once each has its own count, and its own newest success."""
    success = stored(connection, Phase.SUCCEEDED)
    ids = [stored(connection, app=app).id for _ in range(4) for app in (APP, OTHER)]
    assert trim_apps(connection, [APP, OTHER], Retention(count=2)) == 4
    assert left(connection) == [*ids[:3:-1], success.id]


def test_newest_success_outlives_count_and_age(connection: Connection) -> None:
    """However many failures came after it, and however long ago it was: it is what to go back to."""
    stored(connection, Phase.SUCCEEDED, days=400)
    success = stored(connection, Phase.SUCCEEDED, days=300)
    failures = [stored(connection, days=200).id for _ in range(5)]
    trim_apps(connection, [APP], Retention(count=2))
    assert left(connection) == [failures[4], failures[3], success.id]
    trim_age(connection, Retention(age=timedelta(days=30)), NOW)
    assert left(connection) == [success.id]


def test_sync_under_way_is_never_deleted(connection: Connection) -> None:
    """A Running record is the trace of a crash; it goes when it is closed."""
    running = stored(connection, Phase.RUNNING)
    for _ in range(3):
        stored(connection)
    trim_apps(connection, [APP], Retention(count=1))
    assert running.id in left(connection)


def test_age(connection: Connection) -> None:
    """What is older than the age goes, of all applications."""
    kept = stored(connection, days=9)
    stored(connection, days=11)
    stored(connection, days=11, app=OTHER)
    assert trim_age(connection, Retention(age=timedelta(days=10)), NOW) == 2
    assert left(connection) == [kept.id]


def test_batches(connection: Connection) -> None:
    """One pass deletes a bounded number of rows; the next ones the rest."""
    for _ in range(BATCH + 10):
        stored(connection, days=11)
    assert trim_age(connection, Retention(age=timedelta(days=10)), NOW) == BATCH
    assert trim_age(connection, Retention(age=timedelta(days=10)), NOW) == 10


def test_closed_drift_goes_by_count_and_age_and_open_drift_stays(connection: Connection) -> None:
    """Drift that is over is kept by the same rule; drift that is open is a fact, not history."""
    drifts = [Drift(APP, REF, FieldChange("data.a", number, 0), NOW, DriftOutcome.REPORTED) for number in range(15)]
    for drift in drifts:
        looked = SyncRecord(
            APP, Trigger(TriggerKind.WATCH), Phase.SUCCEEDED, "", NOW, NOW, sync=SyncStatus.OUT_OF_SYNC, drifts=(drift,)
        )
        store.store_drifts(connection, {APP: looked})
    trim_apps(connection, [APP], Retention(count=1))
    assert len(store.drift_page(connection, APP, 1000, None).items) == DRIFTS_FOR_EACH_RECORD + 1
    trim_age(connection, Retention(age=timedelta(days=1)), NOW + timedelta(days=2))
    (open_drift,) = store.drift_page(connection, APP, 1000, None).items
    assert open_drift == drifts[-1]

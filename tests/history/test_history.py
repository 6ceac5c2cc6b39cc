from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from gitopsd.history import History, Retention
from gitopsd.model.app import AppKey
from gitopsd.model.errors import StorageError
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
from tests.fakes_history import FakeClock

CLOCK = FakeClock()
APP = AppKey("argocd", "web")
RECORD = SyncRecord(
    APP, Trigger(TriggerKind.POLL), Phase.SUCCEEDED, "", CLOCK.now(), CLOCK.now(), attempted=True, desired_digest="d",
    sync=SyncStatus.SYNCED,
)  # fmt: skip
DRIFT = Drift(
    APP, ObjectRef("apps", "Deployment", "web", "api"), FieldChange("spec.replicas", 1, 2), CLOCK.now(), DriftOutcome.REPORTED
)


async def open_history(url: str, retention: Retention | None = None) -> History:
    """The history at a URL."""
    return await History.open(url, CLOCK, retention)


async def test_history_survives_a_restart(url: str) -> None:
    """What was recorded is there after the next start, ids go on counting, and open drift is still known to be open."""
    history = await open_history(url)
    first = await history.record(replace(RECORD, drifts=(DRIFT,), sync=SyncStatus.OUT_OF_SYNC))
    await history.close()
    history = await open_history(url)
    assert await history.last(APP) == replace(first, drifts=())
    await history.record(replace(RECORD, attempted=False))
    assert [drift.until for drift in await history.drifts(APP)] == [CLOCK.now()]
    assert int((await history.record(RECORD)).id) > int(first.id)
    await history.close()


async def test_drifts_told_of_at_once(url: str) -> None:
    """Those of several applications are stored together, those of one in their order."""
    history = await open_history(url)
    other = AppKey("argocd", "other")
    drifts = replace(RECORD, drifts=(DRIFT,), sync=SyncStatus.OUT_OF_SYNC)
    theirs = replace(drifts, app=other, drifts=(replace(DRIFT, app=other),))
    later = replace(drifts, drifts=(replace(DRIFT, change=FieldChange("data.other", 1, 2)),))
    await asyncio.gather(*map(history.record, (drifts, theirs, later)))
    assert [drift.until for drift in await history.drifts(RECORD.app)] == [None, CLOCK.now()]
    assert [drift.until for drift in await history.drifts(other)] == [None]
    await history.close()


async def test_retention_is_kept_up_as_records_come(url: str) -> None:
    """Nobody has to ask for it."""
    history = await open_history(url, Retention(count=3, age=timedelta(days=1)))
    for _ in range(6):
        await history.record(RECORD)
    assert len((await history.page(APP)).items) == 3
    await history.close()


async def test_one_that_cannot_be_stored_does_not_keep_others_from_it(url: str) -> None:
    """Records that come at once are stored together; the one that is at fault fails alone."""
    history = await open_history(url)
    broken = ObjectResult(DRIFT.ref, Action.CONFIGURE, ResultStatus.SYNCED, changes=(FieldChange("data.key", object()),))
    many = [replace(RECORD, app=AppKey("argocd", f"a{number}")) for number in range(5)]
    many[2] = replace(many[2], results=(broken,))
    stored = await asyncio.gather(*(history.record(record) for record in many), return_exceptions=True)
    assert isinstance(stored.pop(2), TypeError)
    assert sorted((await history.page(None)).items, key=lambda record: record.app) == stored
    await history.close()


async def test_ids_are_never_given_twice(url: str) -> None:
    """A record that retention deletes does not leave its id to another."""
    history = await open_history(url, Retention(count=1))
    ids = [(await history.record(replace(RECORD, app=AppKey("argocd", name)))).id for name in "aab"]
    assert len(set(ids)) == 3
    await history.close()


async def test_loop_goes_on_while_the_database_is_slow(url: str) -> None:
    """Nothing is asked of the database on the event loop's thread: it runs while the database's thread is held up."""
    history = await open_history(url)
    held = threading.Event()
    history._thread.submit(held.wait)
    recording = asyncio.create_task(history.record(RECORD))
    await asyncio.sleep(0)
    assert not recording.done()
    held.set()
    assert (await recording).id
    await history.close()


async def test_records_keep_their_order(url: str) -> None:
    """What is asked for at the same time is stored in the order in which it was asked for."""
    history = await open_history(url)
    stored = await asyncio.gather(*(history.record(replace(RECORD, message=str(number))) for number in range(20)))
    assert [record.message for record in sorted(stored, key=lambda record: int(record.id))] == [
        str(number) for number in range(20)
    ]
    await history.close()


async def test_close_waits_for_what_is_under_way(url: str) -> None:
    """A record that was asked for before the end is stored."""
    history = await open_history(url)
    recording = asyncio.create_task(history.record(RECORD))
    await asyncio.sleep(0)
    await history.close()
    assert (await recording).id


async def test_failure_is_a_storage_error_and_not_the_end(tmp_path: Path) -> None:
    """A database that fails raises StorageError; when it works again, so does the history."""
    history = await open_history(f"sqlite:{tmp_path}/history.db")
    (tmp_path / "history.db").rename(tmp_path / "away")
    (tmp_path / "history.db").mkdir()
    history._database.engine.dispose()
    with pytest.raises(StorageError, match=r"history\.db: it can't be opened"):
        await history.record(RECORD)
    with pytest.raises(StorageError):
        await history.check()
    (tmp_path / "history.db").rmdir()
    (tmp_path / "away").rename(tmp_path / "history.db")
    assert (await history.record(RECORD)).id
    await history.close()


async def test_the_end_of_a_sync_that_could_not_be_stored_is_stored_later(tmp_path: Path) -> None:
    """What is recorded of the failure itself does not take its place."""
    history = await open_history(f"sqlite:{tmp_path}/history.db")
    begun = await history.begin(replace(RECORD, phase=Phase.RUNNING, finished=None))
    ended = replace(RECORD, id=begun.id, message="2 objects configured", results=())
    (tmp_path / "history.db").rename(tmp_path / "away")
    (tmp_path / "history.db").mkdir()
    history._database.engine.dispose()
    for record in (ended, replace(ended, phase=Phase.ERROR, message="the database failed")):
        with pytest.raises(StorageError):
            await history.record(record)
    (tmp_path / "history.db").rmdir()
    (tmp_path / "away").rename(tmp_path / "history.db")
    await history.check()
    assert await history.get(begun.id) == ended
    assert await history.interrupted() == ()
    await history.close()


async def test_pass_without_news_asks_nothing_of_the_database(tmp_path: Path) -> None:
    """A look at an application without open drift costs no query, even where the database is away."""
    history = await open_history(f"sqlite:{tmp_path}/history.db")
    history._database.engine.dispose()
    (tmp_path / "history.db").unlink()
    look = replace(RECORD, attempted=False)
    assert await history.record(look) is look
    assert not (tmp_path / "history.db").exists()
    await history.close()


async def test_database_that_can_t_be_opened_leaves_no_thread(tmp_path: Path) -> None:
    """A failed start ends its thread."""
    (tmp_path / "history.db").mkdir()
    before = threading.active_count()
    with pytest.raises(StorageError):
        await open_history(f"sqlite:{tmp_path}/history.db")
    for thread in threading.enumerate():
        if thread.name.startswith("history"):
            thread.join(10)
    assert threading.active_count() <= before

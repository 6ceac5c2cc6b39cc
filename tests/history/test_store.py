from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from gitopsd.history import store
from gitopsd.history.rows import LARGEST_VALUE
from gitopsd.history.tables import LONGEST_TEXT
from gitopsd.model.app import AppKey
from gitopsd.model.plan import Action, FieldChange
from gitopsd.model.record import ObjectResult, Phase, ResultStatus, SyncRecord, Trigger, TriggerKind
from gitopsd.model.refs import ObjectRef
from tests.history.strategies import apps, records

if TYPE_CHECKING:
    from sqlalchemy import Connection

NOW = datetime(2026, 3, 1, tzinfo=UTC)
RECORD = SyncRecord(AppKey("argocd", "web"), Trigger(TriggerKind.POLL), Phase.SUCCEEDED, "", NOW, NOW)


def put(connection: Connection, record: SyncRecord) -> SyncRecord:
    """Stores one record."""
    (stored,) = store.store_records(connection, [record])
    return stored


@given(record=records)
def test_what_is_recorded_is_what_is_read(shared: Connection, record: SyncRecord) -> None:
    """Every record comes back equal, values of fields and time zones of commits included."""
    with shared.begin() as transaction:
        stored = put(shared, record)
        read = store.get_record(shared, int(stored.id))
        transaction.rollback()
    assert read == stored
    assert [commit.time and commit.time.utcoffset() for commit in stored.commits] == [
        commit.time and commit.time.utcoffset() for commit in read.commits
    ]


@given(record=records, other=records)
def test_replaced_record_leaves_nothing_behind(shared: Connection, record: SyncRecord, other: SyncRecord) -> None:
    """A finished record stands in for its Running row whole: no result of the earlier one is left."""
    with shared.begin() as transaction:
        begun = put(shared, replace(record, phase=Phase.RUNNING))
        finished = put(shared, replace(other, id=begun.id))
        read = store.get_record(shared, int(begun.id))
        transaction.rollback()
    assert read == finished


@given(first=st.lists(records, max_size=4), then=st.lists(records, max_size=4), data=st.data())
def test_many_at_once_are_like_one_after_the_other(
    shared: Connection, first: list[SyncRecord], then: list[SyncRecord], data: st.DataObject
) -> None:
    """New records, finished ones over their rows, and ones whose row is gone: each has its own row, results and id afterwards."""
    with shared.begin() as transaction:
        begun = store.store_records(shared, [replace(record, phase=Phase.RUNNING) for record in first])
        gone = data.draw(st.sets(st.sampled_from([record.id for record in begun]))) if begun else set()
        store.delete_records(shared, map(int, gone))
        finished = [replace(record, message="over", phase=Phase.SUCCEEDED) for record in begun]
        stored = store.store_records(shared, data.draw(st.permutations([*finished, *then])))
        read = [store.get_record(shared, int(record.id)) for record in stored]
        transaction.rollback()
    assert read == stored
    assert len({record.id for record in stored}) == len(stored)
    assert {record.id for record in begun} - gone <= {record.id for record in stored}


@given(owners=st.lists(apps, max_size=12), wanted=st.none() | apps, limit=st.integers(1, 5), data=st.data())
def test_paging_never_loses_or_doubles(
    shared: Connection, owners: list[AppKey], wanted: AppKey | None, limit: int, data: st.DataObject
) -> None:
    """Page after page gives each record once, newest first, although others arrive in between."""
    with shared.begin() as transaction:
        stored = [put(shared, replace(RECORD, app=app)) for app in owners]
        seen: list[SyncRecord] = []
        before: int | None = None
        while True:
            page = store.record_page(shared, wanted, limit, before)
            seen += page.items
            if page.next is None:
                break
            before = int(page.next)
            for app in data.draw(st.lists(apps, max_size=2)):
                put(shared, replace(RECORD, app=app))
        transaction.rollback()
    assert seen == [record for record in reversed(stored) if wanted in (None, record.app)]


def test_hostile_text(connection: Connection) -> None:
    """Text that no database takes is made storable: NUL, half a surrogate pair, a megabyte."""
    hostile = replace(
        RECORD, message="a\0b\ud800c", warnings=("\0\ud800",), trigger=Trigger(TriggerKind.MANUAL, actor="x" * 10**6)
    )
    read = store.get_record(connection, int(put(connection, hostile).id))
    assert read is not None
    assert read.message == "a\N{REPLACEMENT CHARACTER}b?c"
    assert read.warnings == ("\0\ud800",)
    assert len(read.trigger.actor) == LONGEST_TEXT + 1


def test_large_values_are_kept_as_size_and_digest(connection: Connection) -> None:
    """A megabyte of ConfigMap is not history: its size and digest tell that it changed."""
    change = FieldChange("data.big", "x" * LARGEST_VALUE, "y" * 10)
    result = ObjectResult(ObjectRef("", "ConfigMap", "web", "big"), Action.CONFIGURE, ResultStatus.SYNCED, changes=(change,))
    stored = put(connection, replace(RECORD, results=(result,)))
    read = store.get_record(connection, int(stored.id))
    assert read is not None
    (kept,) = read.results[0].changes
    assert kept.before.startswith(f"(left out: {LARGEST_VALUE + 2} bytes, sha256 ")
    assert kept.after == "y" * 10


def test_interrupted_record_names_what_may_have_been_written(connection: Connection) -> None:
    """The message names the first objects of the plan, and counts the rest."""
    results = tuple(
        ObjectResult(ObjectRef("", "ConfigMap", "web", f"c{number}"), Action.CREATE, ResultStatus.PENDING) for number in range(12)
    )
    put(connection, replace(RECORD, phase=Phase.RUNNING, finished=None, results=results))
    (closed,) = store.close_running(connection, NOW, None)
    assert "May have been written: ConfigMap/web/c0, ConfigMap/web/c1" in closed.message
    assert closed.message.endswith("ConfigMap/web/c9, 2 more")


def test_row_that_retention_took_is_stored_anew(connection: Connection) -> None:
    """A record whose row is gone (a new database, say) is not lost."""
    stored = put(connection, replace(RECORD, id="12345"))
    assert store.get_record(connection, int(stored.id)) == stored

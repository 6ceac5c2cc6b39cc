"""What every history promises: the fake, SQLite, and PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

import pytest

from gitopsd.history import History
from gitopsd.model.app import AppKey
from gitopsd.model.health import Health, HealthStatus
from gitopsd.model.plan import Action, FieldChange
from gitopsd.model.receipt import Fingerprint, Receipt
from gitopsd.model.record import (
    Condition,
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
from gitopsd.model.source import Commit
from gitopsd.model.standing import Pinned, Standing, Suspended
from gitopsd.ports import HistoryPort, HistoryQueries, ReceiptBook
from tests.fakes_history import FakeClock, FakeHistory

CLOCK = FakeClock()
NOW = CLOCK.now()
APP = AppKey("argocd", "web")
OTHER = AppKey("argocd", "other")
DEPLOYMENT = ObjectRef("apps", "Deployment", "web", "api")


class AnyHistory(HistoryPort, HistoryQueries, ReceiptBook, Protocol):
    """All faces of a history."""


@pytest.fixture(params=["fake", "sqlite", "postgresql"])
async def history(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[AnyHistory]:
    """An empty history."""
    if request.param == "fake":
        yield FakeHistory()
        return
    kind: str = request.param
    url = f"sqlite://{tmp_path}/history.db" if kind == "sqlite" else request.getfixturevalue("postgres").database()
    history = await History.open(url, CLOCK)
    yield history
    await history.close()


def attempt(app: AppKey = APP, *, drifts: tuple[Drift, ...] = (), **changes: object) -> SyncRecord:
    """A successful sync that took a second."""
    record = SyncRecord(
        app=app,
        trigger=Trigger(TriggerKind.POLL),
        phase=Phase.SUCCEEDED,
        message="1 object configured",
        started=NOW,
        finished=NOW + timedelta(seconds=1),
        attempted=True,
        commits=(Commit("4f0c", "Ann", "ann@example.com", NOW, "api: 3 replicas"),),
        desired_digest="d1",
        plan_digest="p1",
        sync=SyncStatus.SYNCED,
        health=Health(HealthStatus.HEALTHY),
        stages={"fetch": 0.1, "apply": 0.5},
        results=(
            ObjectResult(DEPLOYMENT, Action.CONFIGURE, ResultStatus.SYNCED, "configured", (FieldChange("spec.replicas", 2, 3),)),
        ),
        drifts=drifts,
        conditions=(Condition("SyncError", "none really"),),
        warnings=("deprecated",),
    )
    return replace(record, **changes)  # type: ignore[arg-type]


def look(app: AppKey = APP, *, drifts: tuple[Drift, ...] = (), **changes: object) -> SyncRecord:
    """A pass that wrote nothing and that nobody asked for."""
    return attempt(app, drifts=drifts, **({"attempted": False, "results": ()} | changes))


def drifted(live: int = 5, outcome: DriftOutcome = DriftOutcome.REPORTED) -> Drift:
    """Somebody has scaled the Deployment."""
    return Drift(
        APP, DEPLOYMENT, FieldChange("spec.replicas", live, 3, "kubectl", "Update", "2026-03-01T11:00:00Z"), NOW, outcome
    )


async def test_record_is_read_as_it_was_stored(history: AnyHistory) -> None:
    """A record comes back whole, with the id that storing gave it."""
    stored = await history.record(attempt())
    assert stored.id
    assert await history.get(stored.id) == stored


async def test_record_is_completed_with_the_health_it_came_to(history: AnyHistory) -> None:
    """A sync ends when all is written; how that fares becomes known later, and all else of the record stays."""
    stored = await history.record(attempt(health=Health(HealthStatus.PROGRESSING, "1 of 3 replicas")))
    await history.complete(stored.id, Health(HealthStatus.HEALTHY))
    assert await history.get(stored.id) == replace(stored, health=Health(HealthStatus.HEALTHY))
    failed = Condition("AnalysisFailed", "error-rate")
    await history.complete(stored.id, Health(HealthStatus.HEALTHY), failed)
    assert await history.get(stored.id) == replace(
        stored, health=Health(HealthStatus.HEALTHY), conditions=(*stored.conditions, failed)
    )


async def test_running_record_is_finished_in_place(history: AnyHistory) -> None:
    """What `begin` stored is replaced by the finished record under the same id, results and all."""
    begun = await history.begin(attempt(phase=Phase.RUNNING, finished=None))
    finished = await history.record(replace(attempt(), id=begun.id, message="done"))
    assert finished.id == begun.id
    assert (await history.page(APP)).items == (replace(finished, results=()),)
    assert await history.get(begun.id) == finished


async def test_look_is_not_kept(history: AnyHistory) -> None:
    """A pass that nobody asked for and that wrote nothing leaves no record, and gets no id."""
    assert await history.record(look()) == look()
    assert (await history.page(None)).items == ()


@pytest.mark.parametrize("trigger", [Trigger(TriggerKind.MANUAL, actor="ann"), Trigger(TriggerKind.WEBHOOK, actor="ann")])
async def test_pass_that_was_asked_for_is_kept(history: AnyHistory, trigger: Trigger) -> None:
    """What a person asked for leaves a record although there was nothing to do."""
    assert (await history.record(look(trigger=trigger))).id


async def test_dry_run_is_not_kept(history: AnyHistory) -> None:
    """Looking at a plan is no event, however often somebody does it."""
    assert not (await history.record(look(trigger=Trigger(TriggerKind.MANUAL, actor="ann", dry_run=True)))).id


async def test_last_is_the_newest_finished_attempt_with_a_plan(history: AnyHistory) -> None:
    """Syncs of others, syncs under way, and failures before there was a plan are passed over."""
    expected = await history.record(attempt(message="this one"))
    await history.record(attempt(OTHER))
    await history.record(attempt(phase=Phase.ERROR, desired_digest="", message="Git is away"))
    await history.begin(attempt(phase=Phase.RUNNING, finished=None))
    assert await history.last(APP) == replace(expected, results=())


async def test_last_of_an_unknown_application(history: AnyHistory) -> None:
    """An application without history has no last record."""
    assert await history.last(APP) is None


async def test_interrupted_syncs_are_closed_once(history: AnyHistory) -> None:
    """What was Running at the last end is an Error that says so, and is no longer the next time."""
    begun = await history.begin(attempt(phase=Phase.RUNNING, finished=None))
    (closed,) = await history.interrupted()
    assert (closed.id, closed.phase, closed.finished) == (begun.id, Phase.ERROR, NOW)
    assert "interrupted" in closed.message
    assert await history.interrupted() == ()
    assert await history.get(begun.id) == closed


async def test_only_what_is_taken_over_is_interrupted(history: AnyHistory) -> None:
    """Another replica goes on with the rest."""
    taken = await history.begin(attempt(APP, phase=Phase.RUNNING, finished=None))
    going_on = await history.begin(attempt(OTHER, phase=Phase.RUNNING, finished=None))
    (closed,) = await history.interrupted([APP])
    assert closed.id == taken.id
    assert await history.get(going_on.id) == going_on
    await history.record(replace(taken, phase=Phase.SUCCEEDED, finished=NOW))
    assert await history.get(taken.id) == closed, "who was taken over has no say any more"


async def test_pages_are_newest_first(history: AnyHistory) -> None:
    """The newest record comes first, and the cursor leads to the ones before."""
    ids = [(await history.record(attempt())).id for _ in range(5)]
    first = await history.page(APP, limit=3)
    assert [record.id for record in first.items] == ids[:1:-1]
    second = await history.page(APP, limit=3, cursor=first.next)
    assert [record.id for record in second.items] == ids[1::-1]
    assert second.next is None


async def test_page_of_all_applications(history: AnyHistory) -> None:
    """Without an application, a page has records of all of them."""
    await history.record(attempt(APP))
    await history.record(attempt(OTHER))
    assert {record.app for record in (await history.page(None)).items} == {APP, OTHER}
    assert {record.app for record in (await history.page(OTHER)).items} == {OTHER}


@pytest.mark.parametrize("cursor", ["", "x", "-1", "1; drop table records"])
async def test_cursor_of_somebody_else_is_refused(history: AnyHistory, cursor: str) -> None:
    """A cursor that was not given out is a mistake of the caller's, not of the storage."""
    with pytest.raises(ValueError, match="cursor"):
        await history.page(APP, cursor=cursor)


@pytest.mark.parametrize("record_id", ["", "x", "999999"])
async def test_record_that_is_not_there(history: AnyHistory, record_id: str) -> None:
    """An id that names nothing gives nothing."""
    assert await history.get(record_id) is None


async def test_open_drift_is_stored_once(history: AnyHistory) -> None:
    """Drift that a hundred passes report is one drift, since it was first seen."""
    for minute in range(3):
        seen = replace(drifted(), seen=NOW + timedelta(minutes=minute))
        await history.record(look(drifts=(seen,), sync=SyncStatus.OUT_OF_SYNC))
    assert await history.drifts(APP) == (drifted(),)


async def test_drift_to_another_value_is_another_drift(history: AnyHistory) -> None:
    """When the live value changes again, the first drift has ended and another has begun."""
    await history.record(look(drifts=(drifted(5),), sync=SyncStatus.OUT_OF_SYNC))
    await history.record(look(drifts=(drifted(6),), sync=SyncStatus.OUT_OF_SYNC))
    now, before = await history.drifts(APP)
    assert (now.change.before, now.until) == (6, None)
    assert (before.change.before, before.until) == (5, NOW + timedelta(seconds=1))


async def test_drift_that_is_gone_is_closed(history: AnyHistory) -> None:
    """A pass that knows the sync status and sees no drift ends what was open."""
    await history.record(look(drifts=(drifted(),), sync=SyncStatus.OUT_OF_SYNC))
    await history.record(look())
    assert await history.drifts(APP) == (replace(drifted(), until=NOW + timedelta(seconds=1)),)


@pytest.mark.parametrize(
    "blind",
    [
        {"sync": SyncStatus.UNKNOWN},
        {"trigger": Trigger(TriggerKind.MANUAL, dry_run=True)},
        {"trigger": Trigger(TriggerKind.MANUAL, revision="v1")},
    ],
)
async def test_pass_that_could_not_see_closes_nothing(history: AnyHistory, blind: dict[str, Any]) -> None:
    """A pass that failed before it compared, or that was for another revision, says nothing about drift."""
    await history.record(look(drifts=(drifted(),), sync=SyncStatus.OUT_OF_SYNC))
    await history.record(look(**blind))
    assert await history.drifts(APP) == (drifted(),)


async def test_healed_drift_is_over(history: AnyHistory) -> None:
    """Drift that a sync healed has an end at once; where it had been reported before, that entry gets it."""
    await history.record(look(drifts=(drifted(),), sync=SyncStatus.OUT_OF_SYNC))
    await history.record(attempt(drifts=(drifted(outcome=DriftOutcome.HEALED),)))
    assert await history.drifts(APP) == (replace(drifted(outcome=DriftOutcome.HEALED), until=NOW + timedelta(seconds=1)),)


async def test_drift_healed_twice_is_two(history: AnyHistory) -> None:
    """The same field, changed again after it was healed, has drifted again."""
    for _ in range(2):
        await history.record(attempt(drifts=(drifted(outcome=DriftOutcome.HEALED),)))
    assert len(await history.drifts(APP)) == 2


async def test_drift_pages(history: AnyHistory) -> None:
    """Drift pages like records do, of one application or of all."""
    for live in range(4, 9):
        await history.record(attempt(drifts=(drifted(live, DriftOutcome.HEALED),)))
    first = await history.drift_page(None, limit=3)
    second = await history.drift_page(APP, limit=3, cursor=first.next)
    assert [drift.change.before for drift in first.items + second.items] == [8, 7, 6, 5, 4]
    assert second.next is None
    assert (await history.drift_page(OTHER)).items == ()


async def test_standing_orders(history: AnyHistory) -> None:
    """An order is given, given anew and lifted, each application's by itself."""
    first, second = Suspended(by="ann", since=NOW), Suspended(by="bob", since=NOW)
    await history.give(APP, first)
    await history.give(OTHER, first)
    await history.give(OTHER, second)
    assert await history.standing() == {APP: Standing(first), OTHER: Standing(second)}
    await history.lift(APP, first)
    assert await history.standing() == {OTHER: Standing(second)}


async def test_an_order_given_since_is_not_lifted(history: AnyHistory) -> None:
    """Who lifts an order means the one that was seen."""
    first, second = Suspended(by="ann", since=NOW), Suspended(by="bob", since=NOW)
    await history.give(APP, second)
    await history.lift(APP, first)
    assert await history.standing() == {APP: Standing(second)}


async def test_forgotten_application(history: AnyHistory) -> None:
    """With an application go its orders, and its drift is over; what happened stays."""
    await history.give(APP, Suspended(by="ann", since=NOW))
    kept = await history.record(attempt(drifts=(drifted(),), sync=SyncStatus.OUT_OF_SYNC))
    await history.forget(APP)
    assert await history.standing() == {}
    assert [drift.until for drift in await history.drifts(APP)] == [NOW]
    assert await history.get(kept.id) == replace(kept, drifts=())


async def test_storage_can_be_written(history: AnyHistory) -> None:
    """The check of readiness passes, and leaves nothing that anybody sees."""
    await history.check()
    assert await history.standing() == {}


async def test_commits_that_a_rollback_may_want(history: AnyHistory) -> None:
    """Those of all records, each once, and those of pins whose record retention has taken."""
    await history.record(attempt())
    await history.record(attempt(OTHER))
    await history.give(OTHER, Pinned(by="ann", since=NOW, revisions=("9be0", "77aa"), tracked=("4f0c",)))
    assert await history.commits() == {"4f0c", "9be0", "77aa"}


async def test_applications_that_are_remembered(history: AnyHistory) -> None:
    """Each once, and those too that have been forgotten since: their records stay."""
    for app in (APP, APP, OTHER):
        await history.record(attempt(app))
    await history.forget(OTHER)
    assert await history.applications() == {APP, OTHER}


def receipt(desired: str = "d1", *, hours: float = 12) -> Receipt:
    """One that expires so many hours from now."""
    expires = (NOW + timedelta(hours=hours)).timestamp()
    return Receipt(desired, Fingerprint("uid", "fields", "values"), "epoch", expires, ("v1beta1 is deprecated", "and so on"))


async def test_receipts_are_read_as_they_were_noted(history: AnyHistory) -> None:
    """Each judge's by themselves; a receipt that is noted again takes the place of the one before, None takes it away."""
    namespace = ObjectRef("", "Namespace", "", "web")
    await history.note("one", {DEPLOYMENT: receipt(), namespace: receipt()})
    await history.note("other", {DEPLOYMENT: receipt("d2")})
    await history.note("one", {DEPLOYMENT: receipt("d3"), namespace: None, namespace._replace(name="never there"): None})
    assert await history.receipts("one") == {DEPLOYMENT: receipt("d3")}
    assert await history.receipts("other") == {DEPLOYMENT: receipt("d2")}
    assert await history.receipts("nobody") == {}


async def test_receipts_that_have_expired_are_not_given(history: AnyHistory) -> None:
    """Nobody would take them."""
    await history.note("one", {DEPLOYMENT: receipt(hours=-1), DEPLOYMENT._replace(name="web"): receipt(hours=1)})
    assert [ref.name for ref in await history.receipts("one")] == ["web"]


async def test_nothing_to_note(history: AnyHistory) -> None:
    """Nothing noted is nothing changed."""
    await history.note("one", {DEPLOYMENT: receipt()})
    await history.note("one", {})
    assert await history.receipts("one") == {DEPLOYMENT: receipt()}

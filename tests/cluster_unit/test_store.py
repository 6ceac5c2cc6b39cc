"""The store: what is believed of what the server says, in which order it comes, and who is told."""

from __future__ import annotations

from functools import partial
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitopsd.cluster.brought import Brought
from gitopsd.cluster.entries import Reading
from gitopsd.cluster.receipts import Receipts
from gitopsd.cluster.store import Store, Table
from gitopsd.health import OwnRules, assess
from gitopsd.health.own import OwnRule
from gitopsd.model.app import AppKey
from gitopsd.model.health import HealthStatus
from gitopsd.model.marks import OWNER_ANNOTATION, PART_OF_LABEL, Mark
from gitopsd.model.plan import Desired
from gitopsd.model.refs import GroupKind, Object, ObjectRef

APP = AppKey("argocd", "web")
REF = ObjectRef("", "Service", "web", "api")
WANT = Desired(REF, "v1", b"{}", "digest")


class Told(list[tuple[AppKey, ObjectRef]]):
    """What the store told."""

    def __call__(self, app: AppKey, ref: ObjectRef) -> None:
        self.append((app, ref))


@pytest.fixture
def told() -> Told:
    """What is told."""
    return Told()


@pytest.fixture
def table(told: Told) -> Table:
    """The table of Services, with an empty list."""
    table = Store("prod", Reading("gitopsd", assess), told, Receipts()).table(("v1", "Service"))
    table.begin()
    table.complete(0)
    return table


def _service(version: int, uid: str = "u", port: int = 80, mark: Mark | None = None, **metadata: Any) -> Object:
    fields: Object = {"f:spec": {"f:port": {}}}
    entry = {"manager": "gitopsd", "operation": "Apply", "fieldsV1": fields}
    annotations = {OWNER_ANNOTATION: str(mark or Mark("prod", APP, REF))}
    own = {"name": "api", "namespace": "web", "uid": uid, "resourceVersion": str(version), "annotations": annotations}
    labels = {PART_OF_LABEL: "x"}
    return {"metadata": {**own, "labels": labels, "managedFields": [entry], **metadata}, "spec": {"port": port}}


def test_what_somebody_changed_is_kept_until_it_is_looked_at(table: Table) -> None:
    """Once, and in its newest state: nothing of what we wrote ourselves, or of what is as we left it."""
    store = table.store
    table.changed(_service(1))
    store.keep(WANT, table.entries[REF].fingerprint, "epoch")
    table.changed(_service(2, status={}))
    assert store.brought.used == 0
    for version in (3, 4):
        table.changed(_service(version, port=version))
    assert store.brought.take(REF, "3") is None
    table.changed(_service(5, port=5))
    assert store.brought.take(REF, "5") == _service(5, port=5)
    assert (store.brought.take(REF, "5"), store.brought.used) == (None, 0)
    with store.writing(REF):
        table.changed(_service(6, port=6))
    assert store.brought.used == 0
    table.changed(_service(7, port=7))
    table.deleted(_service(8, port=7))
    assert store.brought.used == 0


def test_what_is_kept_has_a_bound() -> None:
    """What came first goes first, and one that is too large goes at once."""
    brought, size = Brought(budget=100), len(orjson.dumps({"n": 1}))
    refs = [REF._replace(name=str(number)) for number in range(30)]
    for ref in refs:
        brought.keep(ref, "1", {"n": 1})
    assert brought.used == 100 // size * size
    assert [brought.take(ref, "1") for ref in (refs[0], refs[-1])] == [None, {"n": 1}]
    brought.keep(refs[0], "1", {"n": "x" * 100})
    assert (brought.take(refs[0], "1"), brought.used) == (None, 0)


def test_older_news_is_no_news(table: Table) -> None:
    """Versions are compared as numbers: 9 is older than 10."""
    table.changed(_service(10, port=2))
    table.changed(_service(9, port=1))
    assert table.entries[REF].version == 10
    table.deleted(_service(9))
    assert REF in table.entries
    table.deleted(_service(11))
    assert REF not in table.entries


def test_a_list_replaces_what_was_known(table: Table) -> None:
    """What is not in it is gone, unless it was written after the list was made."""
    table.changed(_service(5))
    table.begin()
    table.complete(4)
    assert REF in table.entries
    table.begin()
    table.complete(6)
    assert REF not in table.entries


def test_a_list_of_the_past_counts(table: Table) -> None:
    """A restored backup counts from an earlier version on: then the list is the truth."""
    table.begin()
    table.listed(_service(90, port=2))
    table.complete(100)
    table.begin()
    table.listed(_service(50, port=1))
    table.complete(60)
    assert table.entries[REF].version == 50


def test_a_list_that_breaks_off_is_void(table: Table) -> None:
    """Only what a whole list holds counts."""
    table.begin()
    table.listed(_service(3))
    table.begin()
    table.complete(4)
    assert table.entries == {}


def test_tells_what_makes_a_difference(table: Table, told: Told) -> None:
    """Fields that we applied, marks, a beginning deletion: but not a new version alone."""
    table.changed(_service(1))
    told.clear()
    table.changed(_service(2))
    assert told == []
    differences: tuple[Object, ...] = ({"port": 81}, {"deletionTimestamp": "now"}, {"uid": "v"})
    for version, difference in enumerate(differences, start=3):
        table.changed(_service(version, **difference))
        assert told == [(APP, REF)]
        told.clear()
    table.deleted(_service(9))
    assert told == [(APP, REF)]


def test_tells_nobody_of_copies_and_of_other_installations(table: Table, told: Told) -> None:
    """A mark for another object is a copy; that of another installation is not ours."""
    table.changed(_service(1, mark=Mark("prod", APP, ObjectRef("", "Service", "web", "other"))))
    table.changed(_service(2, port=1, mark=Mark("stage", APP, REF)))
    table.changed(_service(3, port=2, mark=Mark("stage", APP, REF)))
    assert told == []


def test_a_receipt_holds_as_long_as_nothing_changes(table: Table) -> None:
    """Same desired digest, fingerprint and epoch: in sync; anything else is not."""
    store = table.store
    table.changed(_service(1))
    store.keep(WANT, table.entries[REF].fingerprint, "epoch")
    table.changed(_service(2, labels={PART_OF_LABEL: "x", "more": "y"}))
    assert store.synced(WANT, table.entries[REF], "epoch")
    assert not store.synced(WANT, table.entries[REF], "later")
    assert not store.synced(Desired(REF, "v1", b"{}", "other"), table.entries[REF], "epoch")
    table.changed(_service(3, port=81))
    assert not store.synced(WANT, table.entries[REF], "epoch")


def test_our_own_writes_are_no_news(table: Table, told: Told) -> None:
    """The event may come before the answer; a later change by somebody else is told when our write is done."""
    table.changed(_service(1))
    told.clear()
    with table.store.writing(REF):
        table.changed(_service(2, port=2))
        entry = table.store.learn(REF, "v1", _service(2, port=2))
        table.store.keep(WANT, entry.fingerprint, "")
    assert told == []
    with table.store.writing(REF):
        table.store.keep(WANT, table.store.learn(REF, "v1", _service(3, port=3)).fingerprint, "")
        table.changed(_service(4, port=9))
    assert told == [(APP, REF)]


def test_another_cluster_is_a_clean_slate(table: Table) -> None:
    """Nothing of the old one is left, and the new one's versions count from the start."""
    table.changed(_service(100))
    table.store.keep(WANT, table.entries[REF].fingerprint, "")
    table.store.clear()
    assert (table.entries, table.store.receipts.known) == ({}, {})
    table.begin()
    table.listed(_service(1))
    table.complete(2)
    assert table.entries[REF].version == 1


def test_an_answer_overtaken_by_a_deletion_brings_nothing_back(table: Table) -> None:
    """The watch told of the deletion before the answer to our write was read; a later object of that name does count."""
    table.changed(_service(1))
    table.deleted(_service(3))
    table.store.learn(REF, "v1", _service(2))
    assert table.entries == {}
    table.store.learn(REF, "v1", _service(4, uid="v"))
    assert table.entries[REF].live.uid == "v"


@given(st.data())
def test_believes_the_server_in_the_end(data: st.DataObject) -> None:
    """However answers, events and new lists are interleaved, what is known at the end is what is there."""
    table = Store("prod", Reading("gitopsd", assess), lambda *_: None, Receipts()).table(("v1", "Service"))
    history = data.draw(st.lists(st.sampled_from(["write", "delete"]), max_size=8), label="history")
    answers: list[Object] = []
    now: Object | None = None
    for version, step in enumerate(history, start=1):
        last, now = now, (_service(version, port=version) if step == "write" else None)
        answers += [now] if now else []
        if now and data.draw(st.booleans(), label="the answer comes before the event"):
            table.store.learn(REF, "v1", now)
        if data.draw(st.integers(0, 3), label="a new list instead of the event") == 0:
            table.begin()
            if now:
                table.listed(now)
            table.complete(version)
            answers.clear()  # a list waits for no answer, and none is older than a second
        elif now:
            table.changed(now)
        elif last:
            table.deleted({**last, "metadata": {**last["metadata"], "resourceVersion": str(version)}})
        late: bool = data.draw(st.booleans(), label="a late answer")
        if answers and late:
            table.store.learn(REF, "v1", answers[data.draw(st.integers(0, len(answers) - 1))])
    known = table.entries.get(REF)
    assert (known.live.resource_version if known else None) == (now["metadata"]["resourceVersion"] if now else None)


def test_absence_is_believed_for_a_while(table: Table) -> None:
    """Until something is heard of the object."""
    table.changed(_service(1))
    table.store.gone(REF)
    assert table.store.is_gone(REF)
    assert table.store.find(REF) is None
    table.changed(_service(2))
    assert not table.store.is_gone(REF)


def test_health_is_told_by_what_the_store_was_given() -> None:
    """The rules of the configuration hold for what watches bring."""
    own = OwnRules([OwnRule(GroupKind("", "Service"), "false", failed="spec.port == 81")])
    table = Store("prod", Reading("gitopsd", partial(assess, own=own)), lambda *_: None, Receipts()).table(("v1", "Service"))
    table.changed({**_service(1, port=81), "apiVersion": "v1", "kind": "Service"})
    assert table.entries[REF].live.health.status is HealthStatus.DEGRADED

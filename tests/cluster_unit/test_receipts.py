"""Receipts: what is in the book when it counts, and that nothing depends on the book."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest

from gitopsd.cluster.receipts import LONGEST, Receipts, holds
from gitopsd.model.errors import StorageError
from gitopsd.model.receipt import Fingerprint, Receipt
from gitopsd.model.refs import ObjectRef
from gitopsd.ports import ReceiptBook
from tests.fakes_history import FakeClock, FakeHistory
from tests.waiting import until

REF = ObjectRef("", "Service", "web", "api")
RECEIPT = Receipt("desired", Fingerprint("uid", "fields", "values"), "epoch", time.time() + 3600)


@dataclass(slots=True)
class Book:
    """A book that counts what it is asked, and that can break."""

    history: FakeHistory = field(default_factory=lambda: FakeHistory(FakeClock(datetime.now(UTC))))
    notes: int = 0
    broken: bool = False

    async def receipts(self, judge: str) -> Mapping[ObjectRef, Receipt]:
        self._fail()
        return await self.history.receipts(judge)

    async def note(self, judge: str, changes: Mapping[ObjectRef, Receipt | None]) -> None:
        self._fail()
        self.notes += 1
        await self.history.note(judge, changes)

    def _fail(self) -> None:
        if self.broken:
            raise StorageError("the disk is full")


@pytest.fixture
def book() -> Book:
    """An empty book."""
    return Book()


async def known(book: ReceiptBook, cluster: str = "c1") -> dict[ObjectRef, Receipt]:
    """What another process would find."""
    receipts = Receipts(book)
    await receipts.recall(cluster)
    await receipts.close()
    return receipts.known


async def test_receipts_outlive_the_process(book: Book) -> None:
    """Those kept are there at the next start, for the same cluster; those dropped are not."""
    receipts, other = Receipts(book), REF._replace(name="other")
    await receipts.recall("c1")
    receipts.keep(REF, RECEIPT)
    receipts.keep(other, RECEIPT)
    await receipts.close()
    assert await known(book) == {REF: RECEIPT, other: RECEIPT}
    assert await known(book, "c2") == {}
    receipts = Receipts(book)
    await receipts.recall("c1")
    receipts.drop(other)
    await receipts.close()
    assert await known(book) == {REF: RECEIPT}


async def test_another_version_judges_for_itself(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an older gitopsd found in sync is asked once more."""
    receipts = Receipts(book)
    await receipts.recall("c1")
    receipts.keep(REF, RECEIPT)
    await receipts.close()
    monkeypatch.setattr("gitopsd.cluster.receipts.__version__", "99.0.0")
    assert await known(book) == {}


async def test_changes_are_written_together(book: Book) -> None:
    """While nobody waits; and where nothing changes, nothing is written."""
    receipts = Receipts(book)
    await receipts.recall("c1")
    for number in range(100):
        receipts.keep(REF._replace(name=f"{number}"), RECEIPT)
    await until(lambda: book.notes == 1)
    assert len(await known(book)) == 100
    await receipts.close()
    assert book.notes == 1


async def test_a_book_that_can_t_be_written_is_written_later(book: Book) -> None:
    """The receipt counts all the same."""
    receipts = Receipts(book)
    await receipts.recall("c1")
    receipts.keep(REF, RECEIPT)
    book.broken = True
    await receipts.close()
    assert receipts.get(REF) == RECEIPT
    book.broken = False
    await receipts.close()
    assert await known(book) == {REF: RECEIPT}


async def test_a_book_that_can_t_be_read_is_empty(book: Book) -> None:
    """Nothing fails; all is asked once more."""
    book.broken = True
    assert await known(book) == {}


async def test_a_cluster_without_an_identity_has_no_book(book: Book) -> None:
    """It might be any."""
    receipts = Receipts(book)
    await receipts.recall("")
    receipts.keep(REF, RECEIPT)
    await receipts.close()
    assert (book.notes, book.history.kept) == (0, {})


async def test_another_cluster_in_its_place_has_receipts_of_its_own(book: Book) -> None:
    """What was known of the first is not written as the second's, and is there again when the first one is."""
    receipts = Receipts(book)
    await receipts.recall("c1")
    receipts.keep(REF, RECEIPT)
    await until(lambda: book.notes == 1)
    receipts.clear()
    await receipts.recall("c2")
    assert receipts.known == {}
    receipts.clear()
    await receipts.recall("c1")
    assert receipts.known == {REF: RECEIPT}
    await receipts.close()


def test_a_receipt_ends_by_the_clock() -> None:
    """And one that would live longer than any is made by a clock that was wrong."""
    assert holds(RECEIPT)
    assert not holds(replace(RECEIPT, expires=time.time() - 1))
    assert not holds(replace(RECEIPT, expires=time.time() + LONGEST + 60))


async def test_what_has_expired_is_swept_out(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of objects that nobody asks for any more nothing is left, here and in the book."""
    monkeypatch.setattr("gitopsd.cluster.receipts.SWEEP_SECONDS", -1.0)
    receipts, gone = Receipts(book), REF._replace(name="gone")
    await receipts.recall("c1")
    receipts.keep(gone, replace(RECEIPT, expires=time.time()))
    receipts.keep(REF, RECEIPT)
    await until(lambda: book.notes == 1)
    await receipts.close()
    assert (receipts.known, receipts.expired) == ({REF: RECEIPT}, 1)
    assert [*book.history.kept.values()] == [{REF: RECEIPT}]

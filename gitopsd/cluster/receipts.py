"""The receipts of one cluster: in memory, and in a book that outlives the process.

A receipt is a fact about a state of an object, so one that is read from the book is as good as one in memory, however old: it is
for that uid, those fields and values, that desired object, under those definitions. Where the book loses some, or can't be
reached, the objects are tried once more, and that is all.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass, field

from gitopsd import __version__
from gitopsd.model.errors import StorageError
from gitopsd.model.receipt import Receipt
from gitopsd.model.refs import ObjectRef
from gitopsd.ports import ReceiptBook

RECEIPT_SECONDS = 12 * 3600.0
"""For how long a receipt counts, give or take a tenth: nothing that we can't see can stay wrong for longer."""

LONGEST = RECEIPT_SECONDS * 1.1
"""A receipt that has longer than this to live was made by a clock that has been put back since."""

GATHER_SECONDS = 1.0
"""For how long changes are gathered before they are written, all at once."""

SWEEP_SECONDS = 3600.0
"""Between two searches for receipts that have expired: those of objects that are gone would never be dropped otherwise."""


def holds(receipt: Receipt) -> bool:
    """Whether a receipt counts still."""
    return 0 < receipt.expires - time.time() <= LONGEST


@dataclass(slots=True)
class Receipts:
    """By object; those that are kept or dropped are written to the `book` a moment later, while nobody waits."""

    book: ReceiptBook | None = field(default=None, repr=False)
    known: dict[ObjectRef, Receipt] = field(default_factory=dict)
    expired: int = 0
    """How many were given up as they had expired."""
    _judge: str = ""
    """Whose receipts these are in the book; empty as long as nothing was read from it."""
    _unwritten: set[ObjectRef] = field(default_factory=set)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _reading: asyncio.Lock = field(default_factory=asyncio.Lock)
    _writing: asyncio.Task[None] | None = None
    _swept: float = field(default_factory=time.time)

    async def recall(self, cluster: str) -> None:
        """Reads what the book has of the cluster of this identity, once; without one it has nothing.

        Another gitopsd may judge in another way: each version has receipts of its own.
        """
        judge = f"cluster {cluster}, gitopsd {__version__}"
        if self.book is None or not cluster or judge == self._judge:
            return
        async with self._reading:
            if judge == self._judge:
                return
            with suppress(StorageError):
                self.known = {**await self.book.receipts(judge), **self.known}
            self._judge = judge
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_on(), name="receipts")

    def get(self, ref: ObjectRef) -> Receipt | None:
        """The receipt of an object, if there is one."""
        return self.known.get(ref)

    def keep(self, ref: ObjectRef, receipt: Receipt) -> None:
        """In place of an earlier one."""
        self.known[ref] = receipt
        self._note(ref)

    def drop(self, ref: ObjectRef) -> None:
        """The object's receipt no longer counts."""
        if self.known.pop(ref, None):
            self._note(ref)

    def clear(self) -> None:
        """It is another cluster now, with receipts of its own."""
        self.known.clear()
        self._unwritten.clear()
        self._judge = ""

    def _note(self, ref: ObjectRef) -> None:
        self._unwritten.add(ref)
        self._changed.set()

    async def close(self) -> None:
        """Writes what is left to write."""
        if self._writing is not None:
            self._writing.cancel()
            await asyncio.gather(self._writing, return_exceptions=True)
            await self._write()

    async def _write_on(self) -> None:
        while True:
            await self._changed.wait()
            await asyncio.sleep(GATHER_SECONDS)
            self._changed.clear()
            if time.time() > self._swept + SWEEP_SECONDS:
                self._sweep()
            await self._write()

    def _sweep(self) -> None:
        self._swept = time.time()
        for ref in [ref for ref, receipt in self.known.items() if not holds(receipt)]:
            self.drop(ref)
            self.expired += 1

    async def _write(self) -> None:
        """What can't be written now goes along with the next change; that storage fails is said by who can't do without it."""
        if self.book is None or not self._judge or not self._unwritten:
            return
        changes = {ref: self.known.get(ref) for ref in self._unwritten}
        self._unwritten.clear()
        try:
            await self.book.note(self._judge, changes)
        except StorageError:
            self._unwritten.update(changes)

"""What is known of one cluster's objects: entries by kind, and the receipts that say which of them are in sync."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from gitopsd.cluster.brought import Brought
from gitopsd.cluster.entries import Entry, Reading, entry, kept_ref
from gitopsd.cluster.paths import METADATA_ONLY
from gitopsd.cluster.receipts import RECEIPT_SECONDS, Receipts, holds
from gitopsd.model.app import AppKey
from gitopsd.model.marks import PART_OF_LABEL
from gitopsd.model.plan import Desired, Live
from gitopsd.model.receipt import Fingerprint, Receipt
from gitopsd.model.refs import GroupKind, Object, ObjectRef

ABSENT_SECONDS = 60.0
"""For how long an answer "not found" about an object that is not watched (its label is gone, or it is) counts."""

MAX_DELETIONS = 1000
"""Deletions that are remembered of each kind: as many as answers can be under way."""

Kind = tuple[str, str]
"""apiVersion and kind."""


@dataclass(slots=True)
class Table:
    """The marked objects of one version of a kind; a reflector fills it."""

    kind: Kind
    store: Store
    entries: dict[ObjectRef, Entry] = field(default_factory=dict)
    deletions: dict[ObjectRef, int] = field(default_factory=dict)
    """Versions of the latest deletions: an answer that was overtaken by one must not bring the object back."""
    listed_version: int = 0
    complete_once: bool = False
    _list: list[Entry] = field(default_factory=list)

    def begin(self) -> None:
        """See `Sink`."""
        self._list = []

    def listed(self, obj: Object) -> None:
        """See `Sink`."""
        self._list.append(self._entry(obj))

    def complete(self, resource_version: int) -> None:
        """See `Sink`. What we wrote after the list was made stays, unless the server's count went back (a restored backup)."""
        found = {found.live.ref: found for found in self._list}
        self._list = []
        later = resource_version if resource_version >= self.listed_version else None
        for ref, known in tuple(self.entries.items()):
            kept = later is not None and known.version > later
            if ref not in found and not kept:
                self.drop(ref)
        for ref, new in found.items():
            known_now = self.entries.get(ref)
            if known_now is None or later is None or known_now.older_than(new):
                self.put(new, quiet=not self.complete_once)
        self.deletions.clear()
        self.listed_version = resource_version
        self.complete_once = True

    def changed(self, obj: Object) -> None:
        """See `Sink`."""
        new = self._entry(obj)
        known = self.entries.get(new.live.ref)
        if known is None or known.older_than(new):
            self.store.bring(new, obj, self.kind)
            self.put(new)

    def deleted(self, obj: Object) -> None:
        """See `Sink`. It may only have lost its label, which is for `observe` to find out."""
        last = self._entry(obj)
        ref = last.live.ref
        known = self.entries.get(ref)
        self.deletions.pop(ref, None)
        self.deletions[ref] = last.version
        if len(self.deletions) > MAX_DELETIONS:
            del self.deletions[next(iter(self.deletions))]
        if known is not None and known.older_than(last):
            self.drop(ref)

    def put(self, new: Entry, *, quiet: bool = False) -> None:
        """Takes `new` for what is there now."""
        old = self.entries.get(new.live.ref)
        self.entries[new.live.ref] = new
        self.store.moved(old, new, quiet=quiet)

    def drop(self, ref: ObjectRef) -> None:
        """Forgets an object."""
        if (old := self.entries.pop(ref, None)) is not None:
            self.store.brought.drop(ref)
            self.store.moved(old, None)

    def _entry(self, obj: Object) -> Entry:
        metadata = obj.get("metadata") or {}
        api_version, kind = self.kind
        ref = kept_ref(api_version, kind, str(metadata.get("namespace") or ""), str(metadata.get("name") or ""))
        return self.store.entry(ref, api_version, obj)


class Store:
    """All tables and receipts of one cluster. `on_change` is told of objects that are no longer as they were left."""

    def __init__(
        self, installation: str, reading: Reading, on_change: Callable[[AppKey, ObjectRef], None], receipts: Receipts
    ) -> None:
        """Empty, but for the receipts."""
        self.tables: dict[Kind, Table] = {}
        self.receipts = receipts
        self.brought = Brought()
        self.strays: dict[ObjectRef, Entry] = {}
        """Objects that no reflector sees (no mark, or nobody watches their kind): as they were when last asked for."""
        self._installation = installation
        self._reading = reading
        self._on_change = on_change
        self._absent: dict[ObjectRef, float] = {}
        self._writing: dict[ObjectRef, int] = {}
        self._waiters: dict[ObjectRef, list[asyncio.Event]] = {}

    def clear(self) -> None:
        """It is another cluster now: nothing of what was known holds."""
        self.receipts.clear()
        self.brought.clear()
        self.strays.clear()
        self._absent.clear()
        for table in self.tables.values():
            table.listed_version = 0
            table.deletions.clear()
            for ref in tuple(table.entries):
                table.drop(ref)

    def table(self, kind: Kind) -> Table:
        """The table of a kind, made where it is missing."""
        if (table := self.tables.get(kind)) is None:
            table = self.tables[kind] = Table(kind, self)
        return table

    def entry(self, ref: ObjectRef, api_version: str, obj: Object) -> Entry:
        """The entry of an object that the server sent; the known one where it is the same state of the same object."""
        table = self.tables.get((api_version, ref.kind))
        known = table.entries.get(ref) if table else None
        metadata = obj.get("metadata") or {}
        if known is not None and (known.live.uid, known.live.resource_version) == (
            metadata.get("uid"),
            metadata.get("resourceVersion"),
        ):
            return known
        return entry(ref, api_version, obj, self._reading, content=(api_version, ref.kind) not in METADATA_ONLY)

    def find(self, ref: ObjectRef) -> Entry | None:
        """What is known of an object, in whatever version it is watched."""
        for kind in self._kinds(ref.group_kind):
            if (found := self.tables[kind].entries.get(ref)) is not None:
                return found
        return self.strays.get(ref)

    def learn(self, ref: ObjectRef, api_version: str, obj: Object) -> Entry:
        """Takes in an object that the server sent as an answer, and gives what is known of it now: that may be later."""
        new = self.entry(ref, api_version, obj)
        table = self.tables.get((api_version, ref.kind))
        if table is None or not ((obj.get("metadata") or {}).get("labels") or {}).get(PART_OF_LABEL):
            self.strays[ref] = new
            return new
        known = table.entries.get(ref)
        if known is not None and not known.older_than(new):
            return known
        if new.version and new.version <= table.deletions.get(ref, 0):
            return new
        table.put(new)
        return new

    def _kinds(self, wanted: GroupKind) -> Iterator[Kind]:
        return (kind for kind in self.tables if kind[1] == wanted.kind and kind[0].rpartition("/")[0] == wanted.group)

    # --- receipts

    def keep(self, desired: Desired, fingerprint: Fingerprint, epoch: str, warnings: tuple[str, ...] = ()) -> None:
        """Keeps a receipt: with this fingerprint, `desired` is in sync, and there are these warnings about it."""
        expires = time.time() + RECEIPT_SECONDS * random.uniform(0.9, 1.1)  # noqa: S311 - spreads load, guards nothing
        self.receipts.keep(desired.ref, Receipt(desired.digest, fingerprint, epoch, expires, warnings))

    def synced(self, desired: Desired, known: Entry, epoch: str) -> Live | None:
        """The live object with what its receipt has to say; None where no receipt says that it is as Git wants it."""
        receipt = self.receipts.get(desired.ref)
        if (
            receipt is None
            or receipt.desired != desired.digest
            or receipt.fingerprint != known.fingerprint
            or receipt.epoch != epoch
            or not holds(receipt)
        ):
            return None
        return replace(known.synced, warnings=receipt.warnings) if receipt.warnings else known.synced

    # --- absence

    def gone(self, ref: ObjectRef) -> None:
        """The server said that the object is not there."""
        self.receipts.drop(ref)
        self.strays.pop(ref, None)
        for kind in tuple(self._kinds(ref.group_kind)):
            self.tables[kind].drop(ref)
        self._absent[ref] = time.monotonic() + ABSENT_SECONDS

    def doubt(self, ref: ObjectRef) -> None:
        """An answer contradicted what is known: the next pass asks."""
        self.receipts.drop(ref)
        self.strays.pop(ref, None)
        self._absent.pop(ref, None)

    def is_gone(self, ref: ObjectRef) -> bool:
        """Whether the server said so a short while ago, and nothing has been heard of it since."""
        return self._absent.get(ref, 0.0) > time.monotonic()

    # --- changes

    def bring(self, new: Entry, obj: Object, kind: Kind) -> None:
        """A watch brought an object: whole, where its kind is watched so. Kept if somebody else has changed what we had made."""
        receipt = self.receipts.get(new.live.ref)
        changed = receipt is not None and receipt.fingerprint != new.fingerprint and new.live.ref not in self._writing
        if changed and kind not in METADATA_ONLY:
            self.brought.keep(new.live.ref, new.live.resource_version, obj)
        else:
            self.brought.drop(new.live.ref)

    @contextmanager
    def writing(self, ref: ObjectRef) -> Iterator[None]:
        """While we write an object ourselves its changes are no news; what somebody else made of it meanwhile is."""
        self._writing[ref] = self._writing.get(ref, 0) + 1
        before = self.find(ref)
        try:
            yield
        finally:
            self._writing[ref] -= 1
            if not self._writing[ref]:
                del self._writing[ref]
            after = self.find(ref)
            receipt = self.receipts.get(ref)
            if after is not None and after is not before and (receipt is None or receipt.fingerprint != after.fingerprint):
                self._tell(after)

    def moved(self, old: Entry | None, new: Entry | None, *, quiet: bool = False) -> None:
        """An entry has changed: wakes who waits for it, and tells who should look at it."""
        some = new or old
        if some is None:
            return
        ref = some.live.ref
        if new is not None:
            self._absent.pop(ref, None)
            self.strays.pop(ref, None)
        for waiter in self._waiters.get(ref, ()):
            waiter.set()
        if not quiet and ref not in self._writing and not self._alike(old, new):
            self._tell(new, old)

    def _alike(self, old: Entry | None, new: Entry | None) -> bool:
        """Whether a change makes no difference: health and marks as before, and the fields that we applied as we left them."""
        if new is None:
            return False
        if old is None:
            receipt = self.receipts.get(new.live.ref)
            return receipt is not None and receipt.fingerprint == new.fingerprint
        was, now = old.live, new.live
        same = (was.health, was.deleting, was.mark, was.tool, was.controlled) == (
            now.health,
            now.deleting,
            now.mark,
            now.tool,
            now.controlled,
        )
        return same and old.fingerprint == new.fingerprint

    def _tell(self, *entries: Entry | None) -> None:
        """Tells the applications that an object is marked for. A mark for another object is a copy, and no news."""
        marks = {(known.live.mark, known.live.ref) for known in entries if known}
        told = {(mark.app, ref) for mark, ref in marks if mark and mark.installation == self._installation and mark.ref == ref}
        for app, ref in sorted(told):
            self._on_change(app, ref)

    @contextmanager
    def waiter(self, refs: Iterable[ObjectRef]) -> Iterator[asyncio.Event]:
        """An event that is set whenever one of `refs` changes."""
        event, watched = asyncio.Event(), tuple(refs)
        for ref in watched:
            self._waiters.setdefault(ref, []).append(event)
        try:
            yield event
        finally:
            for ref in watched:
                self._waiters[ref].remove(event)
                if not self._waiters[ref]:
                    del self._waiters[ref]

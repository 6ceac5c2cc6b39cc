"""Standing orders: what people have decided about an application, and what holds until it is fulfilled or taken back.

An order is a frozen value with who gave it and when. Its name is that of its class in small letters: the field of `Standing`, the
key in the history's storage, the word in the API. A new one is a class in `KINDS` and a field; its own fields are texts, or
tuples of texts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from typing import Any, ClassVar

ITSELF = "gitopsd"
"""Who gives the one order that nobody gave: to stay at the last good revision."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Something that `by` has ordered at `since`, in UTC."""

    once: ClassVar[bool] = False
    """Whether the next sync that succeeds fulfils it."""

    by: str
    since: datetime

    @property
    def name(self) -> str:
        """Its word: `suspended`."""
        return type(self).__name__.lower()

    @property
    def detail(self) -> str:
        """What it says besides its name, for people."""
        return ""

    def __str__(self) -> str:
        """As people read it: `suspended by ann since 2026-03-01 12:00 UTC`."""
        said = f"{self.name} {self.detail}".strip()
        return f"{said} by {self.by} since {self.since:%Y-%m-%d %H:%M} UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspended(Order):
    """Nothing is written for the application; how it stands is still shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pinned(Order):
    """The application stays at `revisions`, a commit of each source, until Git moves or somebody takes it back.

    Git has moved when the sources name other commits than `tracked`, what they named when the order was given; with `shunned`,
    the digest of what was left, only when they render to something else. `record` is the history entry whose commits these are,
    `reason` says why.
    """

    revisions: tuple[str, ...]
    tracked: tuple[str, ...]
    record: str = ""
    reason: str = ""
    shunned: str = ""

    @property
    def detail(self) -> str:
        """Where it stays, and why."""
        return f"to {self.revisions[0][:10]} ({self.reason})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Approved(Order):
    """The plan of this digest may be carried out; no other."""

    once: ClassVar[bool] = True

    digest: str

    @property
    def detail(self) -> str:
        """Which plan."""
        return self.digest[:16]


@dataclass(frozen=True, slots=True, kw_only=True)
class Adopted(Order):
    """These objects (`KIND/NAME`, `KIND/NAMESPACE/NAME`) are taken over, whoever owns them."""

    once: ClassVar[bool] = True

    objects: tuple[str, ...]

    @property
    def detail(self) -> str:
        """Which."""
        return ", ".join(self.objects)


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmed(Order):
    """Just these deletions, by their digest, may be carried out (`gitopsd.plan.pruning`)."""

    once: ClassVar[bool] = True

    digest: str

    @property
    def detail(self) -> str:
        """Which deletions."""
        return f"deletions {self.digest[:16]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deleted(Order):
    """The application is being taken away; a sync that succeeds says that it is not, after all.

    `propagation` is how its objects are deleted, empty where they stay. `document` is its document as JSON: the one that it came
    from may be gone by now. `by` is empty where its finalizer began it.
    """

    once: ClassVar[bool] = True

    propagation: str
    document: str

    @property
    def detail(self) -> str:
        """What becomes of its objects."""
        return f"with its objects ({self.propagation})" if self.propagation else "without its objects"


KINDS: tuple[type[Order], ...] = (Suspended, Pinned, Approved, Adopted, Confirmed, Deleted)


@dataclass(frozen=True, slots=True)
class Standing:
    """The orders that stand for one application, each by its name."""

    suspended: Suspended | None = None
    pinned: Pinned | None = None
    approved: Approved | None = None
    adopted: Adopted | None = None
    confirmed: Confirmed | None = None
    deleted: Deleted | None = None

    @property
    def orders(self) -> tuple[Order, ...]:
        """Those that there are."""
        found = (getattr(self, entry.name) for entry in fields(self))
        return tuple(order for order in found if order is not None)

    def fulfilled(self, plan_digest: str, *, part: bool) -> tuple[Order, ...]:
        """Those that were for the sync that has succeeded; one of some objects only fulfils the approval of just that."""
        once = tuple(order for order in self.orders if order.once)
        return tuple(order for order in once if isinstance(order, Approved) and order.digest == plan_digest) if part else once

    def plus(self, order: Order) -> Standing:
        """With `order` in place of what stood under its name."""
        changed: dict[str, Any] = {order.name: order}
        return replace(self, **changed)

    def without(self, lifted: Iterable[Order]) -> Standing:
        """Without those of `lifted` that still stand as they are there."""
        changed: dict[str, Any] = {order.name: None for order in lifted if order in self.orders}
        return replace(self, **changed)


def stored(order: Order) -> dict[str, Any]:
    """An order as JSON."""
    return asdict(order) | {"since": order.since.isoformat()}


def standing_of(values: Mapping[str, Any]) -> Standing:
    """The orders that were stored, by name. Names that only another version of gitopsd knows are passed over."""
    kinds = {kind.__name__.lower(): kind for kind in KINDS}
    known: dict[str, Any] = {name: _read(kinds[name], value) for name, value in values.items() if name in kinds}
    return Standing(**known)


def _read(kind: type[Order], value: Mapping[str, Any]) -> Order:
    texts: dict[str, Any] = {name: tuple(part) if isinstance(part, list) else part for name, part in value.items()}
    return kind(**{**texts, "since": datetime.fromisoformat(value["since"])})

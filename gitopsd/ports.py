"""The ports: everything that `gitopsd.reconcile` asks of the world, as small protocols.

`gitopsd.wiring` injects the real ones; `tests/fakes.py` has hand-written fakes, and the same contract tests run against both.
All of them raise the errors of `gitopsd.model.errors` and nothing else (besides cancellation).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Protocol, TypeVar

from gitopsd.model.app import App, AppKey
from gitopsd.model.health import Health
from gitopsd.model.plan import DesiredSet, Inventory, Live, Step
from gitopsd.model.project import Target
from gitopsd.model.receipt import Receipt
from gitopsd.model.record import Condition, Drift, SyncRecord
from gitopsd.model.refs import Object, ObjectRef
from gitopsd.model.source import Snapshot
from gitopsd.model.standing import Order, Standing
from gitopsd.model.surface import Surface


class SourcePort(Protocol):
    """Git."""

    async def snapshots(self, app: App, revisions: tuple[str, ...] = ()) -> tuple[Snapshot, ...]:
        """The commits that the application's sources name, from the mirrors; only a missing mirror costs a fetch.

        `revisions` stand in for those of the first so many sources. Raises SourceError where a repository was never reached or
        lacks the revision.
        """

    async def poll(self, repository: str, *, force: bool = False) -> bool:
        """Asks the remote for its refs, fetches what moved. `force` asks although it is backing off.

        Whether anything has moved since a poll said so last: also what a snapshot has fetched meanwhile is news to the others.
        `REPOSITORY#NAME` is a chart of a Helm repository, `URL#` a file.

        Raises SourceError; the mirror then stays as it was.
        """


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a render gave. The same Rendered is returned as long as nothing that it read has changed.

    `unpack` makes the objects anew each time: they are kept packed, as they are seldom wanted and five times as large.
    """

    unpack: Callable[[], tuple[Object, ...]]
    warnings: tuple[str, ...] = ()


class RenderPort(Protocol):
    """The render engine behind its cache and its worker processes."""

    async def render(self, app: App, snapshots: tuple[Snapshot, ...], surface: Surface) -> Rendered:
        """The application's objects, in the order of its sources. Raises RenderError."""

    def forget(self, app: AppKey) -> None:
        """The application's next render reads everything anew."""

    def elsewhere(self, app: AppKey) -> frozenset[str]:
        """The URLs of what the newest render of an application needed besides its sources: bases, charts, files."""


@dataclass(frozen=True, slots=True)
class Trial:
    """The server's dry run of one step.

    `before` is the live object it was judged against (None for a creation), `after` the server's answer (None for a prune).
    `unchanged` is the judge's verdict: live already is what the write would make of it. `existing` is set, and nothing else,
    where an object to be created turned out to be there. `body` is what was sent, where that is not the desired object to the
    letter.
    """

    before: Object | None = None
    after: Object | None = None
    unchanged: bool = False
    existing: Live | None = None
    warnings: tuple[str, ...] = ()
    body: bytes | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """The server's answer to a write. `unchanged` says that it left the resourceVersion as it was; `uid` is empty for a prune."""

    uid: str
    unchanged: bool = False
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Offspring:
    """An object that another one owns: a ReplicaSet of a Deployment. Its health is what it says of itself."""

    ref: ObjectRef
    api_version: str
    owner: ObjectRef
    health: Health


class ClusterPort(Protocol):
    """The destination clusters: each call goes to the one that the application names.

    Raises ClusterError where that cluster can't be reached, ObjectError where it refuses one object.
    """

    def target(self, app: App) -> Target:
        """The cluster that the application's destination names, by both of its names. Raises ClusterError for none."""

    def doubt(self, app: App) -> str:
        """The name of the application's cluster as long as it is lost, or was never heard of; else empty."""

    async def surface(self, app: App, *, fresh: bool = False) -> Surface:
        """What the cluster serves; `fresh` asks again although nothing is known to have changed."""

    async def inventory(self, app: App) -> Inventory:
        """What the cluster's inventory object says this application has there; asks the server only the first time."""

    def elsewhere(self, app: App) -> Mapping[str, Inventory]:
        """What inventories of this application list in other clusters, by cluster, as far as these are followed now."""

    async def remember(self, app: App, inventory: Inventory, *, ahead: bool = False) -> None:
        """Stores the inventory in the cluster, before an apply and after it; asks nothing where it is stored already.

        It goes with the mark of our hold, and `ahead` of writes that mark has to be there. Raises TenureError where it was there,
        and another replica has put its own in its place.
        """

    async def observe(self, app: App, desired: DesiredSet, inventory: Inventory) -> Mapping[ObjectRef, Live]:
        """What is live of the desired and the remembered objects, from watch caches; absent objects are left out.

        An object whose receipt still holds is `in_sync` and costs no request; any other that the cache knows is fetched whole.
        """

    async def read(self, app: App, ref: ObjectRef) -> Object | None:
        """The whole live object as the server has it now, managedFields included; None where it is not there."""

    async def dry_run(self, app: App, step: Step) -> Trial:
        """The server's dry run of `step`: same body, manager, force and preconditions as its write.

        Keeps a receipt where live already is what it should be.
        """

    async def write(self, app: App, step: Step) -> Written:
        """Carries `step` out and keeps a receipt. A prune ends when the deletion was accepted."""

    async def settle(self, app: App, refs: frozenset[ObjectRef], deadline: float) -> Mapping[ObjectRef, Health]:
        """Waits until all `refs` are Healthy (or gone), one is Degraded, or `deadline` seconds passed; their health then."""

    async def offspring(self, app: App, refs: frozenset[ObjectRef]) -> tuple[Offspring, ...]:
        """What these objects own, and what that owns in turn: owners first. Asks the server each time."""

    async def orphans(self, app: App) -> frozenset[ObjectRef]:
        """The objects in the application's namespace that nobody answers for. Asks the server each time."""

    def release(self, app: App) -> None:
        """Another replica works on the application: its watches are given up."""

    async def forget(self, app: App) -> None:
        """The application is gone: its watches are given up, its inventory, if empty, is deleted."""


class Tenure(Protocol):
    """Whether this process may write: one of several replicas may only as long as the others take it for alive."""

    def check(self) -> None:
        """Raises TenureError where it may not any more. Asked right before each write, with nothing to wait for in between."""

    def hold(self, app: AppKey) -> str:
        """What tells our hold on an application from anybody else's, and from an earlier one of ours.

        Empty where there are no replicas, or the application is no more. Raises TenureError where another one has it.
        """


class AnalysisPort(Protocol):
    """Prometheus."""

    async def query(self, query: str) -> tuple[float, ...]:
        """What a PromQL query gives now: the number of a scalar, or those of a vector, which may be none.

        Raises AnalysisError, in bounded time, where there is no answer, or one that is no number.
        """


class OrderBook(Protocol):
    """The standing orders, as they are stored. Raises StorageError."""

    async def standing(self) -> Mapping[AppKey, Standing]:
        """What people have ordered of the applications, such as that one is suspended or pinned."""

    async def give(self, app: AppKey, order: Order) -> None:
        """An order stands from now on, in place of the one of its name."""

    async def lift(self, app: AppKey, order: Order) -> None:
        """An order stands no longer; one of its name that was given since does."""


class ReceiptBook(Protocol):
    """The receipts of objects in sync, as they outlive the process. What it loses costs requests, and nothing else.

    `judge` names whose word they are: the cluster's, and that of the gitopsd that judged its answers. Raises StorageError.
    """

    async def receipts(self, judge: str) -> Mapping[ObjectRef, Receipt]:
        """Those that have not expired."""

    async def note(self, judge: str, changes: Mapping[ObjectRef, Receipt | None]) -> None:
        """Stores receipts in place of earlier ones of the same objects; None is for an object that has none any more."""


class HistoryPort(OrderBook, Protocol):
    """What is remembered. A record that is kept gets an id; raises StorageError."""

    async def begin(self, record: SyncRecord) -> SyncRecord:
        """Stores a record in phase Running before the first write, so that a crash leaves a trace; gives it its id.

        Its `results` are the steps of the plan: what a crash may have left half done.
        """

    async def record(self, record: SyncRecord) -> SyncRecord:
        """Stores a finished record (over its Running row where `id` is set), its results and drifts, if it is worth keeping.

        A row that `interrupted` has closed stays closed.

        Attempted syncs are, and passes that a person asked for, unless for a dry run; drift always is, once for each time that
        it opens. A pass that knows the sync status closes the application's open drifts that it did not see.
        """

    async def last(self, app: AppKey) -> SyncRecord | None:
        """The newest finished record of an attempted sync that got as far as a plan, without results."""

    async def interrupted(self, apps: Collection[AppKey] | None = None) -> tuple[SyncRecord, ...]:
        """Closes all records still Running, as Error "interrupted", and returns them: called once at start.

        Where several share the applications, those of `apps`, when they are taken over: nobody works on them then.
        """

    async def drifts(self, app: AppKey | None, *, limit: int = 100) -> tuple[Drift, ...]:
        """Recorded drift, newest first."""


@dataclass(frozen=True, slots=True)
class CacheUse:
    """How many entries a cache has now, and how many it has given up since the start: for its bound, or as they had expired."""

    entries: int = 0
    evicted: int = 0

    def __add__(self, other: CacheUse) -> CacheUse:
        """Of both together."""
        return CacheUse(self.entries + other.entries, self.evicted + other.evicted)


Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """A part of a list, and the cursor of the part after it: None where this was the last."""

    items: tuple[Item, ...]
    next: str | None = None


class HistoryQueries(OrderBook, Protocol):
    """What people ask of history. A cursor that is none raises ValueError; all raise StorageError."""

    async def page(self, app: AppKey | None, *, limit: int = 100, cursor: str | None = None) -> Page[SyncRecord]:
        """Records without their results, newest first, of one application or of all."""

    async def get(self, record_id: str) -> SyncRecord | None:
        """One record with its results."""

    async def complete(self, record_id: str, health: Health, condition: Condition | None = None) -> None:
        """What a sync brought has come to `health` since its record was made, and to `condition`: it says so from now on."""

    async def drift_page(self, app: AppKey | None, *, limit: int = 100, cursor: str | None = None) -> Page[Drift]:
        """Recorded drift, newest first."""

    async def commits(self) -> frozenset[str]:
        """The commits that a rollback may want: those of all records that are kept, and those that applications are pinned to."""

    async def applications(self) -> frozenset[AppKey]:
        """The applications that records are kept of, whether they are still there or not."""

    async def forget(self, app: AppKey) -> None:
        """The application is gone: its orders too, its open drifts are closed; its records stay as long as retention says."""

    async def check(self) -> None:
        """Proves that the storage can be written."""


class Clock(Protocol):
    """Time, so that the core needs none of its own."""

    def now(self) -> datetime:
        """Wall-clock time with time zone UTC."""

    def monotonic(self) -> float:
        """Seconds for measuring."""


@dataclass(frozen=True, slots=True)
class Ports:
    """What `reconcile` is given."""

    source: SourcePort
    renderer: RenderPort
    cluster: ClusterPort
    history: HistoryPort
    clock: Clock

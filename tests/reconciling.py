"""A reconciler over fakes: manifests in, objects and records out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from gitopsd.diff.mask import keyed_mask
from gitopsd.explainer import Explainer
from gitopsd.model.app import App, AppKey
from gitopsd.model.errors import GitopsdError, SourceError
from gitopsd.model.record import SyncRecord, Trigger, TriggerKind
from gitopsd.model.refs import Object, ObjectRef
from gitopsd.model.source import Commit, Lines, Snapshot
from gitopsd.model.surface import Surface
from gitopsd.model.tree import DictTree
from gitopsd.ports import Ports, Rendered
from gitopsd.reconcile import Reconciler
from gitopsd.render.provenance.explained import Explained
from gitopsd.render.provenance.trace import Trace
from tests.fakes import FakeCluster
from tests.fakes_history import FakeClock, FakeHistory
from tests.plan.builders import MARKING, app, manifest

POLL = Trigger(TriggerKind.POLL)
WATCH = Trigger(TriggerKind.WATCH)


@dataclass(slots=True)
class GivenCommits:
    """Git and the engine at once: `push` says what the next commit renders to, or how it fails.

    A commit that was never pushed renders to what the newest does; one in `gone` can't be found any more.
    """

    commit: str = "c0"
    rendered: Rendered = field(default_factory=lambda: Rendered(tuple))
    failure: GitopsdError | None = None
    unreachable: GitopsdError | None = None
    known: dict[str, Rendered] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    forgotten: list[AppKey] = field(default_factory=list)

    def push(self, commit: str, *manifests: Object, failure: GitopsdError | None = None) -> None:
        """The next commit."""
        self.commit, self.rendered, self.failure = commit, Rendered(lambda: manifests), failure
        self.known[commit] = self.rendered

    async def snapshots(self, app: App, revisions: tuple[str, ...] = ()) -> tuple[Snapshot, ...]:
        if self.unreachable:
            raise self.unreachable
        named = [*revisions, *[self.commit] * len(app.sources)][: len(app.sources)]
        for commit in named:
            if commit in self.gone:
                raise SourceError(f"has no revision {commit!r}", "repo")
        return tuple(Snapshot("repo", Commit(commit, author="Ada", message="why"), DictTree({})) for commit in named)

    async def poll(self, repository: str, *, force: bool = False) -> bool:
        return True

    def forget(self, app: AppKey) -> None:
        self.forgotten.append(app)

    def elsewhere(self, app: AppKey) -> frozenset[str]:
        return frozenset()

    async def render(self, app: App, snapshots: tuple[Snapshot, ...], surface: Surface) -> Rendered:
        commit = snapshots[0].commit.id
        if self.failure and commit == self.commit:
            raise self.failure
        return self.known.get(commit, self.rendered)

    async def explain(
        self, app: App, snapshots: tuple[Snapshot, ...], surface: Surface, trace: Trace
    ) -> Mapping[ObjectRef, tuple[Explained, ...]]:
        """As if all manifests stood in one file."""
        objects = list(self.rendered.unpack())
        trace.listed("all.yaml", yaml.safe_dump_all(objects, sort_keys=False).encode(), objects)
        return trace.explained

    async def blame(self, repository: str, commit: str, lines: Lines) -> Mapping[tuple[str, int], Commit]:
        """All lines are those of the last commit."""
        who = Commit(commit, author="Ada", message="why")
        return {(file, number): who for file, numbers in lines.items() for number in numbers}


@dataclass(slots=True)
class World:
    """All that a pass deals with. `app` prunes and heals unless given otherwise; the namespace `web` is there."""

    app: App = field(default_factory=lambda: app(prune=True, self_heal=True))
    git: GivenCommits = field(default_factory=GivenCommits)
    cluster: FakeCluster = field(default_factory=FakeCluster)
    clock: FakeClock = field(default_factory=FakeClock)
    history: FakeHistory = field(default_factory=FakeHistory)
    reconciler: Reconciler = field(init=False)
    explainer: Explainer = field(init=False)

    def __post_init__(self) -> None:
        self.cluster.put(manifest("Namespace", "web"))
        self.restart()

    def restart(self) -> None:
        """A new process: what was only in memory is gone."""
        ports = Ports(self.git, self.git, self.cluster, self.history, self.clock)
        self.explainer = Explainer(ports, self.git.explain, self.git.blame, "gitopsd")
        self.reconciler = Reconciler(ports, MARKING, "gitopsd", keyed_mask(b"key"))

    async def reconcile(self, trigger: Trigger = POLL) -> SyncRecord:
        """One pass; the calls to the cluster are counted anew."""
        self.cluster.calls.clear()
        return await self.reconciler.reconcile(self.app, trigger)

    def change(self, ref: ObjectRef, **fields: Any) -> None:
        """Somebody changes an object in the cluster."""
        self.cluster.put(self.cluster.objects[ref] | fields)

    def delete(self, ref: ObjectRef) -> None:
        """Somebody deletes it."""
        del self.cluster.objects[ref]

    def names(self) -> set[str]:
        """The objects in the cluster, the namespace aside."""
        return {str(ref) for ref in self.cluster.objects if ref.kind != "Namespace"}

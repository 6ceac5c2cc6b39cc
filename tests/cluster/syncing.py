"""A reconciler over the real cluster: manifests in, objects and records out, without Git and without a process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from gitopsd.cluster import Clusters, Identity
from gitopsd.diff.mask import keyed_mask
from gitopsd.model.app import App, AppKey, AppSettings, AppSpec, Automated, Destination, Source, SyncPolicy
from gitopsd.model.record import SyncRecord, Trigger
from gitopsd.model.refs import Object
from gitopsd.plan.qualify import Marking
from gitopsd.ports import Ports
from gitopsd.reconcile import Reconciler
from localcluster import LocalCluster
from tests.cluster.world import clusters
from tests.fakes_history import FakeClock, FakeHistory
from tests.reconciling import POLL, GivenCommits


@dataclass(slots=True)
class Syncing:
    """One application, whose objects live in a namespace of the test's own; it prunes and heals."""

    cluster: LocalCluster
    port: Clusters
    app: App
    git: GivenCommits = field(default_factory=GivenCommits)
    clock: FakeClock = field(default_factory=FakeClock)
    history: FakeHistory = field(default_factory=FakeHistory)
    reconciler: Reconciler = field(init=False)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """A new reconciler: what was only in memory is gone."""
        ports = Ports(self.git, self.git, self.port, self.history, self.clock)
        installation = self.app.spec.destination.namespace
        self.reconciler = Reconciler(ports, Marking(installation, "gitopsd"), "gitopsd", keyed_mask(b"key"))

    async def push(self, *manifests: Object, trigger: Trigger = POLL) -> SyncRecord:
        """The next commit, and the pass that brings it."""
        self.git.push(f"c{int(self.git.commit[1:]) + 1}", *manifests)
        return await self.reconciler.reconcile(self.app, trigger)


@asynccontextmanager
async def syncing(cluster: LocalCluster, namespace: str, *options: str, own: AppSettings | None = None) -> AsyncIterator[Syncing]:
    """An application with these sync options and settings, in an installation of its own."""
    async with clusters(cluster, identity=Identity(installation=namespace)) as port:
        policy = SyncPolicy(automated=Automated(prune=True, self_heal=True), sync_options=options)
        spec = AppSpec(Destination(name="local", namespace=namespace), source=Source("repo", "path"), sync_policy=policy)
        app = App(AppKey("argocd", "shop"), spec, settings=own or AppSettings(health_timeout=60))
        yield Syncing(cluster, port, app)


def other(app: App, name: str) -> App:
    """The same under another name."""
    return replace(app, key=AppKey(app.key.namespace, name))

"""An application that is moved to another cluster leaves nothing unsaid in the one before."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import Any

from gitopsd.diff.mask import keyed_mask
from gitopsd.model.app import App, Automated, Destination
from gitopsd.ports import Ports
from gitopsd.preflight import Preflight
from gitopsd.reconcile import Reconciler
from gitopsd.removal import Removal
from tests.fakes import FakeCluster
from tests.fakes_history import FakeClock, FakeHistory
from tests.plan.builders import MARKING, app, manifest, ref
from tests.reconciling import POLL, GivenCommits


class TwoClusters:
    """Each call goes to the cluster that the application names."""

    def __init__(self, **places: FakeCluster) -> None:
        self.places = places

    def __getattr__(self, name: str) -> Any:
        return lambda of, *asked, **more: getattr(self.places[of.spec.destination.name], name)(of, *asked, **more)


class World:
    """Two clusters, and an application that has its objects in `west` and now also in `east`."""

    def __init__(self, *, prune: bool = True, same: bool = False) -> None:
        self.west = FakeCluster()
        self.east = self.west if same else FakeCluster(_counter=count(1000))
        for cluster in (self.west, self.east):
            cluster.put(manifest("Namespace", "web"))
        clusters: Any = TwoClusters(west=self.west, east=self.east)
        self.git, self.history = GivenCommits(), FakeHistory()
        self.ports = Ports(self.git, self.git, clusters, self.history, FakeClock())
        self.automated = Automated(prune=prune)

    def at(self, name: str) -> App:
        """The application with this destination."""
        spec = app().spec
        policy = replace(spec.sync_policy, automated=self.automated)
        return replace(app(), spec=replace(spec, destination=Destination(name=name, namespace="web"), sync_policy=policy))

    async def move(self) -> str:
        """Synced in the west, then in the east; gives what is left in the west."""
        reconciler = Reconciler(self.ports, MARKING, "gitopsd", keyed_mask(b"key"))
        for name in ("west", "east"):
            await reconciler.reconcile(self.at(name), POLL)
        return await self.leave()

    async def leave(self) -> str:
        preflight = Preflight(self.ports.cluster, MARKING.installation, "gitopsd", keyed_mask(b"key"))
        return await Removal(self.ports, MARKING, preflight).leave(self.at("west"), self.at("east"))

    def left(self) -> set[str]:
        """The names of what is in the west."""
        return {str(found) for found in self.west.objects if found.kind != "Namespace"}


async def test_what_it_had_is_pruned() -> None:
    """In the cluster before, with its inventory; in the history it is a record."""
    world = World()
    world.git.push("c1", manifest(name="a"), manifest(name="b"))
    assert await world.move() == ""
    assert (world.left(), world.west.inventories) == (set(), {})
    assert ref("a") in world.east.objects
    assert [r.message for r in world.history.records.values()][-1] == "moved away from west: 2 pruned"


async def test_what_asks_to_stay_is_named() -> None:
    """As with any prune: kinds that hold data, Prune=false, and everything where pruning is off."""
    world = World()
    kept = manifest(name="kept", annotations={"argocd.argoproj.io/sync-options": "Prune=false"})
    world.git.push("c1", manifest(name="a"), kept, manifest("PersistentVolumeClaim", "data"))
    assert await world.move() == "2 objects are left at west: ConfigMap/web/kept, PersistentVolumeClaim/web/data"
    assert world.left() == {"ConfigMap/web/kept", "PersistentVolumeClaim/web/data"}
    off = World(prune=False)
    off.git.push("c1", manifest(name="a"))
    assert await off.move() == "1 objects are left at west: ConfigMap/web/a; pruning is off"


async def test_a_cluster_that_can_not_be_reached_is_named() -> None:
    """And tried again with the next pass."""
    world = World()
    world.git.push("c1", manifest(name="a"))
    world.west.down = ""
    await world.move()
    world.west.down = "refused"
    assert await world.leave() == "what it had at west is still there: cluster fake: refused"


async def test_one_cluster_under_two_names() -> None:
    """Nothing was moved, so nothing goes."""
    world = World(same=True)
    world.git.push("c1", manifest(name="a"))
    assert await world.move() == ""
    assert world.left() == {"ConfigMap/web/a"}

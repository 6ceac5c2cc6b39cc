"""The API server goes, comes back, or is another one: the port says so, and converges by itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

import pytest

from gitopsd.cluster import ClusterConfig, Clusters
from gitopsd.cluster.reflector import Reflector, Target
from gitopsd.model.app import App
from gitopsd.model.errors import ClusterError
from gitopsd.model.plan import Desired, Inventory
from gitopsd.model.refs import Object
from localcluster import LocalCluster
from tests.cluster.hands import got
from tests.cluster.world import IDENTITY, Heard, Synced, application, clusters, config_map, marked, service, sync, wanted
from tests.waiting import until


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    """A cluster to be broken: etcd and API server only."""
    own = LocalCluster(tmp_path_factory.mktemp("own"))
    try:
        own.up(controllers=False, bound=True)
        yield own
    finally:
        own.down()


@pytest.fixture
async def port(own: LocalCluster, heard: Heard) -> AsyncIterator[Clusters]:
    """The port, listened to."""
    async with clusters(own, heard) as port:
        yield port


async def test_a_cluster_is_sought_before_anybody_needs_it(port: Clusters) -> None:
    """One that is there is known to be, though no application is deployed there."""
    assert not port.status()[0].connected
    port.seek()
    await until(lambda: port.status()[0].connected)


async def test_a_server_that_restarts(own: LocalCluster, port: Clusters, heard: Heard) -> None:
    """While it is away passes fail quickly, and it is told; afterwards everything is in sync without a single dry run."""
    app = application()
    objects = [marked(app, config_map("default", "restart")), marked(app, service("default", "restart"))]
    await sync(port, app, *objects)
    assert port.status()[0].connected
    own.stop("kube-apiserver")
    await until(lambda: not port.status()[0].connected)
    started = time.process_time()
    with pytest.raises(ClusterError, match="local"):
        await sync(port, app, *objects)
    assert time.process_time() - started < 1
    own.start("kube-apiserver")
    await until(lambda: port.status()[0].connected)
    done = await _patient_sync(port, app, *objects)
    assert {live.in_sync for live in done.live.values()} == {True}
    assert [ok for ok, _ in heard.connections] == [True, False, True]


async def test_a_change_while_it_was_lost_is_told(own: LocalCluster, port: Clusters, heard: Heard) -> None:
    """What changed while no watch was open is found by the list after it."""
    app = application("missed")
    want = marked(app, service("default", "missed"))
    await sync(port, app, want)
    watches = port._clusters["local"]._watches
    reflectors = [task for reflector, task in watches._running.values()]
    assert len(reflectors) == 1
    own.stop("kube-apiserver")
    await until(lambda: not port.status()[0].connected)
    async with clusters(own) as other:
        own.start("kube-apiserver")
        changed = service("default", "missed")
        changed["spec"]["ports"][0]["port"] = 81
        await _patient_sync(other, app, marked(app, changed))
    await until(lambda: (app.key, want.ref) in heard.changes)


@dataclass(slots=True)
class Notes:
    """A sink that notes what it is told."""

    told: list[str] = field(default_factory=list)

    def begin(self) -> None:
        self.told.append("begin")

    def listed(self, obj: Object) -> None:
        self.told.append(f"listed {obj['metadata']['name']}")

    def complete(self, resource_version: int) -> None:
        self.told.append("complete")

    def changed(self, obj: Object) -> None:
        self.told.append(f"changed {obj['metadata']['name']}")

    def deleted(self, obj: Object) -> None:
        self.told.append(f"deleted {obj['metadata']['name']}")


async def test_a_version_that_is_too_old(own: LocalCluster, port: Clusters, heard: Heard) -> None:
    """A stream is to go on from before what the server remembers (here: its start): 410, and the list after it misses nothing."""
    labels = {"labels": {"test": "old"}}
    first = own.api.create("/api/v1/namespaces/default/configmaps", {"metadata": {"name": "first", **labels}})
    own.api.create("/api/v1/namespaces/default/configmaps", {"metadata": {"name": "second", **labels}})
    own.stop("kube-apiserver")
    own.start("kube-apiserver")
    there, notes = port._clusters["local"], Notes()
    target = Target("ConfigMaps", "/api/v1/namespaces/default/configmaps", {"labelSelector": "test=old"})
    reflector = Reflector(there._client, target, notes, there._link)
    reflector._version, reflector._listing = first["metadata"]["resourceVersion"], False
    following = asyncio.create_task(reflector.run())
    await until(lambda: "complete" in notes.told)
    own.api.create("/api/v1/namespaces/default/configmaps", {"metadata": {"name": "third", **labels}})
    await until(lambda: len(notes.told) > 4)
    assert notes.told == ["begin", "listed first", "listed second", "complete", "changed third"]
    assert [ok for ok, _ in heard.connections] == [True]  # nothing was lost: it was told so
    following.cancel()


async def test_an_empty_server_in_its_place(own: LocalCluster, port: Clusters, heard: Heard) -> None:
    """Same address, nothing in it: inventories, receipts and entries of the old one are forgotten, and all is made again."""
    app = application("replaced")
    objects = [marked(app, config_map("default", "replaced")), marked(app, service("default", "replaced"))]
    first = await sync(port, app, *objects)
    own.reset()
    await until(lambda: not port.status()[0].connected or len(heard.connections) > 1)
    await until(lambda: port.status()[0].connected)
    done = await _patient_sync(port, app, *objects)
    assert done.written.keys() == {one.ref for one in objects}
    assert all(done.written[ref].uid != first.written[ref].uid for ref in done.written)
    assert {live.in_sync for live in (await sync(port, app, *objects)).live.values()} == {True}
    async with clusters(own) as second:
        assert (await second.inventory(app)).members.keys() == {one.ref for one in objects}
    assert got(own, objects[0].ref)["metadata"]["uid"] == done.written[objects[0].ref].uid


async def test_a_dead_cluster_holds_up_only_its_own(own: LocalCluster) -> None:
    """One that refuses connections fails its applications at once; those of the other cluster go on."""
    dead = own.folder / "dead.kubeconfig"
    dead.write_text(own.kubeconfig.read_text().replace(own.server, "https://127.0.0.1:9"))
    configs = [ClusterConfig("local", kubeconfig=str(own.kubeconfig)), ClusterConfig("dead", kubeconfig=str(dead))]
    async with Clusters(configs, IDENTITY) as port:
        lost = application("lost", destination="dead")
        with pytest.raises(ClusterError, match="dead: it can't be reached"):
            await port.surface(lost)
        with pytest.raises(ClusterError, match="dead"):
            await port.inventory(lost)
        app = application("alive")
        assert (await sync(port, app, marked(app, config_map("default", "alive")))).written
        assert [status.connected for status in port.status()] == [True, False]


async def test_what_a_move_has_left_is_known_after_a_restart(own: LocalCluster, cluster: LocalCluster) -> None:
    """By the inventory that it left there; with two names for one cluster nothing is elsewhere."""
    there, here = application("moved"), application("moved", destination="here")
    one = config_map("default", "moved")
    async with clusters(own) as port:
        await _patient_sync(port, there, marked(there, one))
    places = {"local": own, "again": own, "here": cluster}
    async with Clusters([ClusterConfig(name, kubeconfig=str(at.kubeconfig)) for name, at in places.items()], IDENTITY) as port:
        await sync(port, here, marked(here, one))
        assert port.elsewhere(here) == {}
        inventory = await port.inventory(there)
        assert port.elsewhere(here) == {"local": inventory}
        await port.inventory(application("moved", destination="again"))
        assert port.elsewhere(there).keys() == {"here"}


async def test_a_cluster_that_is_not_configured_is_named(own: LocalCluster, port: Clusters) -> None:
    """The error names the destination, the application, and what there is."""
    with pytest.raises(ClusterError, match=r"argocd/web names it, and no such cluster is configured; there is local \(https://"):
        await port.observe(application(destination="east"), wanted(), Inventory())


async def _patient_sync(port: Clusters, app: App, *objects: Desired) -> Synced:
    """As a daemon does: a pass that fails for the cluster is made again when the cluster is back."""
    while True:
        try:
            return await sync(port, app, *objects)
        except ClusterError:
            await until(lambda: port.status()[0].connected)

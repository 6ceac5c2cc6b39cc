"""Inventories on a real API server: an ApplySet that any tool can read, and that nothing loses."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from subprocess import run

import pytest

from gitopsd.cluster import Clusters, Identity
from gitopsd.cluster.inventory_codec import DIGEST, FENCE, GROUP_KINDS, ID_LABEL, NAMESPACES, TOOLING, encode, parent_ref
from gitopsd.model.app import App, AppKey
from gitopsd.model.errors import ObjectError, TenureError
from gitopsd.model.marks import PART_OF_LABEL
from gitopsd.model.plan import Action, Inventory, Member, Step
from gitopsd.model.refs import ObjectRef
from localcluster import LocalCluster
from tests.cluster.hands import deleted, got, made, patched
from tests.cluster.world import IDENTITY, Heard, application, clusters, config_map, marked, service, sync, wanted
from tests.waiting import until


def _inventory(namespace: str, *names: str) -> Inventory:
    refs = [ObjectRef("", "ConfigMap", namespace, name) for name in names]
    return Inventory({ref: Member(ref, "v1", f"uid of {ref.name}") for ref in refs})


def _parent(app: App) -> ObjectRef:
    return parent_ref(IDENTITY, app.key)


async def test_is_an_applyset(cluster: LocalCluster, port: Clusters, namespace: str) -> None:
    """The parent has id, tooling, kinds and namespaces as KEP-3659 and kubectl write them, and members carry the id."""
    app = application(namespace)
    want = marked(app, service(namespace))
    await sync(port, app, marked(app, config_map(namespace)), want)
    metadata = got(cluster, _parent(app))["metadata"]
    assert metadata["labels"][ID_LABEL] == got(cluster, want.ref)["metadata"]["labels"][PART_OF_LABEL]
    assert metadata["annotations"][TOOLING].startswith("gitopsd/v")
    assert metadata["annotations"][GROUP_KINDS] == "ConfigMap,Service"
    assert metadata["annotations"][NAMESPACES] == namespace


async def test_kubectl_reads_it_and_keeps_away(cluster: LocalCluster, port: Clusters, namespace: str, tmp_path: Path) -> None:
    """kubectl knows our parent for an ApplySet of another tool, and refuses to use it."""
    app = application(namespace)
    await port.remember(app, _inventory(namespace, "a"))
    file = tmp_path / "settings.json"
    file.write_text(json.dumps(config_map(namespace)))
    kubectl = str(Path(sys.executable).with_name("kubectl"))
    flags = ["--kubeconfig", str(cluster.kubeconfig), "-n", "gitopsd"]
    command = [kubectl, *flags, "apply", "--prune", f"--applyset=configmap/{_parent(app).name}", "-f", str(file)]
    environment = {"KUBECTL_APPLYSET": "true", "HOME": str(tmp_path)}  # it keeps a cache at home
    done = await asyncio.to_thread(run, command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "gitopsd" in done.stderr
    assert "kubectl" in done.stderr


async def test_members_of_other_sets_are_seen_to_be(cluster: LocalCluster, port: Clusters, namespace: str) -> None:
    """An object with the label of another ApplySet is read with its owner, whoever that is."""
    app = application(namespace)
    theirs = config_map(namespace, "theirs")
    theirs["metadata"]["labels"] = {PART_OF_LABEL: "applyset-of-another-v1"}
    made(cluster, theirs)
    want = marked(app, config_map(namespace, "theirs"))
    live = (await port.observe(app, wanted(want), Inventory())).get(want.ref)
    if live is None:  # the watch had not begun to see it
        live = (await port.dry_run(app, Step(want.ref, Action.CREATE, "", want))).existing
    assert live is not None
    assert (live.tool, live.mark) == ("ApplySet applyset-of-another-v1", None)


async def test_outlives_the_daemon(cluster: LocalCluster, port: Clusters, namespace: str) -> None:
    """Another daemon finds it, without a request for each application."""
    app, other = application(namespace), application(f"{namespace}-2")
    await port.remember(app, _inventory(namespace, "a", "b"))
    await port.remember(other, _inventory(namespace, "c"))
    heard = Heard()
    async with clusters(cluster, heard) as second:
        assert await second.inventory(app) == _inventory(namespace, "a", "b")
        assert await second.inventory(other) == _inventory(namespace, "c")
    assert [verb for verb, _ in heard.requests] == ["get", "watch"]  # which cluster it is, and one stream of all inventories


async def test_is_written_only_where_it_differs(port: Clusters, heard: Heard, namespace: str) -> None:
    """What is stored is not stored again."""
    app = application(namespace)
    await port.remember(app, _inventory(namespace, "a"))
    heard.asked()
    await port.remember(app, _inventory(namespace, "a"))
    assert heard.asked() == []


async def test_a_deleted_one_is_restored(cluster: LocalCluster, port: Clusters, namespace: str) -> None:
    """Deleted by hand under a running daemon, it still is what it was, and the next pass stores it again."""
    app = application(namespace)
    await port.remember(app, _inventory(namespace, "a"))
    deleted(cluster, _parent(app))
    stored = port._clusters["local"]._inventories._stored
    await until(lambda: _parent(app).name not in stored)
    assert await port.inventory(app) == _inventory(namespace, "a")
    await port.remember(app, _inventory(namespace, "a"))
    assert got(cluster, _parent(app))["metadata"]["labels"][ID_LABEL]


async def test_two_writers_lose_nothing(cluster: LocalCluster, port: Clusters, namespace: str) -> None:
    """A write that comes too late stores the union: an object too many costs a look, one too few is an orphan."""
    app = application(namespace)
    await port.remember(app, _inventory(namespace, "a"))
    inventories = port._clusters["local"]._inventories
    stale = dict(inventories._stored)
    async with clusters(cluster) as second:
        await second.remember(app, _inventory(namespace, "a", "b"))
    await until(lambda: inventories._stored[_parent(app).name].version > stale[_parent(app).name].version)
    inventories._stored.update(stale)
    await port.remember(app, _inventory(namespace, "a", "c"))
    async with clusters(cluster) as third:
        assert await third.inventory(app) == _inventory(namespace, "a", "b", "c")


@dataclass
class Held:
    """A tenure by `token`, until it is `over`."""

    token: str
    over: bool = False

    def check(self) -> None:
        """As replicas do."""
        if self.over:
            raise TenureError("it is over")

    def hold(self, _: AppKey) -> str:
        """The same for all applications."""
        return self.token


async def test_a_fence_keeps_out_who_was_taken_over(cluster: LocalCluster, namespace: str) -> None:
    """Who takes over puts up a higher one ahead of its writes; the other one writes nothing behind it until it has a new hold."""
    app, a, b = application(namespace), Held("a.1"), Held("b.1")
    async with (
        clusters(cluster, identity=replace(IDENTITY, tenure=a)) as first,
        clusters(cluster, identity=replace(IDENTITY, tenure=b)) as second,
    ):

        def fence() -> str:
            return str(got(cluster, _parent(app))["metadata"]["annotations"][FENCE])

        await first.remember(app, _inventory(namespace, "a"), ahead=True)
        assert fence() == "1/a.1"
        assert await second.inventory(app) == _inventory(namespace, "a")
        await second.remember(app, _inventory(namespace, "a"))
        assert fence() == "1/a.1", "a look changes nothing"
        await second.remember(app, _inventory(namespace, "a"), ahead=True)
        assert fence() == "2/b.1"
        with pytest.raises(TenureError, match=r"taken over by another replica \(gitopsd.dev/fence: 2/b.1\)"):
            await first.remember(app, _inventory(namespace, "a", "c"))
        a.token = "a.2"
        stored = first._clusters["local"]._inventories._stored
        await until(lambda: stored[_parent(app).name].fence == "2/b.1")
        await first.remember(app, _inventory(namespace, "a", "c"))
        assert fence() == "3/a.2"


async def test_nothing_is_written_when_the_tenure_is_over(cluster: LocalCluster, namespace: str) -> None:
    """Not even what could still be sent; a dry run changes nothing, and may be."""
    app, tenure = application(namespace), Held("a.1")
    want = marked(app, config_map(namespace))
    async with clusters(cluster, identity=replace(IDENTITY, tenure=tenure)) as port:
        tenure.over = True
        assert (await port.dry_run(app, Step(want.ref, Action.CREATE, "", want))).after
        with pytest.raises(TenureError):
            await port.write(app, Step(want.ref, Action.CREATE, "", want))
        with pytest.raises(TenureError):
            await port.remember(app, _inventory(namespace, "a"))
        assert await port.read(app, want.ref) is None


async def test_a_damaged_one_is_an_error(cluster: LocalCluster, port: Clusters, namespace: str) -> None:
    """Content that is not what was written stops the application, and only that one; it is never an empty inventory."""
    app, other = application(namespace), application(f"{namespace}-2")
    await port.remember(app, _inventory(namespace, "a"))
    await port.remember(other, _inventory(namespace, "c"))
    patched(cluster, _parent(app), {"data": {"members.json": "[]"}})
    stored = port._clusters["local"]._inventories._stored
    await until(lambda: stored[_parent(app).name].content is not None)
    with pytest.raises(ObjectError, match="not what was written") as failure:
        await port.inventory(app)
    assert failure.value.reason == "Damaged"
    with pytest.raises(ObjectError):
        await port.remember(app, Inventory())
    assert await port.inventory(other) == _inventory(namespace, "c")


async def test_a_foreign_one_is_refused(cluster: LocalCluster, port: Clusters, namespace: str) -> None:
    """A ConfigMap of that name that another tool or another installation keeps is neither read nor written."""
    kubectls = application(namespace)
    theirs = encode(IDENTITY, kubectls.key, Inventory())
    theirs["metadata"]["annotations"][TOOLING] = "kubectl/v1.37.1"
    made(cluster, theirs)
    with pytest.raises(ObjectError, match=r"belongs to the tool 'kubectl/v1.37.1'") as failure:
        await port.remember(kubectls, _inventory(namespace, "a"))
    assert failure.value.reason == "OwnedByAnother"
    others = application(f"{namespace}-2")
    mine = encode(IDENTITY, others.key, Inventory())
    mine["metadata"]["annotations"]["gitopsd.dev/installation"] = "elsewhere"
    made(cluster, mine)
    with pytest.raises(ObjectError, match="installation 'elsewhere'"):
        await port.remember(others, _inventory(namespace, "a"))


async def test_a_large_one_is_packed(cluster: LocalCluster, port: Clusters, namespace: str) -> None:
    """Ten thousand objects fit, and come back."""
    app = application(namespace)
    inventory = _inventory(namespace, *(f"a-rather-long-name-of-an-object-{number}" for number in range(10_000)))
    await port.remember(app, inventory)
    assert "members.json.gz" in got(cluster, _parent(app))["binaryData"]
    assert DIGEST in got(cluster, _parent(app))["metadata"]["annotations"]
    async with clusters(cluster) as second:
        assert await second.inventory(app) == inventory


async def test_makes_its_own_namespace_once(cluster: LocalCluster, namespace: str) -> None:
    """Where the namespace of the inventories is missing it is made, with the first inventory."""
    identity = Identity("test", namespace=f"{namespace}-system")
    app = application(namespace)
    async with clusters(cluster, identity=identity) as port:
        assert await port.inventory(app) == Inventory()
        await port.remember(app, _inventory(namespace, "a"))
        assert await port.inventory(app) == _inventory(namespace, "a")
    assert got(cluster, parent_ref(identity, app.key))["metadata"]["namespace"] == f"{namespace}-system"


async def test_an_application_that_goes_leaves_no_empty_inventory(cluster: LocalCluster, port: Clusters, namespace: str) -> None:
    """`forget` deletes an empty inventory, and keeps one that still lists objects."""
    gone, left = application(namespace), application(f"{namespace}-2")
    await port.remember(gone, _inventory(namespace, "a"))
    await port.remember(gone, Inventory())
    await port.remember(left, _inventory(namespace, "b"))
    await port.forget(gone)
    await port.forget(left)
    async with clusters(cluster) as second:
        assert await second.inventory(left) == _inventory(namespace, "b")
    names = {item["metadata"]["name"] for item in cluster.api.get("/api/v1/namespaces/gitopsd/configmaps")["items"]}
    assert _parent(gone).name not in names
    assert _parent(left).name in names

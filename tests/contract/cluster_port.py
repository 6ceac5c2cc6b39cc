"""What every cluster port does, the real one and the fake: tests that both inherit."""

from __future__ import annotations

import pytest

from gitopsd.model.errors import ObjectError
from gitopsd.model.health import HealthStatus
from gitopsd.model.plan import Action, Inventory, Live, Member, Step
from gitopsd.model.refs import ObjectRef
from gitopsd.ports import ClusterPort
from tests.cluster.world import application, config_map, marked, service, sync, unmarked, wanted


class ClusterPortContract:
    """Give it fixtures `port` (a ClusterPort) and `namespace` (the name of one that exists, and is empty)."""

    async def test_knows_what_is_served(self, port: ClusterPort) -> None:
        """The surface tells built-in kinds with their scopes, stays the same object, and does not know what is not served."""
        app = application()
        surface = await port.surface(app)
        deployment = surface.resource("apps/v1", "Deployment")
        namespaces = surface.resource("v1", "Namespace")
        assert deployment is not None
        assert (deployment.plural, deployment.namespaced) == ("deployments", True)
        assert namespaces is not None
        assert not namespaces.namespaced
        assert surface.resource("apps/v1beta1", "Deployment") is None
        assert (await port.surface(app)).digest == surface.digest

    async def test_creates_and_is_then_in_sync(self, port: ClusterPort, namespace: str) -> None:
        """An object that is not there is tried, written, and afterwards in sync without another trial."""
        app, want = application(namespace), marked(application(namespace), config_map(namespace, key="1"))
        first = await sync(port, app, want)
        assert first.trials[want.ref].before is None
        assert not first.trials[want.ref].unchanged
        assert first.written[want.ref].uid
        second = await sync(port, app, want)
        live = second.live[want.ref]
        assert (second.trials, live.in_sync, live.object) == ({}, True, None)
        assert live.uid == first.written[want.ref].uid
        assert live.mark is not None
        assert (live.mark.app, live.mark.ref) == (app.key, want.ref)

    async def test_reads_what_is_there(self, port: ClusterPort, namespace: str) -> None:
        """An object as it is live, whether or not it is in sync; None for one that is not there, or of no kind that is served."""
        app, want = application(namespace), marked(application(namespace), config_map(namespace, key="1"))
        assert await port.read(app, want.ref) is None
        await sync(port, app, want)
        live = await port.read(app, want.ref)
        assert live is not None
        assert (live["data"], ObjectRef.of(live)) == ({"key": "1"}, want.ref)
        assert await port.read(app, ObjectRef("example.org", "Nothing", namespace, "a")) is None

    async def test_tells_what_an_update_would_change(self, port: ClusterPort, namespace: str) -> None:
        """A changed object is no longer in sync and comes whole; its trial shows before and after; its uid stays."""
        app = application(namespace)
        first = await sync(port, app, marked(app, config_map(namespace, key="1")))
        changed = marked(app, config_map(namespace, key="2"))
        second = await sync(port, app, changed)
        live, trial = second.live[changed.ref], second.trials[changed.ref]
        assert live.object is not None
        assert live.object["data"] == {"key": "1"}
        assert trial.before is not None
        assert trial.after is not None
        assert (trial.before["data"], trial.after["data"]) == ({"key": "1"}, {"key": "2"})
        assert second.written[changed.ref].uid == first.written[changed.ref].uid

    async def test_a_dry_run_writes_nothing(self, port: ClusterPort, namespace: str) -> None:
        """After a trial of a creation and nothing else, the next one finds the object still missing."""
        app, want = application(namespace), marked(application(namespace), config_map(namespace))
        await port.observe(app, wanted(want), Inventory())
        for _ in range(2):
            trial = await port.dry_run(app, Step(want.ref, Action.CREATE, "", want))
            assert trial.existing is None
            assert trial.after is not None

    async def test_finds_out_that_an_object_exists(self, port: ClusterPort, namespace: str) -> None:
        """The trial of a creation gives the object that is there unmarked; taken over, it is ours."""
        app, name = application(namespace), "found"
        bare = unmarked(config_map(namespace, name, key="theirs"))
        await port.write(app, Step(bare.ref, Action.CREATE, "", bare))
        want = marked(app, config_map(namespace, name, key="ours"))
        trial = await port.dry_run(app, Step(want.ref, Action.CREATE, "", want))
        assert trial.existing is not None
        assert trial.existing.object is not None
        assert trial.existing.object["data"] == {"key": "theirs"}
        assert trial.existing.mark is None
        await port.write(app, Step(want.ref, Action.CONFIGURE, "", want, trial.existing))
        assert (await sync(port, app, want)).live[want.ref].in_sync

    async def test_prunes(self, port: ClusterPort, namespace: str) -> None:
        """What left Git is live by the inventory, whole, and gone after its prune; a bystander stays."""
        app = application(namespace)
        bystander = unmarked(config_map(namespace, "bystander"))
        await port.write(app, Step(bystander.ref, Action.CREATE, "", bystander))
        kept, leaving = marked(app, config_map(namespace, "kept")), marked(app, service(namespace, "leaving"))
        await sync(port, app, kept, leaving)
        done = await sync(port, app, kept)
        assert done.live[leaving.ref].object is not None
        assert done.written.keys() == {leaving.ref}
        settled = await port.settle(app, frozenset({leaving.ref, kept.ref, bystander.ref}), 20)
        assert settled[leaving.ref].status is HealthStatus.MISSING
        assert settled[bystander.ref].status is settled[kept.ref].status is HealthStatus.HEALTHY
        assert (await sync(port, app, kept)).live.keys() == {kept.ref}

    async def test_refuses_an_update_of_another_object_of_that_name(self, port: ClusterPort, namespace: str) -> None:
        """An update is bound to the uid that it was planned for."""
        app, want = application(namespace), marked(application(namespace), config_map(namespace))
        await sync(port, app, want)
        health = (await port.settle(app, frozenset({want.ref}), 5))[want.ref]
        planned_for = Live(want.ref, "another-uid", "1", health, object={"metadata": {"resourceVersion": "1"}})
        with pytest.raises(ObjectError) as failure:
            await port.write(app, Step(want.ref, Action.CONFIGURE, "", want, planned_for))
        assert failure.value.reason == "Replaced"

    async def test_names_what_is_missing(self, port: ClusterPort, namespace: str) -> None:
        """A missing namespace and a kind that is not served are told apart."""
        app = application(namespace)
        homeless = marked(app, config_map(f"{namespace}-missing"))
        with pytest.raises(ObjectError, match=r"namespaces .* not found") as failure:
            await port.dry_run(app, Step(homeless.ref, Action.CREATE, "", homeless))
        assert failure.value.reason == "NotFound"
        metadata = {"name": "x", "namespace": namespace}
        strange = marked(app, {"apiVersion": "example.test/v1", "kind": "Strange", "metadata": metadata})
        with pytest.raises(ObjectError) as failure:
            await port.dry_run(app, Step(strange.ref, Action.CREATE, "", strange))
        assert failure.value.reason == "NotServed"

    async def test_remembers(self, port: ClusterPort, namespace: str) -> None:
        """An inventory comes back as it was stored, for its own application only."""
        app, other = application(namespace), application(f"{namespace}-other")
        ref = ObjectRef("apps", "Deployment", namespace, "api")
        inventory = Inventory({ref: Member(ref, "apps/v1", "uid-1")})
        assert await port.inventory(app) == Inventory()
        await port.remember(app, inventory)
        assert await port.inventory(app) == inventory
        assert await port.inventory(other) == Inventory()
        await port.remember(app, Inventory())
        await port.forget(app)
        assert await port.inventory(app) == Inventory()

    async def test_recreates(self, port: ClusterPort, namespace: str) -> None:
        """A recreated object has another uid, and the wanted content."""
        app, want = application(namespace), marked(application(namespace), config_map(namespace, key="1"))
        first = await sync(port, app, want)
        again = marked(app, config_map(namespace, key="2"))
        live = (await port.observe(app, wanted(again), await port.inventory(app)))[want.ref]
        step = Step(again.ref, Action.RECREATE, "", again, live)
        await port.dry_run(app, step)
        written = await port.write(app, step)
        assert written.uid not in ("", first.written[want.ref].uid)
        assert (await sync(port, app, again)).live[want.ref].in_sync

    async def test_makes_sure_of_a_namespace_without_owning_it(self, port: ClusterPort, namespace: str) -> None:
        """An unmarked object is looked for, made where it is missing, and from then on in sync."""
        app = application(namespace)
        want = unmarked({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": f"{namespace}-made"}})
        first = await sync(port, app, want)
        assert first.written.keys() == {want.ref}
        second = await sync(port, app, want)
        assert second.live[want.ref].in_sync
        assert second.live[want.ref].mark is None

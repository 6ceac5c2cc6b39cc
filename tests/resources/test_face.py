"""Resources as the daemon deals with them: read, obeyed and written to, over an agent at work and a server in memory."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from gitopsd.config.resources import REFRESH, ApplicationResources
from gitopsd.config.rules import mapping
from gitopsd.daemon.agent import Agent
from gitopsd.model.app import App, AppKey
from gitopsd.model.errors import ClusterError, GitopsdError, ObjectError
from gitopsd.model.plan import Step
from gitopsd.model.refs import Object
from gitopsd.ports import Written
from gitopsd.resources import writeback as module
from gitopsd.resources.face import Resources
from gitopsd.resources.holder import CONTROLLER
from gitopsd.resources.operation import asked, resumed
from gitopsd.resources.requests import Requests
from gitopsd.resources.writeback import Writeback
from tests.fakes import FakeCluster
from tests.plan.builders import manifest, ref
from tests.reconciling import World
from tests.resources.test_patch import merged
from tests.waiting import until

KEY = AppKey("argocd", "shop")


@pytest.fixture(autouse=True)
def out_of_breath(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits between two writes."""
    monkeypatch.setattr(module, "BREATH", 0.01)
    monkeypatch.setattr(module, "LONG_BREATH", 0.01)


@dataclass(slots=True)
class Followed:
    """The resources of a server in memory; `refuses` is raised by every write."""

    applications: dict[AppKey, Object] = field(default_factory=dict)
    projects: Mapping[AppKey, Mapping[str, Any]] | None = field(default_factory=dict)
    failures: tuple[str, ...] = ()
    patches: list[Mapping[str, Any]] = field(default_factory=list)
    refuses: GitopsdError | None = None

    async def patch(self, key: AppKey, patch: Mapping[str, Any]) -> bool:
        if self.refuses:
            raise self.refuses
        self.patches.append(patch)
        self.change(key, patch)
        return True

    def change(self, key: AppKey, patch: Mapping[str, Any]) -> None:
        """Somebody merges a patch into a resource."""
        changed = merged(self.applications[key], patch)
        version = str(int(changed["metadata"]["resourceVersion"]) + 1)
        self.applications[key] = {**changed, "metadata": {**changed["metadata"], "resourceVersion": version}}


@dataclass(slots=True)
class GatedCluster(FakeCluster):
    """Writes wait until the gate is open."""

    gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def write(self, app: App, step: Step) -> Written:
        await self.gate.wait()
        return await FakeCluster.write(self, app, step)


def resource(key: AppKey = KEY, *, automated: bool = True, **spec: Any) -> Object:
    """An Application resource as the server has it."""
    policy = {"syncPolicy": {"automated": {"prune": True, "selfHeal": True}}} if automated else {}
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": key.name, "namespace": key.namespace, "uid": "u", "resourceVersion": "1", "generation": 1},
        "spec": {
            "destination": {"name": "here", "namespace": "web"},
            "source": {"repoURL": "repo", "path": "p"},
            **policy,
            **spec,
        },
    }


@dataclass(slots=True)
class Town:
    """A daemon's parts around one resource. `scan` is what its timer does."""

    world: World
    cluster: GatedCluster
    followed: Followed
    agent: Agent
    resources: Resources
    refreshed: list[AppKey] = field(default_factory=list)
    hard: bool = False
    """Whether the last refresh was a hard one."""

    def scan(self) -> None:
        """Reads the resources, has the agent take them over, does what they ask for."""
        scan = self.resources.scan()
        problems = {problem.app: str(problem) for problem in scan.problems if problem.app}
        for key in self.agent.adopt({app.key: app for app in scan.apps}, problems):
            self.resources.writeback.forget(key)
        self.resources.heed(scan)

    async def refresh(self, key: AppKey, *, hard: bool = False) -> None:
        """The timers' part."""
        self.refreshed.append(key)
        self.hard = hard

    @property
    def live(self) -> Object:
        """The resource as it is."""
        return self.followed.applications[KEY]

    @property
    def status(self) -> Object:
        """Its status, empty where there is none."""
        found: Object = self.live.get("status") or {}
        return found

    def phase(self) -> str:
        """The phase of its last operation."""
        return str(mapping(self.status.get("operationState")).get("phase"))

    async def shown(self, sync: str) -> None:
        """Returns when the resource says so, and nothing is left to do or to write."""
        await until(lambda: mapping(self.status.get("sync")).get("status") == sync and self.is_quiet())

    def is_quiet(self) -> bool:
        """Whether there is nothing left to do or to write."""
        return not (self.agent.queue or self.agent._passes or self.resources.writeback._due)


@contextlib.asynccontextmanager
async def town(of: Object | None = None, *, open_gate: bool = True) -> AsyncIterator[Town]:
    """A town whose Git holds a ConfigMap `a`; the first scan is done."""
    cluster = GatedCluster()
    world = World(cluster=cluster)
    world.git.push("c1", manifest(name="a"))
    if open_gate:
        cluster.gate.set()
    followed = Followed({KEY: of or resource()})
    writeback = Writeback(followed, world.clock)
    agent = Agent(world.reconciler, (writeback.passed,), (writeback.changed,), workers=2)
    requests = Requests(agent, writeback)
    found = Town(world, cluster, followed, agent, Resources(followed, ApplicationResources(None), writeback, requests))
    requests.refresh = found.refresh
    working = asyncio.create_task(agent.run())
    try:
        found.scan()
        yield found
    finally:
        working.cancel()
        await asyncio.wait({working})
        await agent.drain(5)
        await writeback.close()


async def test_a_resource_is_deployed_and_a_pass_without_news_writes_nothing() -> None:
    """Its status says so once; looking again, and again, sends no patch."""
    async with town() as found:
        await found.shown("Synced")
        written = len(found.followed.patches)
        for _ in range(3):
            found.scan()
            await found.agent.preview(KEY)
            await until(found.is_quiet)
        assert len(found.followed.patches) == written
        assert found.world.names() == {"ConfigMap/web/a"}


async def test_what_somebody_writes_into_the_status_is_put_right() -> None:
    """The next scan sees the change, and the status is what it was."""
    async with town() as found:
        await found.shown("Synced")
        before = found.status
        found.followed.change(KEY, {"status": {"sync": {"status": "Nonsense"}}})
        found.scan()
        await found.shown("Synced")
        assert found.status == before


async def test_whatever_stands_in_a_status_is_mended() -> None:
    """What is no status can neither hold up its own resource nor the others."""
    async with town() as found:
        await found.shown("Synced")
        hostile = {
            "health": "fine",
            "history": [{"id": "x"}, 7],
            "conditions": "none",
            "operationState": ["Terminating"],
            "sync": 3,
        }
        found.followed.change(KEY, {"status": hostile, "operation": {"sync": [1]}})
        found.scan()
        await found.shown("Synced")
        await until(lambda: "operation" not in found.live)
        assert found.status["health"]["status"] == "Healthy"
        assert found.phase() == "Error"


async def test_an_operation_is_taken_up_once_and_its_field_goes_when_it_has_ended() -> None:
    """As in Argo CD the field stays while it runs, so that a restart takes it up again."""
    async with town(resource(automated=False), open_gate=False) as found:
        await found.shown("OutOfSync")
        found.followed.change(KEY, {"operation": {"initiatedBy": {"username": "ann"}, "sync": {"revision": "c1"}}})
        found.scan()
        await until(lambda: found.phase() == "Running")
        found.scan()
        assert found.live["operation"]
        found.cluster.gate.set()
        await until(lambda: "operation" not in found.live)
        state = found.status["operationState"]
        assert (state["phase"], state["operation"]["initiatedBy"]) == ("Succeeded", {"username": "ann"})
        assert [entry["initiatedBy"] for entry in found.status["history"]] == [{"username": "ann"}]
        assert len(found.world.history.records) == 1


async def test_a_dry_run_has_its_result_and_changes_nothing() -> None:
    """It stays the last operation."""
    async with town(resource(automated=False)) as found:
        await found.shown("OutOfSync")
        found.followed.change(KEY, {"operation": {"sync": {"dryRun": True}}})
        found.scan()
        await until(lambda: "operation" not in found.live)
        assert found.status["operationState"]["operation"]["sync"]["dryRun"]
        assert found.phase() == "Succeeded"
        assert found.world.names() == set()


async def test_an_operation_that_would_not_be_done_is_refused_in_its_state() -> None:
    """The field goes, and the state says why."""
    async with town(resource(automated=False)) as found:
        await found.shown("OutOfSync")
        found.followed.change(KEY, {"operation": {"sync": {"manifests": ["{}"]}}})
        found.scan()
        await until(lambda: "operation" not in found.live)
        assert (found.phase(), found.status["operationState"]["message"]) == (
            "Error",
            "operation.sync.manifests: is not supported: gitopsd deploys what Git holds",
        )


RETRIED = {"sync": {"revision": "c1"}, "retry": {"limit": 9, "backoff": {"duration": "1h"}}}


async def test_an_operation_that_waits_to_be_tried_again_gives_way_to_another() -> None:
    """Its field stays as long as it waits; one that is written in its place is done at once."""
    async with town(resource(automated=False)) as found:
        await found.shown("OutOfSync")
        found.cluster.failures["dry_run", ref("a")] = ObjectError(ref("a"), "create", "Forbidden", "not today")
        found.followed.change(KEY, {"operation": RETRIED})
        found.scan()
        await until(lambda: found.status.get("operationState", {}).get("retryCount") == 1)
        assert (found.phase(), found.live["operation"]) == ("Running", RETRIED)
        found.cluster.failures.clear()
        found.followed.change(KEY, {"operation": {"initiatedBy": {"username": "ben"}, "retry": None}})
        found.scan()
        await until(lambda: "operation" not in found.live and found.phase() == "Succeeded")
        assert found.status["operationState"]["operation"]["initiatedBy"] == {"username": "ben"}
        assert "retryCount" not in found.status["operationState"]


async def test_an_operation_that_waits_is_left_to_the_next_start() -> None:
    """The end of gitopsd is no end of what somebody asked for, and what was tried counts."""
    async with town(resource(automated=False)) as found:
        await found.shown("OutOfSync")
        found.cluster.failures["dry_run", ref("a")] = ObjectError(ref("a"), "create", "Forbidden", "not today")
        found.followed.change(KEY, {"operation": RETRIED})
        found.scan()
        await until(lambda: found.status.get("operationState", {}).get("retryCount") == 1)
        await found.agent.drain(5)
        await found.resources.writeback.close()
        assert (found.phase(), found.live["operation"]) == ("Running", RETRIED)
        assert resumed(asked(RETRIED, found.world.app), found.status["operationState"]).retries == 1


async def test_phase_terminating_ends_the_sync_under_way() -> None:
    """What `argocd app terminate-op` writes."""
    async with town(open_gate=False) as found:
        await until(lambda: found.phase() == "Running")
        found.followed.change(KEY, {"status": {"operationState": {"phase": "Terminating"}}})
        found.scan()
        await until(lambda: found.phase() == "Failed")
        assert found.status["operationState"]["message"] == "terminated"


async def test_a_refresh_is_answered_by_the_pass_that_follows() -> None:
    """The repositories are asked, the application is looked at, and then the annotation goes."""
    async with town() as found:
        await found.shown("Synced")
        found.world.clock.advance(60)
        found.followed.change(KEY, {"metadata": {"annotations": {REFRESH: "hard", "mine": "stays"}}})
        found.scan()
        await until(lambda: found.live["metadata"].get("annotations") == {"mine": "stays"})
        assert (found.refreshed, found.hard) == ([KEY], True)
        assert found.status["reconciledAt"] == "2026-03-01T12:01:00Z"
        found.followed.change(KEY, {"metadata": {"annotations": {REFRESH: "normal"}}})  # before anybody saw the first one go
        found.scan()
        await until(lambda: REFRESH not in found.live["metadata"]["annotations"])
        assert (found.refreshed, found.hard) == ([KEY, KEY], False)


async def test_what_argo_cd_reconciles_is_refused_and_not_written_to() -> None:
    """Nothing is deployed, our own status says why, and once its controller is silent the application is taken over."""
    entry = {"manager": CONTROLLER, "time": "2026-03-01T11:59:00Z", "fieldsV1": {"f:status": {}}}
    held = resource()
    held["metadata"]["managedFields"] = [entry]
    async with town(held) as found:
        await until(lambda: bool(found.agent.find("shop").conditions))
        (condition,) = found.agent.find("shop").conditions
        assert condition.type == "HeldError"
        assert "Argo CD reconciles it" in condition.message
        assert found.followed.patches == []
        found.world.clock.advance(600)
        found.scan()
        await found.shown("Synced")


async def test_a_broken_resource_says_so_itself_and_a_good_one_again() -> None:
    """InvalidSpecError in its conditions, until it is mended."""
    async with town(resource(source=None)) as found:
        await until(lambda: bool(found.status.get("conditions")))
        (condition,) = found.status["conditions"]
        assert condition["type"] == "InvalidSpecError"
        assert condition["message"].startswith("Application argocd/shop: spec: must have exactly one of source and sources")
        found.followed.change(KEY, {"spec": {"source": {"repoURL": "repo", "path": "p"}}})
        found.scan()
        await found.shown("Synced")
        assert "conditions" not in found.status


async def test_a_broken_resource_is_written_to_by_who_has_it() -> None:
    """Another replica reads it as well, and leaves it alone until it takes over."""
    async with town(resource(source=None)) as found:
        await until(found.is_quiet)
        found.followed.change(KEY, {"status": None})
        found.resources.writeback.holds = lambda _: False
        found.scan()
        await until(found.is_quiet)
        assert found.status == {}
        found.resources.writeback.holds = lambda _: True
        found.scan()
        await until(lambda: bool(found.status.get("conditions")))


async def test_a_cluster_that_is_away_holds_nobody_up() -> None:
    """The sync ends; the status is written when the cluster is back."""
    async with town(open_gate=False) as found:
        await until(lambda: found.phase() == "Running")
        found.followed.refuses = ClusterError("here", "away")
        found.cluster.gate.set()
        await until(lambda: found.agent.find("shop").settled)
        found.followed.refuses = None
        await found.shown("Synced")


async def test_a_resource_that_is_gone_leaves_its_objects() -> None:
    """Nothing is written to it any more."""
    async with town() as found:
        await found.shown("Synced")
        found.followed.applications = {}
        found.scan()
        assert found.agent.statuses() == ()
        assert found.world.names() == {"ConfigMap/web/a"}


async def test_a_resource_that_is_deleted_takes_its_objects_along() -> None:
    """Its finalizer is taken off when they are gone, and then it is gone itself; finalizers of others stay."""
    async with town() as found:
        await found.shown("Synced")
        going = {"finalizers": ["resources-finalizer.argocd.argoproj.io", "mine"], "deletionTimestamp": "2026-03-01T12:00:00Z"}
        found.followed.change(KEY, {"metadata": going})
        found.scan()
        await until(lambda: found.live["metadata"]["finalizers"] == ["mine"])
        assert found.world.names() == set()
        found.scan()
        await until(found.is_quiet)
        found.followed.applications = {}
        found.scan()
        assert found.agent.statuses() == ()


async def test_a_resource_that_is_deleted_without_a_finalizer_of_ours_leaves_its_objects() -> None:
    """While others hold it, and after."""
    async with town() as found:
        await found.shown("Synced")
        found.followed.change(KEY, {"metadata": {"finalizers": ["mine"], "deletionTimestamp": "2026-03-01T12:00:00Z"}})
        found.scan()
        await until(lambda: bool((deletion := found.agent.find("shop").app.deletion) and deletion.done))
        assert found.world.names() == {"ConfigMap/web/a"}
        assert found.live["metadata"]["finalizers"] == ["mine"]


async def test_a_declaration_that_changes_is_taken_up_and_a_status_is_none() -> None:
    """Labels and spec are news; what we write is not."""
    async with town() as found:
        await found.shown("Synced")
        app = found.agent.find("shop").app
        found.scan()
        assert found.agent.find("shop").app is app
        found.followed.change(KEY, {"metadata": {"labels": {"team": "a"}}})
        found.scan()
        assert found.agent.find("shop").app == replace(app, labels={"team": "a"})

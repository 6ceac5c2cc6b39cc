"""What holds for any plan: waves, hooks and dependencies in order, nothing foreign deleted, nothing written after a refusal."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitopsd.model.app import App
from gitopsd.model.deletion import Deletion
from gitopsd.model.errors import ObjectError
from gitopsd.model.hooks import SYNC_PHASES
from gitopsd.model.plan import Action, Inventory, Step
from gitopsd.model.record import Phase, Trigger, TriggerKind
from gitopsd.model.refs import Object, ObjectRef
from gitopsd.ports import Written
from gitopsd.waiting import Course
from tests.fakes import FakeCluster
from tests.plan.builders import manifest, ref
from tests.properties.test_pipeline import CrashError, CrashingCluster
from tests.reconciling import World

MANUAL = Trigger(TriggerKind.MANUAL)
START, RETRY = Trigger(TriggerKind.START), Trigger(TriggerKind.RETRY)
NAMES = "abcdefgh"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A ConfigMap, or a hook, of a wave; it depends on some that come earlier in the alphabet."""

    name: str
    wave: int
    phase: str
    needs: tuple[str, ...]

    @property
    def manifest(self) -> Object:
        """As Git holds it."""
        said = {"argocd.argoproj.io/sync-wave": str(self.wave)}
        said |= {"argocd.argoproj.io/hook": self.phase} if self.phase else {}
        if self.needs:
            said["config.kubernetes.io/depends-on"] = ",".join(f"/namespaces/web/ConfigMap/{need}" for need in self.needs)
        return manifest(name=self.name, annotations=said)

    @property
    def moment(self) -> tuple[int, int]:
        """Phase and wave."""
        return [str(phase) for phase in SYNC_PHASES].index(self.phase or "Sync"), self.wave


@st.composite
def sets(draw: st.DrawFn) -> tuple[Wanted, ...]:
    """Objects whose dependencies can be kept: on what is in the same wave and phase, or in an earlier one."""
    found: list[Wanted] = []
    for name in draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=6)):
        phase, wave = draw(st.sampled_from(["", "", "", "PreSync", "Sync", "PostSync"])), draw(st.integers(-2, 2))
        made = Wanted(name, wave, phase, ())
        earlier = [one.name for one in found if one.moment <= made.moment and one.name < name]
        needs = draw(st.lists(st.sampled_from(earlier), unique=True, max_size=2)) if earlier else []
        found.append(Wanted(name, wave, phase, tuple(needs)))
    return tuple(found)


@dataclass(slots=True)
class WatchedCluster(FakeCluster):
    """Remembers what was written in order, the letting go of hooks aside."""

    written: list[Step] = field(default_factory=list)

    async def write(self, app: App, step: Step) -> Written:
        if step.reason != "the hook has run":
            self.written.append(step)
        return await FakeCluster.write(self, app, step)


@given(sets(), sets(), st.sets(st.sampled_from(NAMES)))
def test_everything_comes_in_order_and_nothing_foreign_goes(
    first: tuple[Wanted, ...], second: tuple[Wanted, ...], foreign: set[str]
) -> None:
    """A commit, hands that take marks off, another commit: applies by phase, wave and dependency, then prunes the other way."""

    async def run() -> None:
        cluster = WatchedCluster()
        world = World(cluster=cluster)
        world.git.push("c1", *(one.manifest for one in first))
        await world.reconcile(MANUAL)
        in_order(cluster.written, first)
        for name in foreign & {one.name for one in first if not one.phase}:
            cluster.put(manifest(name=name, namespace="web"))
        cluster.written.clear()
        world.git.push("c2", *(one.manifest for one in second))
        record = await world.reconcile(MANUAL)
        in_order(cluster.written, second)
        pruned = [step for step in cluster.written if step.action is Action.PRUNE]
        kept = foreign & {one.name for one in first if not one.phase}
        assert not {step.ref.name for step in pruned} & (kept | {one.name for one in second})
        waves = {one.name: one.wave for one in first}
        gone = [waves[step.ref.name] for step in pruned]
        assert gone == sorted(gone, reverse=True)
        if record.phase is Phase.FAILED:
            assert cluster.written == []

    asyncio.run(run())


def in_order(written: list[Step], wanted: tuple[Wanted, ...]) -> None:
    """Each write comes after those of earlier phases and waves, and after what it depends on."""
    known = {one.name: one for one in wanted}
    made = [known[step.ref.name] for step in written if step.action is not Action.PRUNE]
    assert [one.moment for one in made] == sorted(one.moment for one in made)
    for place, one in enumerate(made):
        assert not set(one.needs) & {later.name for later in made[place:]}


@given(sets(), st.sampled_from(NAMES))
def test_a_refusal_of_one_writes_none(wanted: tuple[Wanted, ...], refused: str) -> None:
    """Whatever it is, a hook too."""

    async def run() -> None:
        cluster = WatchedCluster()
        cluster.failures["dry_run", ref(refused)] = ObjectError(ref(refused), "dry-run", "Invalid", "no")
        world = World(cluster=cluster)
        world.git.push("c1", *(one.manifest for one in wanted))
        await world.reconcile(MANUAL)
        assert bool(cluster.written) is (bool(wanted) and refused not in {one.name for one in wanted})

    asyncio.run(run())


def commits() -> tuple[tuple[Object, ...], tuple[Object, ...]]:
    """Two commits that use all there is: waves, hooks of three phases and policies, a dependency, prunes."""

    def job(name: str, phase: str, policy: str) -> Object:
        said = {"argocd.argoproj.io/hook": phase, "argocd.argoproj.io/hook-delete-policy": policy}
        return manifest("Job", name, api="batch/v1", annotations=said)

    def waved(name: str, wave: int, **data: str) -> Object:
        return manifest(name=name, annotations={"argocd.argoproj.io/sync-wave": str(wave)}, data=data)

    hooks = (job("migrate", "PreSync", "BeforeHookCreation"), job("test", "PostSync", "HookSucceeded"))
    needing = Wanted("d", 0, "", ("b",)).manifest
    first = (*hooks, waved("a", -1), waved("b", 0), waved("c", 1), needing)
    return first, (*hooks, waved("a", -1, v="2"), waved("b", 0), needing, waved("e", 2))


STEPS = 28
"""Calls that change the cluster in the run below: none of them is left out."""


@pytest.mark.parametrize("done_first", [True, False], ids=["after", "before"])
@pytest.mark.parametrize("fuse", range(1, STEPS + 2))
async def test_a_crash_at_any_step(fuse: int, *, done_first: bool) -> None:
    """Killed before or after any single write of two syncs and a deletion: what follows converges, and nothing is orphaned."""
    cluster = CrashingCluster(fuse=fuse, done_first=done_first)
    world = World(cluster=cluster)
    for number, objects in enumerate(commits()):
        world.git.push(f"c{number}", *objects)
        try:
            await world.reconcile()
        except CrashError:
            await _again(world)
            await world.reconcile(START)
    assert world.names() == {"ConfigMap/web/a", "ConfigMap/web/b", "ConfigMap/web/d", "ConfigMap/web/e", "Job/web/migrate"}
    assert cluster.objects[ref("a")]["data"] == {"v": "2"}
    assert "finalizers" not in cluster.objects[ObjectRef("batch", "Job", "web", "migrate")]["metadata"]
    members = {str(member) for member in cluster.inventories[world.app.key].members}
    assert world.names() <= members
    try:
        await _delete(world)
    except CrashError:
        await _again(world)
        await _delete(world)
    assert (world.names(), cluster.inventories.get(world.app.key, Inventory()).members) == (set(), {})
    assert [record for record in world.history.records.values() if record.phase is Phase.RUNNING] == []
    assert (cluster.fuse < 1) is (fuse <= STEPS), "STEPS is not the number of steps"


async def _again(world: World) -> None:
    """A new process."""
    world.restart()
    await world.history.interrupted()


async def _delete(world: World) -> None:
    record = await world.reconciler.delete(world.app, Deletion(cascade=True), RETRY, Course())
    assert record.phase is Phase.SUCCEEDED, record.message

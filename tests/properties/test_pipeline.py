"""What holds for any sequence of commits, crashes, refusals and hands in the cluster (design, invariants 1 to 4 and 7)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from gitopsd.model.app import App
from gitopsd.model.errors import ObjectError
from gitopsd.model.plan import Action, Inventory, Step
from gitopsd.model.record import Phase, SyncStatus, Trigger, TriggerKind
from gitopsd.model.refs import ObjectRef
from gitopsd.ports import Written
from tests.fakes import FakeCluster
from tests.plan.builders import manifest, ref
from tests.reconciling import World

NAMES = st.sampled_from("abcdef")
COMMITS = st.lists(st.dictionaries(NAMES, st.sampled_from("123"), min_size=1), min_size=1, max_size=4)
RETRY = Trigger(TriggerKind.RETRY)


class CrashError(BaseException):
    """The process is killed: nothing of ours may catch it."""


@dataclass(slots=True)
class CrashingCluster(FakeCluster):
    """Is there, then the daemon dies: before or after the call that is number `fuse`, of those that change the cluster."""

    fuse: int = -1
    done_first: bool = False
    deleted: list[ObjectRef] = field(default_factory=list)

    def _burn(self) -> bool:
        self.fuse -= 1
        if self.fuse == 0 and not self.done_first:
            raise CrashError
        return self.fuse == 0

    async def write(self, app: App, step: Step) -> Written:
        last = self._burn()
        written = await FakeCluster.write(self, app, step)
        if step.action is Action.PRUNE:
            self.deleted.append(step.ref)
        if last:
            raise CrashError
        return written

    async def remember(self, app: App, inventory: Inventory, *, ahead: bool = False) -> None:
        last = self._burn()
        await FakeCluster.remember(self, app, inventory, ahead=ahead)
        if last:
            raise CrashError


def _push(world: World, number: int, contents: dict[str, str]) -> None:
    world.git.push(f"c{number}", *(manifest(name=name, data={"v": value}) for name, value in contents.items()))


def _contents(world: World) -> dict[str, str]:
    found = {r.name: obj["data"]["v"] for r, obj in world.cluster.objects.items() if r.kind == "ConfigMap"}
    return {name: value for name, value in found.items() if name != "bystander"}


def _world(**fields: Any) -> World:
    world = World(cluster=CrashingCluster(**fields))
    world.cluster.put(manifest(name="bystander", namespace="web", data={"v": "0"}))
    return world


@example(commits=[{"a": "1", "e": "1"}, {"a": "1", "b": "1", "c": "1", "d": "1"}], fuse=10, done_first=False)
@given(COMMITS, st.integers(1, 12), st.booleans())
def test_a_crash_anywhere_is_followed_by_convergence(commits: list[dict[str, str]], fuse: int, done_first: bool) -> None:
    """Killed before or after any single write: the next start brings live to Git, orphans nothing, and touches no bystander."""

    async def run() -> None:
        world = _world(fuse=fuse, done_first=done_first)
        for number, contents in enumerate(commits):
            _push(world, number, contents)
            try:
                await world.reconcile()
            except CrashError:
                world.restart()
                await world.history.interrupted()
                await world.reconcile(Trigger(TriggerKind.START))
        assert _contents(world) == commits[-1]
        assert world.cluster.objects[ref("bystander")]["data"] == {"v": "0"}
        members = world.cluster.inventories[world.app.key].members
        assert {member.name for member in members} == set(commits[-1])
        assert [record for record in world.history.records.values() if record.phase is Phase.RUNNING] == []

    asyncio.run(run())


@given(COMMITS, st.lists(st.tuples(NAMES, st.sampled_from(["change", "delete", "unmark"])), max_size=4))
def test_whatever_hands_do_git_wins_and_nothing_foreign_goes(commits: list[dict[str, str]], hands: list[tuple[str, str]]) -> None:
    """Changed, deleted and unmarked objects: in the end live is what Git says, and only what carried our mark was deleted."""

    async def run() -> None:
        world = _world()
        cluster = world.cluster
        assert isinstance(cluster, CrashingCluster)
        for number, contents in enumerate(commits):
            _push(world, number, contents)
            await world.reconcile()
            unmarked = set()
            for name, act in hands:
                if (found := cluster.objects.get(ref(name))) is None:
                    continue
                if act == "delete":
                    world.delete(ref(name))
                elif act == "change":
                    world.change(ref(name), data={"v": "9"})
                else:
                    cluster.put(manifest(name=name, namespace="web", data=found["data"]))
                    unmarked.add(name)
            cluster.deleted.clear()
            _push(world, number + 100, contents)
            await world.reconcile()
            assert contents.items() <= _contents(world).items()
            assert not {r.name for r in cluster.deleted} & unmarked

    asyncio.run(run())


@given(COMMITS, NAMES)
def test_a_refused_object_stops_every_write(commits: list[dict[str, str]], refused: str) -> None:
    """Invariant 1: as long as one dry run is refused nothing of that commit is written; then all of it is."""

    async def run() -> None:
        world = _world()
        for number, contents in enumerate(commits):
            _push(world, number, contents)
            before = _contents(world)
            failure = ObjectError(ref(refused), "dry-run", "Invalid", "no")
            world.cluster.failures["dry_run", ref(refused)] = failure
            record = await world.reconcile(RETRY)
            if record.phase is Phase.FAILED:
                assert _contents(world) == before
                assert world.cluster.called("write") == []
            world.cluster.failures.clear()
            record = await world.reconcile(RETRY)
            assert (record.sync, _contents(world)) == (SyncStatus.SYNCED, contents)
            await world.reconcile(RETRY)
            assert world.cluster.called("write", "dry_run") == []

    asyncio.run(run())

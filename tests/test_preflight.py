"""What becomes of steps that are tried: made anew, left untried, in sync with something to say or to ignore."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from gitopsd.model.app import App, IgnoreDifference
from gitopsd.model.errors import ObjectError
from gitopsd.model.plan import Step
from gitopsd.model.record import DriftOutcome, Phase, SyncStatus, Trigger, TriggerKind
from gitopsd.ports import Trial
from tests.fakes import FakeCluster
from tests.plan.builders import app, manifest, ref
from tests.reconciling import WATCH, World

SETTINGS = ref("settings")
BY_HAND = Trigger(TriggerKind.MANUAL)


async def _changed(of: App | None = None, trigger: Trigger = BY_HAND) -> tuple[World, Phase, str]:
    """The object was made, can't be changed in place any more, and Git changes it."""
    world = World(app=of or app(prune=True, self_heal=True))
    world.git.push("c1", manifest(data={"v": "1"}))
    await world.reconcile()
    world.cluster.rigid.add(SETTINGS)
    world.git.push("c2", manifest(data={"v": "2"}))
    record = await world.reconcile(trigger)
    (result,) = [result for result in record.results if result.ref == SETTINGS]
    return world, record.phase, f"{result.action}: {result.message}"


async def test_what_cannot_be_changed_stops_the_sync() -> None:
    """Nothing is written, and the refusal says what would allow it."""
    world, phase, message = await _changed()
    assert phase is Phase.FAILED
    assert "Immutable" in message
    assert "gitopsd.dev/recreate" in message
    assert world.cluster.called("write") == []


@pytest.mark.parametrize("how", ["Force=true", "Replace=true", "--force"])
async def test_what_may_be_made_anew_is(how: str) -> None:
    """By an option, or by whoever asks for this one sync."""
    forced = how == "--force"
    world, phase, message = await _changed(None if forced else app(how, prune=True), replace(BY_HAND, force=forced))
    assert phase is Phase.SUCCEEDED
    assert message == "recreate: is made anew: data can't be changed in place"
    assert world.cluster.objects[SETTINGS]["data"] == {"v": "2"}


@dataclass(slots=True)
class AnsweringCluster(FakeCluster):
    """Gives one answer to every dry run of an update, or does not serve the kind."""

    trial: Trial = field(default_factory=Trial)
    serves: bool = True

    async def dry_run(self, app: App, step: Step) -> Trial:
        if not self.serves:
            raise ObjectError(step.ref, "dry-run", "NotServed", "the cluster has no such kind")
        return self.trial if step.live else await FakeCluster.dry_run(self, app, step)


async def test_what_is_in_sync_may_have_something_to_say() -> None:
    """A field that was left to others is told of by every pass that judges the object."""
    cluster = AnsweringCluster(trial=Trial(unchanged=True, warnings=("spec.replicas is left to hpa, which holds it",)))
    world = World(cluster=cluster)
    world.git.push("c1", manifest())
    await world.reconcile()
    world.change(SETTINGS, data={"v": "2"})
    record = await world.reconcile(WATCH)
    assert (record.sync, record.attempted) == (SyncStatus.SYNCED, False)
    assert record.warnings == ("ConfigMap/web/settings: spec.replicas is left to hpa, which holds it",)


async def test_an_ignored_difference_is_recorded_as_such() -> None:
    """The application is in sync; its drift has the field and who changed it. Without a rule nothing is said to be ignored."""
    of = app(prune=True, self_heal=True)
    rules = (IgnoreDifference("ConfigMap", json_pointers=("/data/v",)),)
    ignoring = replace(of, spec=replace(of.spec, ignore_differences=rules))
    before, after = (manifest(data={"v": value}) for value in "21")
    for one, expected in ((ignoring, [("data.v", "2", "1", DriftOutcome.IGNORED)]), (of, [])):
        world = World(app=one, cluster=AnsweringCluster(trial=Trial(before, after, unchanged=True)))
        world.git.push("c1", manifest(data={"v": "1"}))
        await world.reconcile()
        world.change(SETTINGS, data={"v": "2"})
        record = await world.reconcile(WATCH)
        assert record.sync is SyncStatus.SYNCED
        assert [(d.change.field, d.change.before, d.change.after, d.outcome) for d in record.drifts] == expected


@pytest.mark.parametrize(
    ("option", "phase"), [("Validate=true", Phase.FAILED), ("SkipDryRunOnMissingResource=true", Phase.SUCCEEDED)]
)
async def test_a_kind_that_is_not_served_yet(option: str, phase: Phase) -> None:
    """It is refused, unless the option says that something else will install it: then the write itself decides."""
    world = World(app=app(option, prune=True), cluster=AnsweringCluster(serves=False))
    world.git.push("c1", manifest())
    assert (await world.reconcile(BY_HAND)).phase is phase

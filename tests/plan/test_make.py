"""What a plan does, and what it refuses to do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gitopsd.diff.compare import compare
from gitopsd.model.app import App, AppKey, AppSettings
from gitopsd.model.marks import Mark
from gitopsd.model.plan import Action, DesiredSet, Inventory, Live, Plan
from gitopsd.model.record import Trigger, TriggerKind
from gitopsd.model.refs import Object, ObjectRef
from gitopsd.plan.make import Asked, make_plan, selected, with_digest
from tests.plan.builders import MARKING, app, live, manifest, ref, remembered, wanted

POLL = Trigger(TriggerKind.POLL)


def _plan(
    desired: DesiredSet,
    found: tuple[Live, ...] = (),
    inventory: Inventory | None = None,
    of: App | None = None,
    trigger: Trigger = POLL,
) -> Plan:
    of = of or app(prune=True)
    asked = Asked.of(of, trigger, MARKING.installation)
    return make_plan(of, desired, compare(desired, {entry.ref: entry for entry in found}), inventory or Inventory(), asked)


def _actions(plan: Plan) -> dict[str, Action]:
    return {str(step.ref): step.action for step in plan.steps}


def test_absent_is_created_and_different_is_configured() -> None:
    """What is not there is created; what may differ is tried; what its receipt vouches for is left alone."""
    desired = wanted(manifest(name="new"), manifest(name="old"), manifest(name="same"))
    plan = _plan(desired, (live(ref("old")), live(ref("same"), in_sync=True)))
    assert _actions(plan) == {"ConfigMap/web/new": Action.CREATE, "ConfigMap/web/old": Action.CONFIGURE}
    assert [want.ref for want in plan.unchanged] == [ref("same")]


def test_what_left_git_is_pruned() -> None:
    """An object that carries our mark, stands in the inventory, and is the one that we made."""
    plan = _plan(wanted(manifest(name="kept")), (live(ref("gone")),), remembered(ref("gone")))
    assert _actions(plan)["ConfigMap/web/gone"] is Action.PRUNE


@pytest.mark.parametrize(
    ("fields", "inventory"),
    [
        ({"mark": None}, remembered(ref("gone"))),
        ({"mark": Mark("test", AppKey("argocd", "other"), ref("gone"))}, remembered(ref("gone"))),
        ({"mark": Mark("test", AppKey("argocd", "shop"), ref("original"))}, remembered(ref("gone"))),
        ({"controlled": True}, remembered(ref("gone"))),
        ({"uid": "another"}, remembered(ref("gone"))),
        ({}, Inventory()),
        ({"deleting": True}, remembered(ref("gone"))),
    ],
    ids=["no mark", "another's mark", "copied mark", "under a controller", "made anew", "not in the inventory", "going already"],
)
def test_what_is_not_ours_is_never_pruned(fields: dict[str, Any], inventory: Inventory) -> None:
    """Each part of invariant 2 alone keeps an object alive."""
    plan = _plan(wanted(manifest(name="kept")), (live(ref("gone"), **fields),), inventory)
    assert Action.PRUNE not in _actions(plan).values()


@pytest.mark.parametrize(
    "annotations",
    [
        {"argocd.argoproj.io/sync-options": "Prune=false"},
        {"argocd.argoproj.io/compare-options": "IgnoreExtraneous"},
        {"client.lifecycle.config.k8s.io/deletion": "detach"},
    ],
)
def test_an_object_can_ask_to_be_kept(annotations: dict[str, str]) -> None:
    """The live object's own annotations keep it when it leaves Git."""
    kept = live(ref("gone"), object={"metadata": {"annotations": annotations}})
    assert Action.PRUNE not in _actions(_plan(wanted(manifest()), (kept,), remembered(ref("gone")))).values()


def test_without_prune_what_left_git_is_shown_and_stays() -> None:
    """Pruning is asked for by policy, or by a person for this once."""
    found, inventory = (live(ref("gone")),), remembered(ref("gone"))
    shown = _plan(wanted(manifest()), found, inventory, of=app(self_heal=True))
    assert _actions(shown)["ConfigMap/web/gone"] is Action.SKIP
    asked = _plan(wanted(manifest()), found, inventory, of=app(self_heal=True), trigger=Trigger(TriggerKind.MANUAL, prune=True))
    assert _actions(asked)["ConfigMap/web/gone"] is Action.PRUNE


def test_an_empty_render_prunes_nothing() -> None:
    """A commit that holds nothing is far more often a mistake than a wish; allowEmpty says otherwise."""
    found, inventory = (live(ref("gone")),), remembered(ref("gone"))
    plan = _plan(wanted(), found, inventory)
    assert [refusal.reason for refusal in plan.refusals] == ["EmptyRender"]
    allowed = _plan(wanted(), found, inventory, of=app(prune=True, allow_empty=True))
    assert allowed.refusals == ()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"mark": Mark("test", AppKey("argocd", "other"), ref("settings"))}, "application argocd/other owns it"),
        ({"mark": Mark("prod", AppKey("argocd", "shop"), ref("settings"))}, "of the gitopsd installation prod"),
        ({"mark": None, "tool": "Argo CD application argocd/web"}, "Argo CD application argocd/web owns it"),
        ({"mark": None, "controlled": True}, "a controller owns it"),
        ({"deleting": True}, "it is being deleted"),
    ],
)
def test_what_another_owns_is_refused_and_both_are_named(fields: dict[str, Any], words: str) -> None:
    """Invariant 4: neither taken over nor deleted unless asked by name."""
    plan = _plan(wanted(manifest()), (live(ref("settings"), **fields),))
    assert [words in str(refusal) for refusal in plan.refusals] == [True]


def test_what_nobody_owns_is_taken_over() -> None:
    """An object without marks, or with the copy of another's mark, may be adopted."""
    for mark in (None, Mark("test", AppKey("argocd", "other"), ref("original"))):
        plan = _plan(wanted(manifest()), (live(ref("settings"), mark=mark),))
        assert plan.refusals == ()
        assert "taken over" in plan.steps[0].reason


def test_adoption_by_name_takes_over_from_others() -> None:
    """The object, or its application, says adopt."""
    other = live(ref("settings"), mark=None, tool="Helm release shop")
    by_object = wanted(manifest(annotations={"gitopsd.dev/adopt": "true"}))
    assert _plan(by_object, (other,)).refusals == ()
    assert _plan(wanted(manifest()), (other,), of=app(own=AppSettings(adopt=True))).refusals == ()


def test_definitions_come_first_and_prunes_last_in_mirrored_order() -> None:
    """Phase, wave, kind, name; and what was made last goes first."""
    late: Object = manifest(name="late", annotations={"argocd.argoproj.io/sync-wave": "1"})
    early: Object = manifest("Deployment", "early", api="apps/v1", annotations={"argocd.argoproj.io/sync-wave": "-1"})
    desired = wanted(late, manifest("Service", "svc"), manifest(name="cm"), manifest("Namespace", "ns"), early)
    gone = (live(ref("s", "Service")), live(ref("c")))
    plan = _plan(desired, gone, remembered(*(entry.ref for entry in gone)))
    names = [f"{step.action} {step.ref.name}" for step in plan.steps]
    assert names == ["create early", "create ns", "create cm", "create svc", "create late", "prune s", "prune c"]


def test_the_digest_of_a_plan_is_of_what_it_does() -> None:
    """The same plan made twice has one digest; another step gives another."""
    desired = wanted(manifest(name="a"), manifest(name="b"))
    assert _plan(desired).digest == _plan(desired).digest
    assert _plan(desired).digest != _plan(desired, (live(ref("b"), in_sync=True),)).digest


def test_the_digest_of_a_plan_is_of_what_is_left_to_others() -> None:
    """Who approves a plan that leaves a field to somebody has not approved one that takes it."""
    plan = _plan(wanted(manifest(name="a")), (live(ref("a")),))
    yields = replace(plan.steps[0], warnings=("data.key is left to other, which holds it",))
    assert with_digest(replace(plan, steps=(yields,))).digest != plan.digest


def test_a_selection_runs_no_hooks() -> None:
    """Only what was asked for by kind and name, without what is to be left out (Argo CD's rule for selective syncs)."""
    hook = manifest("Job", "migrate", api="batch/v1", annotations={"argocd.argoproj.io/hook": "PreSync"})
    plan = _plan(wanted(hook, manifest(name="a"), manifest(name="b")))
    assert plan.steps[0].action is Action.HOOK
    assert selected(plan, []) is plan
    for names, meant in (
        (["ConfigMap/a"], ["a"]),
        (["ConfigMap/web/a", "ConfigMap/elsewhere/b"], ["a"]),
        (["ConfigMap/*"], ["a", "b"]),
        (["!ConfigMap/a"], ["b"]),
        (["!*/other/a"], ["a", "b"]),
        (["ConfigMap/*", "!ConfigMap/b"], ["a"]),
        (["a"], []),
    ):
        assert [step.ref.name for step in selected(plan, names).steps] == meant, names


def test_a_member_without_uid_is_still_ours() -> None:
    """A crash between write and record leaves no uid; the mark has to do then."""
    found = live(ref("gone"))
    inventory = remembered(ref("gone"))
    crashed = Inventory({r: replace(member, uid="") for r, member in inventory.members.items()})
    assert _actions(_plan(wanted(manifest()), (found,), crashed))["ConfigMap/web/gone"] is Action.PRUNE


def test_refused_objects_of_the_set_are_in_the_plan() -> None:
    """What qualify refused stops the plan."""
    plan = _plan(wanted(manifest("Widget", api="example.com/v1")))
    assert [refusal.reason for refusal in plan.refusals] == ["UnknownKind"]
    assert plan.refusals[0].ref == ObjectRef("example.com", "Widget", "web", "settings")

"""What may be deleted, what asks first, and what a confirmation is for."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gitopsd.diff.compare import compare
from gitopsd.model.app import App, AppSettings
from gitopsd.model.plan import Action, Inventory, Live, Member, Plan
from gitopsd.model.record import Trigger, TriggerKind
from gitopsd.model.refs import ObjectRef
from gitopsd.model.standing import Confirmed, Standing
from gitopsd.plan.make import Asked, make_plan
from tests.plan.builders import MARKING, app, live, manifest, ref, wanted

POLL = Trigger(TriggerKind.POLL)


def going(name: str, kind: str = "ConfigMap", group: str = "", **annotations: str) -> Live:
    """A live object of ours that is not in Git any more."""
    found = ObjectRef(group, kind, "web", name)
    return live(found, object={"metadata": {"name": name, "annotations": annotations}})


def planned(*found: Live, kept: int = 1, of: App | None = None, confirmed: str = "") -> Plan:
    """The plan where these leave Git and `kept` others stay in it."""
    order = Confirmed(by="ann", since=datetime(2026, 3, 1, tzinfo=UTC), digest=confirmed) if confirmed else None
    of = replace(of or app(prune=True), standing=Standing(confirmed=order))
    desired = wanted(*(manifest(name=f"kept-{number}") for number in range(kept)), of=of)
    inventory = Inventory({one.ref: Member(one.ref, "v1", one.uid) for one in found})
    asked = Asked.of(of, POLL, MARKING.installation)
    return make_plan(of, desired, compare(desired, {one.ref: one for one in found}), inventory, asked)


def outcomes(plan: Plan) -> dict[str, Action]:
    """What becomes of each object that left Git."""
    return {step.ref.name: step.action for step in plan.steps if step.desired is None}


@pytest.mark.parametrize(
    ("group", "kind"),
    [
        ("", "Namespace"),
        ("", "PersistentVolume"),
        ("", "PersistentVolumeClaim"),
        ("apiextensions.k8s.io", "CustomResourceDefinition"),
    ],
)
def test_what_takes_data_with_it_asks(group: str, kind: str) -> None:
    """The step says how to confirm; what a person has confirmed goes, and so does what says Prune=true itself."""
    found = going("data", kind, group)
    plan = planned(found)
    (step,) = (step for step in plan.steps if step.desired is None)
    assert (step.action, step.reason) == (Action.SKIP, "not in Git; waits for confirmation: gitopsd confirm-prune shop")
    assert outcomes(planned(found, confirmed=plan.candidates)) == {"data": Action.PRUNE}
    said = going("data", kind, group, **{"argocd.argoproj.io/sync-options": "Prune=true"})
    assert outcomes(planned(said)) == {"data": Action.PRUNE}


def test_a_confirmation_is_for_exactly_what_it_was_given_for() -> None:
    """One object more, or another object of that name, asks anew."""
    one, two = going("one", "Namespace"), going("two", "Namespace")
    confirmed = planned(one).candidates
    assert set(outcomes(planned(one, two, confirmed=confirmed)).values()) == {Action.SKIP}
    assert outcomes(planned(replace(one, uid="another"), confirmed=confirmed)) == {"one": Action.SKIP}
    assert planned().candidates == ""


@pytest.mark.parametrize("by", ["object", "application"])
def test_prune_confirm(by: str) -> None:
    """Argo CD's option, on the object or for all of the application: the object's own word wins."""
    said = {"argocd.argoproj.io/sync-options": "Prune=confirm"} if by == "object" else {}
    options = ("Prune=confirm",) if by == "application" else ()
    of = app(*options, prune=True)
    sure = going("sure", **{"argocd.argoproj.io/sync-options": "Prune=true"})
    assert outcomes(planned(going("a", **said), sure, of=of)) == {"a": Action.SKIP, "sure": Action.PRUNE}


def test_what_is_detached_stays_and_is_ours_no_more() -> None:
    """`client.lifecycle.config.k8s.io/deletion: detach`."""
    plan = planned(going("a", **{"client.lifecycle.config.k8s.io/deletion": "detach"}))
    assert outcomes(plan) == {"a": Action.DETACH}
    assert plan.candidates == ""


@pytest.mark.parametrize(
    ("budget", "gone", "kept", "allowed"),
    [
        ("50%", 11, 11, True),
        ("50%", 11, 10, False),
        ("50%", 10, 1, True),
        ("20%", 11, 44, True),
        ("20%", 12, 44, False),
        ("3", 3, 100, True),
        ("3", 4, 100, False),
        ("0", 1, 100, False),
        ("none", 100, 1, True),
    ],
)
def test_the_budget(budget: str, gone: int, kept: int, *, allowed: bool) -> None:
    """A share of what there is, and at least ten, or a number; beyond it the whole plan is refused until it is confirmed."""
    of = app(prune=True, own=AppSettings(prune_budget=budget))
    found = [going(f"gone-{number}") for number in range(gone)]
    plan = planned(*found, kept=kept, of=of)
    assert [refusal.reason for refusal in plan.refusals] == ([] if allowed else ["PruneBudget"])
    assert planned(*found, kept=kept, of=of, confirmed=plan.candidates).refusals == ()


def test_what_depends_on_another_goes_first() -> None:
    """The mirror of how they were made; a circle among live objects is no order, and holds up nothing."""

    def needing(name: str, *needs: str) -> Live:
        return going(name, **{"config.kubernetes.io/depends-on": ",".join(f"/namespaces/web/ConfigMap/{need}" for need in needs)})

    plan = planned(going("a"), needing("b", "a"), needing("c", "a", "b", "elsewhere"))
    assert [step.ref.name for step in plan.steps if step.desired is None] == ["c", "b", "a"]
    assert set(outcomes(planned(needing("a", "b"), needing("b", "a"))).values()) == {Action.PRUNE}
    assert outcomes(planned(going("a", **{"config.kubernetes.io/depends-on": "nonsense"}))) == {"a": Action.PRUNE}


def test_pruning_off_only_shows() -> None:
    """Nothing asks for a confirmation of what would not be done anyway."""
    plan = planned(going("data", "Namespace"), going("a"), of=app(self_heal=True))
    assert {step.reason for step in plan.steps if step.desired is None} == {"not in Git; pruning is off"}
    assert plan.candidates == ""
    assert ref("kept-0") in {step.ref for step in plan.steps}

"""`config.kubernetes.io/depends-on`: what is read, what it does to the order, and what is refused."""

from __future__ import annotations

from itertools import pairwise

import pytest

from gitopsd.diff.compare import compare
from gitopsd.model.plan import DesiredSet, Inventory, Plan
from gitopsd.model.record import Trigger, TriggerKind
from gitopsd.model.refs import Object, ObjectRef
from gitopsd.plan.dependencies import depends_on
from gitopsd.plan.make import Asked, make_plan
from gitopsd.plan.order import stages
from tests.plan.builders import MARKING, app, manifest, wanted


def needing(name: str, *needs: str, kind: str = "ConfigMap", wave: str = "0") -> Object:
    """A ConfigMap (or another) that depends on these ConfigMaps."""
    said = {"argocd.argoproj.io/sync-wave": wave}
    said |= {"config.kubernetes.io/depends-on": ",".join(f"/namespaces/web/ConfigMap/{need}" for need in needs)} if needs else {}
    return manifest(kind, name, annotations=said)


def planned(desired: DesiredSet) -> Plan:
    """The plan that makes all of it."""
    asked = Asked.of(app(prune=True), Trigger(TriggerKind.POLL), MARKING.installation)
    return make_plan(app(prune=True), desired, compare(desired, {}), Inventory(), asked)


def test_references() -> None:
    """Namespaced and cluster-scoped ones, of the core group and of others, with blanks after commas."""
    text = "apps/namespaces/web/Deployment/api, /namespaces/web/Secret/s,rbac.authorization.k8s.io/Role/view,/Namespace/web"
    assert depends_on(manifest(annotations={"config.kubernetes.io/depends-on": text})) == (
        ObjectRef("apps", "Deployment", "web", "api"),
        ObjectRef("", "Secret", "web", "s"),
        ObjectRef("rbac.authorization.k8s.io", "Role", "", "view"),
        ObjectRef("", "Namespace", "", "web"),
    )
    assert depends_on(manifest()) == ()


@pytest.mark.parametrize("text", ["api", "apps/Deployment/web/api", "apps/namespace/web/Deployment/api", "a/b/c,", "//c"])
def test_what_is_no_reference_is_refused(text: str) -> None:
    """By the object's name, with what was read."""
    (refusal,) = wanted(manifest(annotations={"config.kubernetes.io/depends-on": text})).refusals
    assert (refusal.reason, "is no reference" in refusal.message) == ("InvalidDependency", True)


def test_dependencies_make_stages_within_a_wave() -> None:
    """Against the order of kinds and names, each chain a level; what depends on nothing stays on the first."""
    desired = wanted(needing("a", "c"), needing("b", "a"), needing("c"), needing("d"), needing("e", "a", wave="1"))
    names = [[step.ref.name for step in stage.steps] for stage in stages(planned(desired))]
    assert names == [["c", "d"], ["a"], ["b"], ["e"]]


def test_what_is_not_in_the_set_is_refused() -> None:
    """As cli-utils refuses external dependencies."""
    (refusal,) = wanted(needing("a", "elsewhere")).refusals
    assert str(refusal) == (
        "ConfigMap/web/a: MissingDependency: config.kubernetes.io/depends-on names ConfigMap/web/elsewhere, "
        "which this application does not have"
    )


def test_cycles_are_refused_by_name() -> None:
    """All of the circle, and nothing but the circle."""
    (refusal,) = wanted(needing("a", "b"), needing("b", "c"), needing("c", "a"), needing("d", "a")).refusals
    assert refusal.reason == "CyclicDependency"
    names = refusal.message.partition(";")[0].split(" -> ")
    assert (len(names), names[0], set(names)) == (4, names[3], {f"ConfigMap/web/{name}" for name in "abc"})
    following = {"a": "b", "b": "c", "c": "a"}
    assert all(following[one[-1]] == two[-1] for one, two in pairwise(names))


def test_a_wave_that_comes_later_can_not_be_waited_for() -> None:
    """Waves and dependencies that contradict each other are a cycle too."""
    (refusal,) = wanted(needing("a", "b"), needing("b", wave="1")).refusals
    assert (refusal.ref.name, refusal.reason) == ("a", "LateDependency")

"""What can't be changed in place."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gitopsd.model.plan import Action, Refusal, Step
from gitopsd.plan.recreate import allowing, recreate_or_refuse
from tests.plan.builders import live, manifest, ref, wanted

MESSAGES = {
    'Deployment.apps "web" is invalid: spec.selector: Invalid value: {"a":"2"}: field is immutable': "spec.selector",
    'ConfigMap "x" is invalid: data: Forbidden: field is immutable when `immutable` is set': "data",
    'X is invalid: [spec.a: Invalid value: "1": field is immutable, spec.b[0].c: Forbidden: no]': "spec.a, spec.b[0].c",
}


def step(kind: str = "ConfigMap", *, allowed: bool = False) -> Step:
    """An update that the server won't do."""
    (desired,) = wanted(manifest(kind)).objects
    if allowed:
        desired = replace(desired, handling=replace(desired.handling, recreate=True))
    return Step(desired.ref, Action.CONFIGURE, "differs from Git", desired, live(ref("settings", kind)), body=b"{}")


@pytest.mark.parametrize("message", MESSAGES)
def test_names_the_fields(message: str) -> None:
    """The plan says which field it is about; what is sent is all that Git says."""
    anew = recreate_or_refuse(step(allowed=True), message)
    assert isinstance(anew, Step)
    assert (anew.action, anew.reason) == (Action.RECREATE, f"is made anew: {MESSAGES[message]} can't be changed in place")
    assert anew.body is None


def test_is_refused_unless_it_is_allowed() -> None:
    """With the server's first line, and what would allow it: for kinds that lose data nothing but the object's own word."""
    refusal = recreate_or_refuse(step(), "data: Forbidden: field is immutable\n@@ -1 +1 @@")
    assert isinstance(refusal, Refusal)
    assert str(refusal).startswith("ConfigMap/web/settings: Immutable: data: Forbidden: field is immutable; to have it deleted")
    assert refusal.message.endswith('annotate it with gitopsd.dev/recreate: "true", or sync with --force')
    claim = recreate_or_refuse(step("Namespace"), "x" * 1000)
    assert isinstance(claim, Refusal)
    assert claim.message.endswith('annotate it with gitopsd.dev/recreate: "true"')
    assert len(claim.message) < 500


@pytest.mark.parametrize(("kind", "allowed"), [("ConfigMap", True), ("Namespace", False)])
def test_force_allows_it_but_for_what_loses_data(kind: str, allowed: bool) -> None:
    """`sync --force` is one word for many objects."""
    (desired,) = wanted(manifest(kind)).objects
    assert allowing(desired).handling.recreate is allowed

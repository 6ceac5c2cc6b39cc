"""How objects ask to be compared and written."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gitopsd.model.app import App, AppSettings, IgnoreDifference
from gitopsd.model.plan import ORDINARY, Conflicts, Handling
from gitopsd.model.refs import Object, ObjectRef
from gitopsd.plan.handling import handling_of, rules_for
from tests.plan.builders import app, manifest, wanted

OPTIONS = "argocd.argoproj.io/sync-options"
CONFLICTS = "gitopsd.dev/conflicts"
RECREATE = "gitopsd.dev/recreate"


def annotated(**annotations: str) -> Object:
    """A ConfigMap with annotations, their names without prefix."""
    names = {"options": OPTIONS, "conflicts": CONFLICTS, "recreate": RECREATE}
    return manifest(annotations={names[name]: value for name, value in annotations.items()})


CASES: dict[str, tuple[App, Object, dict[str, Any]]] = {
    "nothing": (app(), manifest(), {}),
    "an option of the application": (app("Validate=false"), manifest(), {"validate": False}),
    "the object's own comes first": (app("Validate=false"), annotated(options="Validate=true"), {}),
    "Replace": (app("Replace=true"), manifest(), {"replace": True, "recreate": True}),
    "Force on the object": (app(), annotated(options="Force=true"), {"force": True, "recreate": True}),
    "Replace taken back": (app("Replace=true"), annotated(options="Replace=false"), {}),
    "recreate": (app(), annotated(recreate="true"), {"recreate": True}),
    "respect": (app("RespectIgnoreDifferences=true"), manifest(), {"respect": True}),
    "untried": (app("SkipDryRunOnMissingResource=true"), manifest(), {"untried": True}),
    "conflicts of the object": (app(), annotated(conflicts="yield"), {"conflicts": Conflicts.YIELD}),
    "conflicts of the application": (app(own=AppSettings(conflicts="refuse")), manifest(), {"conflicts": Conflicts.REFUSE}),
    "the object's conflicts come first": (app(own=AppSettings(conflicts="refuse")), annotated(conflicts="force"), {}),
    "a claim is not lost by an option": (
        app("Replace=true", "Force=true"),
        manifest("PersistentVolumeClaim"),
        {"replace": True, "force": True},
    ),
    "a claim may ask for it itself": (app(), annotated(recreate="true") | {"kind": "PersistentVolumeClaim"}, {"recreate": True}),
}


@pytest.mark.parametrize("case", CASES)
def test_reads(case: str) -> None:
    """Argo CD's words and ours, of the object before those of its application."""
    of, obj, expected = CASES[case]
    assert handling_of(obj, ObjectRef.of(obj), of) == Handling(**expected)


def test_a_word_that_is_none_is_refused() -> None:
    """By the name of the annotation, with those there are."""
    (refusal,) = wanted(annotated(conflicts="yeild")).refusals
    assert refusal.reason == "InvalidAnnotation"
    assert refusal.message == 'annotation gitopsd.dev/conflicts: "yeild" is none of force, refuse, yield'


@pytest.mark.parametrize(
    ("rule", "matches"),
    [
        ({"group": "apps", "kind": "Deployment"}, True),
        ({"group": "*", "kind": "*"}, True),
        ({"group": "ap*", "kind": "Dep*"}, True),
        ({"group": "", "kind": "Deployment"}, False),
        ({"group": "apps", "kind": "Deployment", "name": "api"}, True),
        ({"group": "apps", "kind": "Deployment", "name": "ap*"}, False),
        ({"group": "apps", "kind": "Deployment", "namespace": "other"}, False),
        ({"group": "apps", "kind": "deployment"}, False),
    ],
)
def test_rules_find_their_objects(rule: dict[str, Any], matches: bool) -> None:
    """Patterns in group and kind, the very name and namespace where they are given."""
    ref = ObjectRef("apps", "Deployment", "web", "api")
    assert bool(rules_for(ref, [IgnoreDifference(**rule)])) is matches


def test_how_it_is_handled_is_a_part_of_what_is_wanted() -> None:
    """A receipt of one handling says nothing about another; the ordinary one leaves the digest that of the body."""
    plain = wanted(manifest()).objects[0]
    assert plain.handling == ORDINARY
    of = app()
    rules = (IgnoreDifference("ConfigMap", json_pointers=("/data/a",)),)
    ignoring = replace(of, spec=replace(of.spec, ignore_differences=rules))
    other = wanted(manifest(), of=ignoring).objects[0]
    assert other.body == plain.body
    assert other.digest != plain.digest

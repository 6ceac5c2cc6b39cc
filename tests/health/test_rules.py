from __future__ import annotations

import pytest

from gitopsd.health.evidence import evidence
from gitopsd.health.general import STALE
from gitopsd.health.language import compile_rule
from gitopsd.health.rules import rule_for, table
from gitopsd.model.health import Health, HealthStatus
from gitopsd.model.refs import Object

OBJECT: Object = {
    "metadata": {"generation": 2, "annotations": {"example.io/mode": "off"}},
    "spec": {"replicas": 3, "image": "b"},
    "status": {
        "phase": "PartlyFailed",
        "image": "a",
        "ready": "2/3",
        "empty": [],
        "conditions": [{"type": "example.io/Ready", "status": "False", "reason": "NoDisk", "message": "no disk"}],
        "parts": [
            {"image": "a", "conditions": [{"type": "Good", "status": "False", "observedGeneration": 1}]},
            {"image": "b", "conditions": [{"type": "Good", "status": "True", "observedGeneration": 2}]},
        ],
    },
}


@pytest.mark.parametrize(
    "test",
    [
        "Ready=False",
        "Ready=False/NoDisk",
        "Ready=False|Unknown/NoCPU|No*",
        "Ready=*/NoDisk",
        "!Ready",
        "!Bound=*",
        ".status.phase",
        ".status.phase=partlyfailed",
        ".status.phase=Failed|*Failed",
        "!.status.empty",
        "!.status.missing",
        ".status.image!=.spec.image",
        ".status.parts.*.image=.spec.image",
        ".status.parts.*.image!=.status.parts.*.image",
        ".status.ready<.spec.replicas",
        ".status.missing<.spec.replicas",
        "!.status.ready<.spec.missing",
        ".status.parts.*:Good",
        "!.status.parts.*:Good=False",
        ".status.parts.*:.image=b",
        ".metadata.annotations.[example.io/mode]=off",
        ".status.phase & Ready=False",
    ],
)
def test_a_test_that_holds(test: str) -> None:
    """Each form of test holds of an object that is as it says, and its negation does not."""
    assert compile_rule([f"Degraded: {test}"], {}).read(evidence(OBJECT)) is not None
    if "&" not in test:
        negated = test[1:] if test.startswith("!") else f"!{test}"
        assert compile_rule([f"Degraded: {negated}"], {}).read(evidence(OBJECT)) is None


def test_the_first_line_that_holds_decides() -> None:
    """Lines are asked in order, and a line without tests always holds."""
    rule = compile_rule(["Healthy: Ready", "Degraded: Ready=False", "Progressing"], {})
    assert rule.read(evidence(OBJECT)) == Health(HealthStatus.DEGRADED, "no disk")
    assert rule.read(evidence({})) == Health(HealthStatus.PROGRESSING, "waiting for the controller to report")


def test_suspended_comes_before_the_generation() -> None:
    """A controller that was told to pause does not observe a new generation, so pausing is asked first, wherever it stands."""
    rule = compile_rule(["Healthy: Ready", "Suspended: .spec.paused"], {})
    stale: Object = {"metadata": {"generation": 2}, "status": {"observedGeneration": 1}}
    assert rule.read(evidence(stale)) == STALE
    health = rule.read(evidence({**stale, "spec": {"paused": True}}))
    assert health is not None
    assert health.status is HealthStatus.SUSPENDED


def test_a_line_may_take_the_state_from_a_word() -> None:
    """`WORD` takes the state that a field's words stand for, and passes on where they say nothing."""
    rule = compile_rule(["WORD: .status.phase", "Unknown"], {})
    assert rule.read(evidence(OBJECT)) == Health(HealthStatus.DEGRADED, "phase is PartlyFailed")
    assert rule.read(evidence({"status": {"phase": "Quux"}})) == Health(HealthStatus.UNKNOWN)


def test_text_of_an_object_is_no_pattern() -> None:
    """A `*` that stands in the object compares as a star: only the rule's own text is a pattern."""
    rule = compile_rule(["Healthy: .status.a=.status.b"], {})
    assert rule.read(evidence({"status": {"a": "x", "b": "*"}})) is None


@pytest.mark.parametrize(
    ("group", "kind", "shared"),
    [
        ("kustomize.toolkit.fluxcd.io", "Kustomization", "flux"),
        ("ec2.aws.crossplane.io", "VPC", "crossplane"),
        ("cert-manager.io", "ClusterIssuer", "ready"),
        ("kibana.k8s.elastic.co", "Kibana", "elastic"),
    ],
)
def test_rules_are_found_by_group_and_domain(group: str, kind: str, shared: str) -> None:
    """A group's own table comes first, then the tables of the domains that it lies in."""
    assert rule_for(group, kind) == rule_for(group, kind)
    rule = rule_for(group, kind)
    assert rule is not None
    lines = compile_rule([f"@{shared}"], table()["shared"])
    assert [line.status for line in rule.lines] == [line.status for line in lines.lines]


def test_a_kind_without_a_rule() -> None:
    """Where no table names the kind there is no rule, and the general reading is to decide."""
    assert rule_for("example.io", "Thing") is None
    assert rule_for("", "ConfigMap") is None


@pytest.mark.parametrize("group", sorted(table()["kinds"]))
def test_every_rule_of_the_data_compiles(group: str) -> None:
    """Each rule of the data file is well formed, and reads an empty object and one that says everything."""
    for kinds in table()["kinds"][group]:
        for kind in kinds.split():
            rule = rule_for(group, kind)
            assert rule is not None
            rule.read(evidence({}))
            rule.read(evidence(OBJECT))


@pytest.mark.parametrize("line", ["Fine: Ready", "Degraded: .a<.b<", "Degraded: .a!=b", "Degraded: /x"])
def test_a_malformed_line_is_refused(line: str) -> None:
    """A line that says no state, or holds no test, is an error of the data file that a test of it finds."""
    with pytest.raises(ValueError, match=r"rules of health|HealthStatus"):
        compile_rule([line], {})

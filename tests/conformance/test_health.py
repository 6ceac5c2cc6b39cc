"""The cases of Argo CD's own tests (`../shared/conformance/health`, data that is no part of this project)."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from gitopsd.health import assess, general
from gitopsd.health.builtin import CODE
from gitopsd.health.evidence import evidence
from gitopsd.health.rules import rule_for
from gitopsd.model.refs import ObjectRef

SHARED = Path(os.environ.get("GITOPSD_SHARED") or Path(__file__).parents[2].parent / "shared")
FILE = SHARED / "conformance" / "health" / "cases.jsonl"

pytestmark = [
    pytest.mark.conformance,
    pytest.mark.skipif(not FILE.is_file(), reason=f"{FILE} is missing: set GITOPSD_SHARED to the folder that holds conformance/"),
]

Case = dict[str, Any]


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    """All cases, each with `case`, `object`, `status`."""
    return [json.loads(line) for line in FILE.read_text().splitlines()]


def wrong(cases: list[Case]) -> list[str]:
    """A line for each case whose state is not the one expected."""
    found = [(case, assess(case["object"])) for case in cases]
    return [
        f"{case['case']}: {health.status} instead of {case['status']} ({health.message})"
        for case, health in found
        if health.status != case["status"]
    ]


def ruled(case: Case) -> bool:
    """Whether the case's kind has a rule of its own."""
    ref = ObjectRef.of(case["object"])
    return (ref.group, ref.kind) in CODE or rule_for(ref.group, ref.kind) is not None


def test_kinds_with_a_rule(cases: list[Case]) -> None:
    """Every object of a kind with a rule has the state that Argo CD gives it."""
    of_rules = [case for case in cases if ruled(case)]
    assert len(of_rules) > len(cases) * 0.95
    failed = wrong(of_rules)
    assert not failed, "\n".join(failed)


def test_the_general_reading_alone(cases: list[Case]) -> None:
    """Had none of these kinds a rule as data, the general reading would tell 72 in 100: the measure for kinds yet to come.

    Half of what it misses says nothing (no status at all), or says it in numbers.
    """
    asked = [case for case in cases if (case["object"]["apiVersion"].rpartition("/")[0], case["object"]["kind"]) not in CODE]
    right = sum(general.read(evidence(case["object"])).status == case["status"] for case in asked)
    assert right >= len(asked) * 0.72


def test_all_kinds(cases: list[Case]) -> None:
    """All objects have Argo CD's state, those included that the general reading decides, but for some that are being deleted.

    Of these the cases are what a script of Argo CD's says, but its engine answers "pending deletion" before it asks any script,
    and so do we.
    """
    failed = wrong(cases)
    assert len(failed) <= len(cases) * 0.03, "\n".join(failed)
    deleted = [case for case in cases if case["object"].get("metadata", {}).get("deletionTimestamp")]
    otherwise = {case["case"] for case in deleted if case["status"] != "Progressing"}
    assert {line.partition(":")[0] for line in failed} == otherwise, "\n".join(failed)

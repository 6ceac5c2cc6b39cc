"""What measurements come to."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitopsd.model.analysis import Metric, Verdict
from gitopsd.plan.analysis import Tally, comparisons, concluded, holds

NAN = float("nan")


@pytest.mark.parametrize(
    ("condition", "values", "expected"),
    [
        ("result < 0.05", [0.01], True),
        ("result < 0.05", [0.05], False),
        ("result <= 0.05", [0.05], True),
        ("result>=1e3", [1000.0], True),
        ("result == -1", [-1.0], True),
        ("result != .5", [0.5], False),
        ("result > 0.9 && result <= 1", [0.95], True),
        ("result > 0.9 && result <= 1", [1.5], False),
        ("result < 0.05", [0.01, 0.2], False),
        ("result < 0.05", [], None),
        ("result < 0.05", [0.01, NAN], None),
        ("result < 0.05", [float("inf")], False),
    ],
)
def test_a_condition_holds_for_all_values(condition: str, values: list[float], expected: bool | None) -> None:
    """Nothing, and what is no number, say neither yes nor no."""
    assert holds(condition, values) is expected


@pytest.mark.parametrize(
    "condition", ["", "result", "0.05 > result", "result < x", "result < 1 || result > 2", "result < 1 &&", "__import__('os')"]
)
def test_anything_else_is_no_condition(condition: str) -> None:
    """The error says how to write one."""
    with pytest.raises(ValueError, match="compare the result with a number"):
        comparisons(condition)


def tally(*measurements: Sequence[float], **limits: int) -> Tally:
    """A metric after these measurements."""
    state = Tally(Metric("errors", "up", "result < 1", 0.0, **limits))
    for values in measurements:
        state = state.after(values)
    return state


BAD, FINE, NOTHING = (2.0,), (0.0,), ()


@pytest.mark.parametrize(
    ("state", "verdict"),
    [
        (tally(FINE, count=2), None),
        (tally(FINE, FINE, count=2), Verdict.SUCCESSFUL),
        (tally(BAD, count=5), Verdict.FAILED),
        (tally(BAD, count=5, failure_limit=1), None),
        (tally(BAD, FINE, BAD, count=5, failure_limit=1), Verdict.FAILED),
        (tally(NOTHING, NOTHING, count=5, inconclusive_limit=1), Verdict.INCONCLUSIVE),
        (tally(FINE, NOTHING, count=2), Verdict.SUCCESSFUL),
        (tally(NOTHING, NOTHING, count=2), Verdict.INCONCLUSIVE),
    ],
)
def test_limits(state: Tally, verdict: Verdict | None) -> None:
    """More failures than allowed fail a metric at once; what gave nothing is never a failure."""
    assert state.verdict is verdict


def test_a_tally_is_read_by_people() -> None:
    """How far it is, what failed, and what came last."""
    state = tally(FINE, BAD, NOTHING, count=5, failure_limit=1)
    assert str(state) == "errors 3 of 5 measured, 1 failed, 1 inconclusive (last: no data)"
    assert str(state.after((), "Prometheus is away")).endswith("(last: Prometheus is away)")


def test_the_whole() -> None:
    """One that failed ends it; all have to end for anything else; where that is asked for, inconclusive is failed."""
    fine, bad, nothing, going = tally(FINE, count=1), tally(BAD), tally(NOTHING, count=1), tally(FINE, count=2)
    assert concluded([going, bad]) is Verdict.FAILED
    assert concluded([fine, going]) is None
    assert concluded([fine, nothing]) is Verdict.INCONCLUSIVE
    assert concluded([fine, nothing], strict=True) is Verdict.FAILED
    assert concluded([fine, fine]) is Verdict.SUCCESSFUL


@given(st.lists(st.sampled_from([BAD, FINE, NOTHING]), min_size=5, max_size=5), st.integers(0, 5), st.integers(0, 5))
def test_it_always_ends(measurements: list[tuple[float, ...]], failures: int, inconclusive: int) -> None:
    """After `count` measurements there is a verdict, and it fails only where measurements failed."""
    state = tally(*measurements, count=5, failure_limit=failures, inconclusive_limit=inconclusive)
    assert state.verdict is not None
    assert (state.verdict is Verdict.FAILED) is (measurements.count(BAD) > failures)

"""The analysis of an application, as it is written."""

from __future__ import annotations

import pytest

from gitopsd.config.analysis import analysis_findings, read_analysis
from gitopsd.model.analysis import Analysis, Configured, Metric

FULL = """\
metrics:
- name: error-rate
  query: sum(rate(errors[1m])) / sum(rate(requests[1m]))
  condition: result < 0.05
  interval: 30s
  count: 10
  failureLimit: 2
  inconclusiveLimit: 4
- {name: up, query: up, condition: result == 1}
inconclusive: rollback
"""


def test_it_is_read() -> None:
    """What is not said has a default."""
    query = "sum(rate(errors[1m])) / sum(rate(requests[1m]))"
    first = Metric("error-rate", query, "result < 0.05", 30.0, 10, 2, 4)
    assert read_analysis(FULL) == Analysis((first, Metric("up", "up", "result == 1")), strict=True)


def test_it_may_stand_in_a_configmap() -> None:
    """Then the annotation names that."""
    assert read_analysis("ConfigMap/shop-analysis\n") == Configured("shop-analysis")


_CONDITION = (
    "line 4: metrics[0].condition: is no condition: compare the result with a number, as in `result < 0.05`; && joins several"
)
_UNKNOWN = 'line 7: metrics[0].failurelimit: unknown field "failurelimit", did you mean "failureLimit"?'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("metrics: []", ["line 1: metrics: must be 1 to 20 metrics"]),
        ("", ["must hold one YAML document with `metrics`, or ConfigMap/NAME; it holds 0"]),
        (
            FULL.replace("result < 0.05", "errors < 0.05").replace("count: 10", "count: 0"),
            [_CONDITION, "line 6: metrics[0].count: must be at least 1"],
        ),
        (FULL.replace("failureLimit", "failurelimit"), [_UNKNOWN]),
        (FULL.replace("name: up", "name: error-rate"), ["line 9: metrics[1].name: is the name of metrics[0] too"]),
    ],
)
def test_what_is_wrong_is_said_with_line_and_field(text: str, said: list[str]) -> None:
    """Of the annotation's own text; everything at once."""
    assert list(analysis_findings(text)) == said

"""Analysis after a sync: what is asked of Prometheus, how often, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Metric:
    """A PromQL query that is measured `count` times, `interval` seconds apart, the first time after one interval.

    A measurement fails where `condition` (`gitopsd.plan.analysis`) does not hold for what the query gives, and is inconclusive
    where it gives nothing. More than `failure_limit` failures fail the metric at once; more than `inconclusive_limit` end it.
    """

    name: str
    query: str
    condition: str
    interval: float = 60.0
    count: int = 5
    failure_limit: int = 0
    inconclusive_limit: int = 3


@dataclass(frozen=True, slots=True)
class Analysis:
    """The metrics of an application; `strict` takes what is inconclusive for a failure."""

    metrics: tuple[Metric, ...]
    strict: bool = False


@dataclass(frozen=True, slots=True)
class Configured:
    """An analysis that stands in the ConfigMap of this name, in the application's destination, when it is needed."""

    name: str


class Verdict(StrEnum):
    """What an analysis came to (Argo Rollouts' words)."""

    SUCCESSFUL = "Successful"
    FAILED = "Failed"
    INCONCLUSIVE = "Inconclusive"

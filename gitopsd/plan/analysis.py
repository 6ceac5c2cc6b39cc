"""What measurements come to. A condition is one or several comparisons of the `result`: `result >= 0.95 && result != 2`."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from gitopsd.model.analysis import Metric, Verdict

_COMPARISON = re.compile(r"result\s*(<=|>=|==|!=|<|>)\s*([-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3})?)")
_OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}

Comparison = tuple[str, float]


def comparisons(condition: str) -> tuple[Comparison, ...]:
    """What a condition demands, all of it; raises ValueError that says how to write one."""
    found = [_COMPARISON.fullmatch(part.strip()) for part in condition.split("&&")]
    if not all(found):
        raise ValueError("is no condition: compare the result with a number, as in `result < 0.05`; && joins several")
    return tuple((match[1], float(match[2])) for match in found if match)


def holds(condition: str, values: Sequence[float]) -> bool | None:
    """Whether a condition holds for each of the values; None where there are none, or one is no number (0/0)."""
    if not values or any(map(math.isnan, values)):
        return None
    demanded = comparisons(condition)
    return all(_OPERATORS[sign](value, bound) for value in values for sign, bound in demanded)


@dataclass(frozen=True, slots=True)
class Tally:
    """The measurements of a metric so far, and what the last one was."""

    metric: Metric
    measured: int = 0
    failed: int = 0
    inconclusive: int = 0
    last: str = ""

    def after(self, values: Sequence[float], trouble: str = "") -> Tally:
        """With one more: what the query gave, or the `trouble` that kept it from giving anything."""
        held = None if trouble else holds(self.metric.condition, values)
        return replace(
            self,
            measured=self.measured + 1,
            failed=self.failed + (held is False),
            inconclusive=self.inconclusive + (held is None),
            last=trouble or ", ".join(f"{value:g}" for value in values[:3]) or "no data",
        )

    @property
    def verdict(self) -> Verdict | None:
        """What it has come to; None as long as there is more to measure."""
        if self.failed > self.metric.failure_limit:
            return Verdict.FAILED
        if self.inconclusive > self.metric.inconclusive_limit:
            return Verdict.INCONCLUSIVE
        if self.measured < self.metric.count:
            return None
        return Verdict.SUCCESSFUL if self.inconclusive < self.measured else Verdict.INCONCLUSIVE

    def __str__(self) -> str:
        """As people read it: `error-rate 3 of 5 measured, 1 failed (last: 0.2)`."""
        counts = [f"{self.measured} of {self.metric.count} measured"]
        counts += [f"{count} {word}" for count, word in ((self.failed, "failed"), (self.inconclusive, "inconclusive")) if count]
        last = f" (last: {self.last})" if self.last else ""
        return f"{self.metric.name} {', '.join(counts)}{last}"


def concluded(tallies: Sequence[Tally], *, strict: bool = False) -> Verdict | None:
    """What the analysis has come to: one metric that failed ends it, else all have to end. `strict`: inconclusive is failed."""
    verdicts = [tally.verdict for tally in tallies]
    if Verdict.FAILED in verdicts:
        return Verdict.FAILED
    if None in verdicts:
        return None
    if Verdict.INCONCLUSIVE in verdicts:
        return Verdict.FAILED if strict else Verdict.INCONCLUSIVE
    return Verdict.SUCCESSFUL

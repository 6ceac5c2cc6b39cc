"""A Prometheus in memory: what `gitopsd.prometheus` promises. The same contract tests run on both."""

from __future__ import annotations

from dataclasses import dataclass, field

from gitopsd.model.errors import AnalysisError


@dataclass(slots=True)
class FakePrometheus:
    """Answers each query with the next of its `answers`, and with the last one for ever; `down` says why it does not."""

    answers: dict[str, list[tuple[float, ...]]] = field(default_factory=dict)
    down: str = ""
    asked: list[str] = field(default_factory=list)

    async def query(self, query: str) -> tuple[float, ...]:
        self.asked.append(query)
        if self.down:
            raise AnalysisError(self.down)
        answers = self.answers.get(query)
        if answers is None:
            raise AnalysisError(f"Prometheus refuses the query: {query}")
        return answers.pop(0) if len(answers) > 1 else answers[0]

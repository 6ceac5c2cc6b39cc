"""Users' own rules: CEL expressions, in the shape of Flux's `healthCheckExprs`. They are asked before ours."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from gitopsd.health.evidence import mapping, text
from gitopsd.health.expressions import evaluate, shown
from gitopsd.model.health import Health, HealthStatus
from gitopsd.model.refs import GroupKind, Object

_STATES = (
    ("suspended", HealthStatus.SUSPENDED),
    ("inProgress", HealthStatus.PROGRESSING),
    ("failed", HealthStatus.DEGRADED),
    ("current", HealthStatus.HEALTHY),
)
"""In the order in which they are asked, which is Flux's, with `suspended` before all."""


@dataclass(frozen=True, slots=True)
class OwnRule:
    """The rule for one kind: each expression says whether the state of its name holds, `message` why. Empty ones aren't asked."""

    kind: GroupKind
    current: str
    in_progress: str = ""
    failed: str = ""
    suspended: str = ""
    message: str = ""

    def read(self, obj: Object) -> Health:
        """The first state that holds; Progressing where none does, Unknown where an expression has no value. Never raises."""
        variables = shown(obj)
        asked = (self.suspended, self.in_progress, self.failed, self.current)
        for (name, status), expression in zip(_STATES, asked, strict=True):
            try:
                holds = bool(expression) and evaluate(expression, variables) is True
            except ValueError as error:
                return Health(HealthStatus.UNKNOWN, f"the configured rule's {name}: {error}")
            if holds:
                return Health(status, self._why(obj, variables))
        return Health(HealthStatus.PROGRESSING, self._why(obj, variables))

    def _why(self, obj: Object, variables: dict[str, Any]) -> str:
        if not self.message:
            return text(mapping(obj.get("status")).get("message"))
        try:
            return text(evaluate(self.message, variables))
        except ValueError as error:
            return f"the configured rule's message: {error}"


class OwnRules:
    """All rules of an installation, one for each kind."""

    def __init__(self, rules: Iterable[OwnRule] = ()) -> None:
        self._rules = {rule.kind: rule for rule in rules}

    def read(self, obj: Object) -> Health | None:
        """The health that the rule for the object's kind gives; None where there is none."""
        if not self._rules:
            return None
        kind = GroupKind(text(obj.get("apiVersion")).rpartition("/")[0], text(obj.get("kind")))
        rule = self._rules.get(kind)
        return rule.read(obj) if rule else None

"""The rules of health that a configuration has."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from gitopsd.config.section import Section
from gitopsd.health.expressions import check
from gitopsd.health.own import OwnRule, OwnRules
from gitopsd.model.refs import GroupKind


def _expression(text: str) -> str:
    if text:
        check(text)
    return text


Expression = Annotated[str, AfterValidator(_expression)]


class HealthRule(Section):
    """When objects of one kind are in which state: CEL expressions, as in Flux's `healthCheckExprs`.

    Asked in the order suspended, inProgress, failed, current; where none holds, the object is in progress.
    """

    group: str | None = None
    """The kind's group, "" for the core group."""
    api_version: str = ""
    """In place of `group`, as Flux has it: `example.io/v1`. The rule holds for all versions."""
    kind: str = Field(min_length=1)
    """The kind."""
    current: Expression = Field(min_length=1)
    """Healthy: it is as its spec says."""
    in_progress: Expression = ""
    """Progressing: it may become so by itself."""
    failed: Expression = ""
    """Degraded: it won't."""
    suspended: Expression = ""
    """Suspended: nobody works on it."""
    message: Expression = ""
    """Why, as text; where it is silent, `status.message`."""


class Health(Section):
    """How the health of objects is told."""

    rules: tuple[HealthRule, ...] = ()
    """Rules of your own, which come before those that gitopsd has."""


def own_rules(health: Health) -> OwnRules:
    """As `gitopsd.health.assess` takes them."""
    return OwnRules(
        OwnRule(
            GroupKind(rule.api_version.rpartition("/")[0] if rule.group is None else rule.group, rule.kind),
            rule.current,
            rule.in_progress,
            rule.failed,
            rule.suspended,
            rule.message,
        )
        for rule in health.rules
    )

"""The rules of health that a configuration has."""

from __future__ import annotations

from gitopsd.config.model import Config
from gitopsd.health.own import OwnRule, OwnRules
from gitopsd.model.refs import GroupKind


def own_rules(config: Config) -> OwnRules:
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
        for rule in config.health.rules
    )

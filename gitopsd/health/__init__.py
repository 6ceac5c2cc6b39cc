"""How an object is doing, judged from the object alone: pure, total, and cheap enough for every watch event.

`assess` asks in this order: is the object going away, does its kind have a rule of the user's (`own`), one in code (`builtin`) or
as data (`rules.json`), and what does the general reading say. The states are Argo CD's.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from gitopsd.health import general
from gitopsd.health.builtin import CODE
from gitopsd.health.evidence import evidence, items, mapping, text
from gitopsd.health.own import OwnRules
from gitopsd.health.rules import rule_for
from gitopsd.model.health import Health, HealthStatus, worst
from gitopsd.model.hooks import HOOK_FINALIZER
from gitopsd.model.refs import Object, ObjectRef

__all__ = ["OwnRules", "aggregate", "assess"]

_NONE = OwnRules()


def assess(obj: Object, now: datetime | None = None, own: OwnRules = _NONE) -> Health:
    """The health of a live object. Never raises, whatever the object holds.

    `now` (with a time zone) lets the message say how long an object has been waiting for its deletion; no state depends on it.
    """
    metadata = mapping(obj.get("metadata"))
    # A finished hook that only waits for its sync to take note of it is as it was when it ended.
    noted = list(items(metadata.get("finalizers"))) != [HOOK_FINALIZER]
    if noted and (deleted := text(metadata.get("deletionTimestamp"))):
        return Health(HealthStatus.PROGRESSING, _going(deleted, metadata.get("finalizers"), now))
    if health := own.read(obj):
        return health
    seen = evidence(obj)
    group, kind = text(obj.get("apiVersion")).rpartition("/")[0], text(obj.get("kind"))
    if code := CODE.get((group, kind)):
        return code(seen)
    rule = rule_for(group, kind)
    return (rule and rule.read(seen)) or general.read(seen)


def _going(deleted: str, finalizers: object, now: datetime | None) -> str:
    """Argo CD's words, with what an operator asks next: since when, and held by whom."""
    message = "Pending deletion"
    try:
        seconds = (now - datetime.fromisoformat(deleted)).total_seconds() if now else 0
    except (ValueError, TypeError):
        seconds = 0
    if seconds >= 1:
        message += f" for {seconds:.0f} s"
    held = ", ".join(name for name in map(text, items(finalizers)) if name)
    return f"{message}, held by {held}" if held else message


def aggregate(healths: Mapping[ObjectRef, Health]) -> Health:
    """The health of an application: the worst of its objects', with the first by name that is in that state, and why.

    An application without objects is Healthy, as in Argo CD.
    """
    status = worst(health.status for health in healths.values())
    if status is HealthStatus.HEALTHY:
        return Health(status)
    culprits = sorted(ref for ref, health in healths.items() if health.status is status)
    message = f"{culprits[0]}: {healths[culprits[0]].message or status}"
    return Health(status, f"{message} (and {len(culprits) - 1} more)" if len(culprits) > 1 else message)

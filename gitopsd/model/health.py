"""How an object or an application is doing, in Argo CD's six words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class HealthStatus(StrEnum):
    """The six states, declared from best to worst: an application is as healthy as the worst of its objects.

    Names and order are Argo CD's; `severity` is a state's place in that order.
    """

    HEALTHY = "Healthy"
    SUSPENDED = "Suspended"
    PROGRESSING = "Progressing"
    MISSING = "Missing"
    DEGRADED = "Degraded"
    UNKNOWN = "Unknown"

    @property
    def severity(self) -> int:
        """0 for Healthy up to 5 for Unknown."""
        return _SEVERITY[self]


_SEVERITY = {status: place for place, status in enumerate(HealthStatus)}


@dataclass(frozen=True, slots=True)
class Health:
    """A state, and why, in one line for people. `message` may be empty where nothing needs to be said."""

    status: HealthStatus
    message: str = ""


def worst(statuses: Iterable[HealthStatus]) -> HealthStatus:
    """The worst of `statuses`; Healthy where there are none."""
    return max(statuses, key=_SEVERITY.__getitem__, default=HealthStatus.HEALTHY)

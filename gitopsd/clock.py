"""The real clock."""

from __future__ import annotations

import time
from datetime import UTC, datetime

_MONOTONIC = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""On Linux, CLOCK_MONOTONIC stands still while a machine sleeps: who wakes up would take its Lease for a fresh one."""


class SystemClock:
    """See `gitopsd.ports.Clock`."""

    def now(self) -> datetime:
        """The time in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds for measuring, those in which the machine slept among them."""
        return time.clock_gettime(_MONOTONIC)

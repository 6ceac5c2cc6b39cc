"""Self-healing slows down where somebody changes things back every time: a fight would keep both sides busy."""

from __future__ import annotations

from dataclasses import dataclass, field

from gitopsd.model.app import AppKey

FREE = 20
"""So many heals of one application in a row are done at once: more than hands cause, and soon used up by a controller."""
_FIRST_PAUSE = 2.0
_LONGEST_PAUSE = 300.0
_FACTOR = 3.0
QUIET = 60.0
"""Seconds without a heal, beyond the pause, after which all is forgotten. Pauses are Argo CD's: 2 s, times 3, up to 300 s."""


@dataclass(slots=True)
class _Heals:
    count: int
    last: float
    pause: float


@dataclass(slots=True)
class Healing:
    """Counts heals by application; `now` is monotonic, in seconds."""

    _heals: dict[AppKey, _Heals] = field(default_factory=dict)

    def healed(self, key: AppKey, now: float) -> None:
        """The application was healed just now."""
        known = self._heals.get(key)
        count = known.count + 1 if known and now - known.last < known.pause + QUIET else 1
        pause = 0.0 if count < FREE else min(_LONGEST_PAUSE, _FIRST_PAUSE * _FACTOR ** min(count - FREE, 32))
        self._heals[key] = _Heals(count, now, pause)

    def pause(self, key: AppKey, now: float) -> float:
        """For how many seconds what watches tell of the application should wait."""
        known = self._heals.get(key)
        return max(0.0, known.last + known.pause - now) if known else 0.0

    def forget(self, key: AppKey) -> None:
        """The application is gone."""
        self._heals.pop(key, None)

"""Sync windows that open or close: which applications are to be looked at because of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from gitopsd.model.app import App, AppKey
from gitopsd.model.errors import ClusterError
from gitopsd.model.project import SyncWindow, Target
from gitopsd.plan.windows import concerns, open_until


@dataclass(slots=True)
class Turns:
    """Remembers which windows were open. What projects share is looked at once, however many applications they have."""

    target: Callable[[App], Target]
    _open: frozenset[SyncWindow] = frozenset()

    def since_last(self, apps: Iterable[App], now: datetime) -> tuple[AppKey, ...]:
        """The applications of which a window has opened or closed since it was asked last."""
        found = [(app, window) for app in apps for window in self._windows(app)]
        now_open = frozenset(window for window in {window for _, window in found} if open_until(window, now))
        turned, self._open = self._open ^ now_open, now_open
        return tuple(dict.fromkeys(app.key for app, window in found if window in turned))

    def _windows(self, app: App) -> Iterator[SyncWindow]:
        windows = app.project.spec.sync_windows if app.project else ()
        if windows:
            try:
                target = self.target(app)
            except ClusterError:
                return
            yield from (window for window in windows if concerns(window, app, target))

"""What applications wait for among each other: `gitopsd.dev/depends-on`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter

from gitopsd.model.app import App, AppKey
from gitopsd.model.record import Trigger
from gitopsd.model.status import AppStatus

ANNOTATION = "gitopsd.dev/depends-on"


@dataclass(slots=True)
class Dependencies:
    """Who needs whom, and who waits. A name without namespace is one of the same namespace, else the only one of that name."""

    waiting: dict[AppKey, Trigger] = field(default_factory=dict)
    """The applications whose sync waits, with what had caused it."""
    together: Mapping[AppKey, AppKey] = field(default_factory=dict)
    """Those that need each other, however far around, each with the first of them by name."""
    _needs: dict[AppKey, tuple[AppKey, ...]] = field(default_factory=dict)
    _needing: dict[AppKey, list[AppKey]] = field(default_factory=dict)
    _circles: dict[AppKey, str] = field(default_factory=dict)

    def declare(self, apps: Mapping[AppKey, App]) -> Mapping[AppKey, str]:
        """Takes over what the applications say now; gives those that wait for themselves, and how they come to."""
        self._needs = {key: tuple(_named(name, key, apps) for name in app.settings.depends_on) for key, app in apps.items()}
        self._needing, self._circles = {}, {}
        for key, needs in self._needs.items():
            for need in dict.fromkeys(needs):
                self._needing.setdefault(need, []).append(key)
        edges = {key: needs for key, needs in self._needs.items() if needs}
        while circle := _circle(edges):
            said = f"{ANNOTATION}: {' -> '.join(map(str, circle))}: remove one of these; none of them is synced until then"
            self._circles |= dict.fromkeys(circle, said)
            edges = {key: needs for key, needs in edges.items() if key not in circle}
        self.together = self._grouped()
        return self._circles

    def _grouped(self) -> Mapping[AppKey, AppKey]:
        groups: dict[AppKey, AppKey] = {}
        for first in sorted({*self._needing, *(key for key, needs in self._needs.items() if needs)}):
            reached = [first] if first not in groups else []
            while reached:
                key = reached.pop()
                if key not in groups:
                    groups[key] = first
                    reached += self.related(key)
        return groups

    def needing(self, key: AppKey) -> tuple[AppKey, ...]:
        """The applications that need this one."""
        return tuple(self._needing.get(key, ()))

    def related(self, key: AppKey) -> tuple[AppKey, ...]:
        """Those that may wait for this one: the ones that need it, and, where it is deleted, those that it needs."""
        return (*self.needing(key), *self._needs.get(key, ()))

    def reason(self, key: AppKey, statuses: Mapping[AppKey, AppStatus], is_busy: Callable[[AppKey], bool]) -> str:
        """Why the application's sync has to wait, empty where it need not.

        One that is worked on, or is about to be, may be Synced to a commit that is no longer its newest.
        """
        if statuses[key].app.deletion:
            return self._reason_to_stay(key, statuses)
        if circle := self._circles.get(key):
            return circle
        for need in self._needs.get(key, ()):
            status = statuses.get(need)
            if status is None:
                return f"waits for application {need}, which there is none of"
            if not status.settled:
                return f"waits for application {need}, which is {status.sync} and {status.health.status}"
            if is_busy(need):
                return f"waits for application {need}, which is being looked at"
        return ""

    def _reason_to_stay(self, key: AppKey, statuses: Mapping[AppKey, AppStatus]) -> str:
        """Why the application's deletion has to wait: the other way round, and only for those that are deleted too."""
        for other in self.needing(key):
            deletion = statuses[other].app.deletion if other in statuses else None
            if deletion and not deletion.done:
                return f"waits for application {other}, which depends on it and is deleted first"
        return ""


def _named(name: str, by: AppKey, apps: Mapping[AppKey, App]) -> AppKey:
    namespace, _, bare = name.rpartition("/")
    own = AppKey(namespace or by.namespace, bare)
    others = [key for key in apps if key.name == bare]
    return others[0] if not namespace and own not in apps and len(others) == 1 else own


def _circle(edges: Mapping[AppKey, tuple[AppKey, ...]]) -> tuple[AppKey, ...]:
    try:
        TopologicalSorter(edges).prepare()
    except CycleError as error:
        circle: list[AppKey] = error.args[1]
        return tuple(reversed(circle))
    return ()

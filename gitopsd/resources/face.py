"""Application resources as one more place where applications are declared, and where they are asked for things."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from gitopsd.config import Problem, Scan
from gitopsd.config.resources import ApplicationResources
from gitopsd.model.app import App, AppKey
from gitopsd.model.deletion import Deletion, asked_by
from gitopsd.model.errors import ConfigError
from gitopsd.resources.holder import holder
from gitopsd.resources.requests import Requests
from gitopsd.resources.writeback import Declared, Writeback


class Followed(Declared, Protocol):
    """... and what else is followed beside the applications."""

    @property
    def projects(self) -> Mapping[AppKey, Mapping[str, Any]] | None:
        """The AppProject resources, None as long as it is not known which there are."""

    @property
    def failures(self) -> tuple[str, ...]:
        """Why something can't be watched."""


@dataclass(slots=True)
class Resources:
    """Read at each scan, as files are; obeyed once the agent knows what they declare."""

    followed: Followed
    reader: ApplicationResources
    writeback: Writeback
    requests: Requests

    def scan(self) -> Scan:
        """What stands in the resources now. What Argo CD still reconciles is among it, and what is going, and says so."""
        resources = self.followed.applications
        scan = self.reader.scan(resources, self.followed.projects)
        now = self.writeback.clock.now()

        def standing(app: App) -> App:
            resource = resources[app.key]
            if sentence := holder(resource, now):
                return replace(app, holder=sentence)
            if resource["metadata"].get("deletionTimestamp"):
                return replace(app, deletion=asked_by(app.finalizers) or Deletion(cascade=False))
            return app

        failures = tuple(Problem("", ConfigError(f"applications: cluster: {failure}")) for failure in self.followed.failures)
        return replace(scan, apps=tuple(map(standing, scan.apps)), warnings=scan.warnings + failures)

    def heed(self, scan: Scan) -> None:
        """Does what resources ask for, and says in them what is wrong with those that no application came of."""
        apps = {app.key for app in scan.apps} if scan.problems else set()
        self.writeback.refuse(_said(problem for problem in scan.problems if problem.app not in apps))
        self.requests.heed()


def _said(problems: Iterable[Problem]) -> dict[AppKey, str]:
    said: dict[AppKey, str] = {}
    for problem in problems:
        if problem.app:
            said[problem.app] = f"{said[problem.app]}; {problem}" if problem.app in said else str(problem)
    return said

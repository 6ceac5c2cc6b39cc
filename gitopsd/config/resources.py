"""Applications and projects from resources of the cluster, read as those in files are: of a broken one, the last good stays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from gitopsd.config.application import API_VERSION
from gitopsd.config.contents import Contents, Problem, first_of_each, resource_contents, resource_name, twice
from gitopsd.config.files import Scan
from gitopsd.config.model import Cluster
from gitopsd.model.app import App, AppKey
from gitopsd.model.errors import ConfigError, Place

REFRESH = "argocd.argoproj.io/refresh"
"""The annotation that asks for a refresh: a request, and no part of what the application is."""

_DECLARED = ("name", "namespace", "labels", "finalizers")


@dataclass(slots=True)
class ApplicationResources:
    """Reads each resource again when what it declares has changed; its status may change as often as it likes."""

    clusters: tuple[Cluster, ...] | None
    _read: dict[str, tuple[Mapping[str, Any], Contents]] = field(default_factory=dict)

    def scan(self, resources: Mapping[AppKey, Mapping[str, Any]], projects: Mapping[AppKey, Mapping[str, Any]] | None) -> Scan:
        """What the resources declare now. Never raises for what they hold. `projects` is None where they are not known yet."""
        found = {resource_name(key): declared(resource) for key, resource in sorted(resources.items())}
        for key, resource in sorted((projects or {}).items()):
            found[resource_name(key, "AppProject")] = declared(resource, "AppProject")
        self._read = {name: self._contents(name, resource) for name, resource in found.items()}
        contents = [contents for _, contents in self._read.values()]
        first, doubles = first_of_each(content.projects for content in contents)
        return Scan(
            tuple(app for content in contents for app in content.apps.values()),
            (*(problem for content in contents for problem in content.problems), *doubles),
            tuple(warning for content in contents for warning in content.warnings),
            first,
            whole=projects is not None,
        )

    def _contents(self, name: str, resource: Mapping[str, Any]) -> tuple[Mapping[str, Any], Contents]:
        known = self._read.get(name)
        if known is not None and known[0] == resource:
            return known
        contents = resource_contents(resource, self.clusters)
        return resource, contents.after(known[1]) if known else contents


def declared(resource: Mapping[str, Any], kind: str = "Application") -> dict[str, Any]:
    """The part of a resource that declares what is wanted: neither status nor requests, nor what the server keeps in metadata."""
    metadata = resource["metadata"]
    annotations = {name: value for name, value in (metadata.get("annotations") or {}).items() if name != REFRESH}
    own = {name: metadata[name] for name in _DECLARED if name in metadata} | {"annotations": annotations}
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": own, "spec": resource.get("spec")}


def joined(first: Scan, second: Scan) -> Scan:
    """Both scans as one; of an application or project that is in both, the document of the first counts."""
    apps: dict[AppKey, App] = {app.key: app for app in first.apps} if second.apps else {}
    doubles = [app for app in second.apps if app.key in apps]
    others = tuple(app for app in second.apps if app.key not in apps)
    projects, double_projects = first_of_each((first.projects, second.projects))
    said = tuple(Problem(app.origin, ConfigError(twice(app, apps[app.key]), Place(app.origin)), app.key) for app in doubles)
    return replace(
        first,
        apps=first.apps + others,
        problems=(*first.problems, *second.problems, *said, *double_projects),
        warnings=first.warnings + second.warnings,
        projects=projects,
        whole=first.whole and second.whole,
    )

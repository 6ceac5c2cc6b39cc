"""What one file of applications holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from gitopsd.config.application import API_VERSION, GROUP, doubts, key_of, read_application, without_unknown
from gitopsd.config.documents import ConfigErrors, Document, read_documents
from gitopsd.config.model import Cluster
from gitopsd.config.project import project_doubts, read_project
from gitopsd.config.rules import mapping, mappings
from gitopsd.model.app import App, AppKey, resource_origin
from gitopsd.model.errors import ConfigError, Place
from gitopsd.model.project import UNRESTRICTED, Project


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with a file of applications. `app` and `project` are what it concerns, where that can be told."""

    file: str
    error: ConfigError
    app: AppKey | None = None
    project: str = ""

    def __str__(self) -> str:
        """One sentence that names file, line and field."""
        return str(self.error)


@dataclass(frozen=True, slots=True)
class Contents:
    """The applications and projects of a file, what is wrong with its documents, and what they say without effect.

    A project that is None has a document that can't be read, so nobody knows what it permits.
    `whole` is false where a broken document may be about any application, since its name can't be read either.
    """

    apps: Mapping[AppKey, App] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    projects: Mapping[str, Project | None] = field(default_factory=dict)
    whole: bool = True

    def after(self, before: Contents) -> Contents:
        """These contents, with the last good version of each application and project whose document is broken now."""
        broken = {problem.app for problem in self.problems}
        kept = {key: app for key, app in before.apps.items() if not self.whole or key in broken}
        projects = {name: known for name, known in before.projects.items() if not self.whole}
        read = {name: project or before.projects.get(name) for name, project in self.projects.items()}
        return replace(self, apps={**kept, **self.apps}, projects={**projects, **read})


def read_contents(text: bytes, file: str, clusters: tuple[Cluster, ...] | None) -> Contents:
    """What a file's text holds; never raises: what is wrong with it is in the answer.

    Destinations are looked for in `clusters`; None asks only whether they make sense by themselves.
    """
    try:
        documents = read_documents(text, file)
    except ConfigError as error:
        unread = {UNRESTRICTED.name: None} if b"AppProject" in text else {}  # it may restrict what is unrestricted without it
        return Contents(problems=(Problem(file, error),), projects=unread, whole=False)
    found = _Found(file, clusters)
    for document in documents:
        for part in _parts(document):
            found.take(part)
    return Contents(found.apps, tuple(found.problems), tuple(found.warnings), found.projects, found.whole)


def resource_contents(resource: Mapping[str, Any], clusters: tuple[Cluster, ...] | None) -> Contents:
    """What an Application or AppProject resource of a cluster declares; never raises.

    Fields of an Application that the schema does not have are warned of; those of a project may forbid something, and are errors.
    """
    metadata = resource["metadata"]
    name = resource_name(AppKey(metadata["namespace"], metadata["name"]), resource["kind"])
    document = Document(name, resource)
    document, unknown = without_unknown(document) if resource["kind"] == "Application" else (document, ())
    found = _Found(name, clusters)
    found.take(document)
    found.warnings += (Problem(name, error, key_of(document)) for error in unknown)
    return Contents(found.apps, tuple(found.problems), tuple(found.warnings), found.projects)


def resource_name(key: AppKey, kind: str = "Application") -> str:
    """What stands for the file of a resource."""
    return resource_origin(key) if kind == "Application" else f"{kind} {key}"


def _parts(document: Document) -> Iterator[Document]:
    """The items of a List, as `kubectl get -o yaml` writes it; else the document itself."""
    value = mapping(document.value)
    if value.get("kind") == "List" and isinstance(value.get("items"), list):
        yield from (document.part(("items", index)) for index, _ in mappings(value["items"]))
    else:
        yield document


@dataclass(slots=True)
class _Found:
    file: str
    clusters: tuple[Cluster, ...] | None
    apps: dict[AppKey, App] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    projects: dict[str, Project | None] = field(default_factory=dict)
    whole: bool = True

    def take(self, document: Document) -> None:
        value = mapping(document.value)
        match value.get("apiVersion"), value.get("kind"):
            case str(version), "Application" if version == API_VERSION:
                self.application(document)
            case str(version), "AppProject" if version == API_VERSION:
                self.project(document)
            case version, kind:
                self.problems.append(Problem(self.file, _foreign(document, version, kind), key_of(document)))
                self.whole &= key_of(document) is not None

    def application(self, document: Document) -> None:
        key = key_of(document)
        try:
            app = read_application(document, self.clusters)
        except ConfigErrors as invalid:
            self.problems += (Problem(self.file, error, key) for error in invalid.errors)
            self.whole &= key is not None
            return
        first = self.apps.setdefault(app.key, app)
        if first is not app:
            self.problems.append(Problem(self.file, document.error((), twice(app, first)), app.key))
        self.warnings += (Problem(self.file, doubt, app.key) for doubt in doubts(document))

    def project(self, document: Document) -> None:
        name = key.name if (key := key_of(document)) else ""
        try:
            project = read_project(document)
        except ConfigErrors as invalid:
            self.problems += (Problem(self.file, error, project=name) for error in invalid.errors)
            if name:
                self.projects.setdefault(name, None)
            self.whole &= bool(name)
            return
        if (first := self.projects.setdefault(name, project)) is not project:
            self.problems.append(Problem(self.file, document.error((), project_twice(project, first)), project=name))
        self.warnings += (Problem(self.file, doubt, project=name) for doubt in project_doubts(document))


def first_of_each(places: Iterable[Mapping[str, Project | None]]) -> tuple[dict[str, Project | None], list[Problem]]:
    """Each project once: of two documents about one, the first counts, and the other is a problem."""
    projects: dict[str, Project | None] = {}
    doubles = []
    for place in places:
        for name, project in place.items():
            first = projects.setdefault(name, project)
            if project and first is not project:
                error = ConfigError(project_twice(project, first), Place(project.origin))
                doubles.append(Problem(project.origin, error, project=name))
    return projects, doubles


def project_twice(project: Project, first: Project | None) -> str:
    """What is said of a second document about a project."""
    where = first.origin if first else "a document that can't be read"
    return f"project {project.name} stands in {where} too, and that one counts: remove or rename one of them"


def twice(app: App, first: App) -> str:
    """What is said of a second document about an application."""
    return f"application {app.key} stands in {first.origin} too, and that one counts: remove or rename one of them"


def _foreign(document: Document, version: object, kind: object) -> ConfigError:
    if not isinstance(kind, str) or not isinstance(version, str):
        return document.error((), f"is no Application: it needs apiVersion: {API_VERSION} and kind: Application")
    if kind == "Application" and version.startswith(f"{GROUP}/"):
        return document.error(("apiVersion",), f"must be {API_VERSION}")
    taken = "only Applications and AppProjects are"
    return document.error(("kind",), f"{kind} ({version}) is nothing that gitopsd takes from here: {taken}")

"""Everything that is wrong with a configuration, and with the applications that it names: `gitopsd config check FILE`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gitopsd.config.application import API_VERSION
from gitopsd.config.contents import Contents, read_contents
from gitopsd.config.documents import ConfigErrors, read_documents
from gitopsd.config.files import Scan, load_applications
from gitopsd.config.load import load_config, read_file
from gitopsd.config.model import Config
from gitopsd.config.rules import mapping
from gitopsd.model.errors import ConfigError, Place
from gitopsd.model.project import Target
from gitopsd.plan.confine import objections_of


@dataclass(frozen=True, slots=True)
class Report:
    """`errors` have to be mended, `warnings` are worth a look. `applications` is how many are good."""

    errors: tuple[ConfigError, ...] = ()
    warnings: tuple[ConfigError, ...] = ()
    applications: int = 0


def check(path: str | Path) -> Report:
    """What is wrong with the file at `path`: a configuration and the files that it names, or a file of applications."""
    objections: tuple[ConfigError, ...] = ()
    try:
        text = read_file(Path(path))
        documents = read_documents(text, str(path))
        if documents and mapping(documents[0].value).get("apiVersion") == API_VERSION:
            found: Contents | Scan = read_contents(text, str(path), None)
        else:
            config = load_config(path)
            found = load_applications(config)
            objections = tuple(_objections(found, config))
    except ConfigErrors as invalid:
        return Report(invalid.errors)
    except ConfigError as error:
        return Report((error,))
    errors, warnings = (tuple(problem.error for problem in problems) for problems in (found.problems, found.warnings))
    return Report((*errors, *objections), warnings, len(found.apps))


def _objections(found: Scan, config: Config) -> Iterator[ConfigError]:
    """What the projects do not permit of their applications, as far as it shows before anything is rendered."""
    targets = (Target(cluster.name, cluster.server) for cluster in config.clusters)
    for app, objection in objections_of(found.with_projects, targets):
        yield ConfigError(objection, Place(app.origin, field="spec"))

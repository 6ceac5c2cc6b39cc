"""Applications from files: what the patterns of the configuration find, read again as it changes.

A change that breaks a document leaves its application as it last was, and is said as a problem until it is mended: nothing
that is deployed disappears because of a typing error, or of a mount that comes late.
"""

from __future__ import annotations

import glob
import hashlib
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

from gitopsd.config.contents import Contents, Problem, first_of_each, read_contents, twice
from gitopsd.config.load import read_file
from gitopsd.config.model import Config
from gitopsd.model.app import App, AppKey
from gitopsd.model.errors import ConfigError, Place
from gitopsd.model.project import UNRESTRICTED, Project

MAX_FILES = 20_000
RACY_SECONDS = 2.0
"""A file changed this recently is read again whatever its stat says: clocks of file systems tick coarsely."""


@dataclass(frozen=True, slots=True)
class Scan:
    """What stands in the files now, in the order of the files.

    `apps` holds the last good version of each application. `problems` are documents that were not taken as they are,
    `warnings` what was taken and has no effect. `projects` are by name; one that is None can't be read. `whole` is false as long
    as there may be projects that nobody has told of yet.
    """

    apps: tuple[App, ...]
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    projects: Mapping[str, Project | None] = field(default_factory=dict)
    whole: bool = True

    @property
    def with_projects(self) -> tuple[App, ...]:
        """The applications, each with its project: those that wait to learn of theirs are left out.

        Only where nobody defines `default` is it unrestricted; a project that can't be read permits nothing.
        """
        known = {**({UNRESTRICTED.name: UNRESTRICTED} if self.whole else {}), **self.projects}
        apps = (app for app in self.apps if self.whole or app.spec.project in known)
        return tuple(replace(app, project=known.get(app.spec.project)) for app in apps)

    @property
    def complaints(self) -> Mapping[AppKey, str]:
        """What is wrong with the document of each application, or else with that of its project."""
        projects = {problem.project: str(problem) for problem in self.problems if problem.project}
        said = {app.key: projects[app.spec.project] for app in self.apps if app.spec.project in projects}
        return said | {problem.app: str(problem) for problem in self.problems if problem.app}


@dataclass(frozen=True, slots=True)
class _File:
    """A file as it was last read; `stat` is None where it has to be read again."""

    stat: tuple[int, ...] | None = None
    digest: bytes = b""
    contents: Contents = field(default_factory=Contents)


class ApplicationFiles:
    """The files that a configuration names under `applications`; `scan` is cheap where none of them changed."""

    def __init__(self, config: Config) -> None:
        """Nothing is read before the first `scan`."""
        self._config = config
        self._files: dict[Path, _File] = {}
        self._holders: dict[AppKey, Path] = {}
        self._last: Scan | None = None

    def scan(self) -> Scan:
        """Reads what changed since the last scan. Never raises for what a file holds: that is a problem in the answer."""
        files: dict[Path, _File] = {}
        problems: list[Problem] = []
        warnings: list[Problem] = []
        for pattern in (source.file for source in self._config.applications if source.file):
            found, folder = _matches(pattern), _fixed_part(pattern)
            if not folder.is_dir():
                problems.append(_problem(pattern, f"matches no file: there is no folder {folder}"))
                files |= {path: file for path, file in self._files.items() if path.is_relative_to(folder)}
            elif pattern.is_dir():
                warnings.append(_problem(pattern, f"is a folder: name the files in it, such as {pattern / '*.yaml'}"))
            elif not found:
                warnings.append(_problem(pattern, "matches no file"))
            files |= {path: file for path in found if path not in files and (file := self._read(path))}
        if self._last is not None and files == self._files and not (problems or warnings):
            return self._last
        self._files = files
        scan = self._found(problems, warnings)
        self._last = None if problems or warnings else scan  # what is said of a pattern is no matter of its files
        return scan

    def _found(self, problems: Sequence[Problem], warnings: Sequence[Problem]) -> Scan:
        """What the files hold, after what is to be said of their patterns."""
        apps, doubles = self._without_doubles()
        contents = [file.contents for file in self._files.values()]
        projects, double_projects = first_of_each(content.projects for content in contents)
        return Scan(
            tuple(apps),
            (*problems, *(problem for content in contents for problem in content.problems), *doubles, *double_projects),
            (*warnings, *(warning for content in contents for warning in content.warnings)),
            projects,
        )

    def _read(self, path: Path) -> _File | None:
        """The file as it is now, None where it is gone, or a folder."""
        known = self._files.get(path, _File())
        stat = _stat(path)
        if stat is not None and stat == known.stat:
            return known
        try:
            text = read_file(path)
        except ConfigError as error:
            if path.is_dir() or (path.parent.is_dir() and not path.is_symlink() and not path.exists()):
                return None
            unreadable = Contents(problems=(Problem(str(path), error),), whole=False)
            return _File(contents=unreadable.after(known.contents))
        digest = hashlib.sha256(text).digest()
        if digest == known.digest:
            return replace(known, stat=stat)
        contents = read_contents(text, str(path), self._config.known_clusters)
        return _File(stat, digest, contents.after(known.contents))

    def _without_doubles(self) -> tuple[list[App], list[Problem]]:
        """Each application once: of two documents about one, the one that was there first stays."""
        claims = [(key, path) for path, file in self._files.items() for key in file.contents.apps]
        holders = {key: path for key, path in claims if self._holders.get(key) == path}
        for key, path in claims:
            holders.setdefault(key, path)
        self._holders = holders
        doubles = [
            Problem(str(path), ConfigError(twice(self._app(path, key), self._app(holders[key], key)),
                                           Place(self._app(path, key).origin)), key)
            for key, path in claims
            if holders[key] != path
        ]  # fmt: skip
        return [self._app(path, key) for key, path in claims if holders[key] == path], doubles

    def _app(self, path: Path, key: AppKey) -> App:
        return self._files[path].contents.apps[key]


def load_applications(config: Config) -> Scan:
    """The applications as they stand in the files now."""
    return ApplicationFiles(config).scan()


def _stat(path: Path) -> tuple[int, ...] | None:
    """What changes when a file does, None where it can't be told."""
    try:
        stat = path.stat()
    except OSError:
        return None
    recent = abs(time.time() - stat.st_mtime) < RACY_SECONDS
    return None if recent else (stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size, stat.st_ino, stat.st_dev)


def _fixed_part(pattern: Path) -> Path:
    """The folder of a pattern, down to its first wildcard."""
    folder = pattern.parent
    while re.search(r"[*?\[]", str(folder)):
        folder = folder.parent
    return folder


def _matches(pattern: Path) -> list[Path]:
    """What a pattern names, hidden files left out (a mounted ConfigMap has its own copies in hidden folders)."""
    found = glob.iglob(str(pattern), recursive=True)  # noqa: PTH207 - Path.glob takes hidden files too, and is slow
    return [Path(name) for name in sorted(islice(found, MAX_FILES))]


def _problem(pattern: Path, message: str) -> Problem:
    return Problem(str(pattern), ConfigError(message, Place(str(pattern))))

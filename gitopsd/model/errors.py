"""The errors of gitopsd.

We own our exceptions and translate at the edge: nothing of pygit2, aiohttp, SQLAlchemy or ruamel leaves the package that
uses it. Each error is one sentence that names the object or the place, what failed, and where it helps what to do.
No error text ever holds a value of a Secret or a credential (invariant 5).
"""

from __future__ import annotations

import copyreg
from typing import TYPE_CHECKING, ClassVar, NamedTuple

if TYPE_CHECKING:
    from gitopsd.model.refs import ObjectRef


class Place(NamedTuple):
    """Where in a tree of files something stands.

    `line` and `column` count from 1; `field` is a path such as `resources[1]` or `spec.template`.
    """

    file: str
    line: int | None = None
    column: int | None = None
    field: str | None = None

    def __str__(self) -> str:
        """As compilers print it: `ops/kustomization.yaml:3:5: resources[1]`."""
        text = self.file
        if self.line is not None:
            text += f":{self.line}"
            if self.column is not None:
                text += f":{self.column}"
        return text if self.field is None else f"{text}: {self.field}"


_LONGEST = 1000


def one_line(text: str) -> str:
    """A text from a repository as an error may show it: a long one without its middle, nothing in it that steers a terminal."""
    if len(text) > _LONGEST:
        text = f"{text[: _LONGEST // 2]} ... {text[-_LONGEST // 3 :]}"
    return text if text.isprintable() else "".join(one if one.isprintable() else repr(one)[1:-1] for one in text)


class GitopsdError(Exception):
    """The root of all errors that gitopsd raises on purpose."""

    condition: ClassVar[str] = "UnknownError"
    """The type of the condition that an application shows for this error (Argo CD's words where it has them)."""

    def __reduce__(self) -> tuple[object, ...]:
        """Errors come back from child processes as they were raised there, whatever parameters their class is made with."""
        return copyreg.__newobj__, (type(self), *self.args), self.__dict__  # type: ignore[attr-defined]


class ConfigError(GitopsdError):
    """The configuration or an Application document is not acceptable."""

    condition = "InvalidSpecError"

    def __init__(self, message: str, place: Place | None = None) -> None:
        """`message` says what is wrong at `place`."""
        super().__init__(f"{place}: {message}" if place else message)
        self.message = message
        self.place = place


class SourceError(GitopsdError):
    """A repository can't be reached or read, or lacks what was asked of it."""

    condition = "ComparisonError"

    def __init__(self, message: str, repository: str, *, retryable: bool = True) -> None:
        """`repository` is the URL without credentials; `retryable` is false where waiting alone can't help."""
        super().__init__(f"{repository}: {message}")
        self.message = message
        self.repository = repository
        self.retryable = retryable


class AnalysisError(GitopsdError):
    """Prometheus can't be reached, or does not answer a query with numbers."""

    condition = "AnalysisError"


class RenderError(GitopsdError):
    """What a commit holds can't be rendered; names the file, line and field at fault."""

    condition = "RenderError"

    def __init__(self, message: str, place: Place | None = None) -> None:
        """`message` says what is wrong at `place`, a path from the root of the tree; either may quote what a repository holds."""
        self.message = one_line(message)
        super().__init__(one_line(f"{place}: {self.message}") if place else self.message)
        self.place = place


class LimitError(RenderError):
    """A repository asked for more than the bounds allow (files, bytes, depth, aliases, objects, time)."""

    def __init__(self, message: str, place: Place | None = None, limit: str = "") -> None:
        """`limit` is the bound's name under `limits` in the configuration; empty for one that is fixed."""
        super().__init__(f"{message} (limits.{limit})" if limit else message, place)


class TenureError(GitopsdError):
    """This process may not write any more, or not for this application: another replica may be at it by now."""

    condition = "TenureError"


class PeerError(GitopsdError):
    """Another replica does not answer."""

    condition = "ReplicaError"

    def __init__(self, replica: str, message: str) -> None:
        """`replica` is its name."""
        super().__init__(f"replica {replica}: {message}")
        self.replica = replica
        self.message = message


class HeldError(GitopsdError):
    """Another program reconciles the application."""

    condition = "HeldError"


IMMUTABLE = "Immutable"
"""The reason of an ObjectError where the server would change the object only if it were made anew."""


class ObjectError(GitopsdError):
    """An action on one object failed: `Deployment/web/api: dry-run failed (FieldManagerConflict): ...`."""

    condition = "SyncError"

    def __init__(self, ref: ObjectRef, action: str, reason: str, message: str) -> None:
        """`action` is a verb phrase such as `dry-run`; `reason` one CamelCase word; `message` the server's own words."""
        super().__init__(f"{ref}: {action} failed ({reason}): {message}")
        self.ref = ref
        self.action = action
        self.reason = reason
        self.message = message


class ClusterError(GitopsdError):
    """A cluster can't be reached, or refuses us altogether."""

    condition = "ComparisonError"

    def __init__(self, cluster: str, message: str) -> None:
        """`cluster` is its name in the configuration."""
        super().__init__(f"cluster {cluster}: {message}")
        self.cluster = cluster
        self.message = message


class StorageError(GitopsdError):
    """The history can't be read or written (full disk, locked or damaged database, lost server)."""

    condition = "StorageError"

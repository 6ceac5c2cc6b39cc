"""Where an object came from and what changed it, for those who ask with `buildMetadata`.

These are kustomize's own annotations, which end in the cluster; they are written at the end of a build from the records.
"""

from __future__ import annotations

import posixpath
from functools import lru_cache
from typing import NamedTuple

from gitopsd.formats.yamlwrite import dump

ORIGIN = "config.kubernetes.io/origin"
TRANSFORMATIONS = "alpha.config.kubernetes.io/transformations"


class Configured(NamedTuple):
    """The configuration object of a generator or transformer."""

    api_version: str = "builtin"
    kind: str = ""
    name: str = ""
    namespace: str = ""


class Origin(NamedTuple):
    """A place relative to the folder that is built, or in a remote repository."""

    path: str = ""
    repo: str = ""
    ref: str = ""
    configured_in: str = ""
    configured_by: Configured | None = None

    def join(self, path: str) -> Origin:
        """The place `path` seen from here."""
        return self._replace(path=posixpath.normpath(posixpath.join(self.path, path)))

    def remote(self, repo: str, ref: str, path: str) -> Origin:
        """A place in another repository."""
        return Origin(path=path, repo=repo, ref=ref)

    def configured(self, file: str, by: Configured) -> Origin:
        """The origin of what the configuration `by` in `file` (seen from here) makes or changes."""
        return self._replace(path="", configured_in=self.join(file).path, configured_by=by)

    def lines(self) -> list[str]:
        """The value of the annotation, a YAML mapping, line by line."""
        fields = {"path": self.path, "repo": self.repo, "ref": self.ref, "configuredIn": self.configured_in}
        text = [f"{name}: {_scalar(value)}" for name, value in fields.items() if value]
        if (by := self.configured_by) is not None:
            named = {"apiVersion": by.api_version, "kind": by.kind, "name": by.name, "namespace": by.namespace}
            text += ["configuredBy:", *(f"  {name}: {_scalar(value)}" for name, value in named.items() if value)]
        return text

    def __str__(self) -> str:
        """The value of the origin annotation."""
        return "\n".join([*self.lines(), ""])


def transformations_text(origins: list[Origin]) -> str:
    """The value of the transformations annotation: a YAML list."""
    lines: list[str] = []
    for origin in origins:
        first, *rest = origin.lines()
        lines += [f"- {first}", *(f"  {line}" for line in rest)]
    return "\n".join([*lines, ""])


@lru_cache(maxsize=1024)
def _scalar(value: str) -> str:
    return dump([value]).rstrip("\n")

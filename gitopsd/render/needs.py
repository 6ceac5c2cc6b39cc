"""What a render can't compute: it asks, the shell answers, and the render runs again.

Rendering is pure, but a remote base must be fetched, and a Helm chart inflated by the `helm` program. Each of these is a
frozen `Need`. A render that lacks answers goes as far as it can and raises `Needs` with all that it came across; the shell gets
what is missing, and calls again with the `answers` so far. Parsed files are cached, so the second run costs little.
A `Tree` answers `RemoteBase` and `RemoteChart`, bytes answer `RemoteFile` and `InflateChart`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from gitopsd.model.errors import RenderError
from gitopsd.model.tree import Tree


class RemoteBase(NamedTuple):
    """A base or resource in another repository, as a kustomization writes it; `ref` empty is the default branch.

    The answer is the tree of the repository's root at the pinned commit; `path` leads into it.
    """

    url: str
    repository: str
    path: str
    ref: str

    def __str__(self) -> str:
        """As written."""
        return self.url


class RemoteFile(NamedTuple):
    """A single file behind an `https://` URL. The answer is its bytes."""

    url: str

    def __str__(self) -> str:
        """As written."""
        return self.url


class RemoteChart(NamedTuple):
    """A chart of a Helm repository (`https://`) or registry (`oci://`), in a version or range of them. The answer is its tree."""

    repository: str
    name: str
    version: str

    def __str__(self) -> str:
        """The chart's name, version and repository."""
        return f"helm chart {self.name} {self.version or '*'} of {self.repository}"


class InflateChart(NamedTuple):
    """A Helm chart with all that goes into it: whoever answers needs nothing else. The answer is what `helm template` prints.

    `files` are those of the chart's folder, dependencies included, by their paths in it. `values` are the texts of values
    files, the last one wins; over them `settings` are arguments such as `--set=a=b`, and `attached` contents of files by
    the values that they are for. `flags` are other arguments.
    """

    name: str
    release: str
    namespace: str
    files: tuple[tuple[str, bytes], ...]
    values: tuple[bytes, ...] = ()
    settings: tuple[str, ...] = ()
    attached: tuple[tuple[str, bytes], ...] = ()
    flags: tuple[str, ...] = ()

    def __str__(self) -> str:
        """The chart's name."""
        return f"helm chart {self.name}"


Elsewhere = RemoteBase | RemoteFile | RemoteChart
"""What has to be fetched. Whoever does finds a tree: that of a single file has it at `FILE`."""
Need = Elsewhere | InflateChart
FILE = "file"
Answer = Tree | bytes
Answers = Mapping[Need, Answer]


class Needs(RenderError):  # noqa: N818 - a request more than an error: whoever can answer calls again
    """A render stopped for want of answers. `wanted` holds each need once, in the order they were met."""

    def __init__(self, wanted: Sequence[Need]) -> None:
        """Its text is for those who can't answer: it names what is missing."""
        super().__init__("needs " + ", ".join(str(need) for need in wanted))
        self.wanted = tuple(wanted)


def where(need: Elsewhere) -> str:
    """What has to be asked whether it has changed: a repository, `REPOSITORY#NAME` for a chart, `URL#` for a file."""
    if isinstance(need, RemoteBase):
        return need.repository
    return f"{need.url}#" if isinstance(need, RemoteFile) else f"{need.repository}#{need.name}"


def answer(need: Elsewhere, tree: Tree) -> Answer:
    """What answers a need, of the tree that was fetched for it."""
    return tree.read(FILE) if isinstance(need, RemoteFile) else tree

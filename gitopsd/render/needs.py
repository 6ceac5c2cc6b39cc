"""What a render can't compute: it asks, the shell answers, and the render runs again.

Rendering is pure, but a remote base must be fetched, and a Helm chart inflated by the `helm` program. Each of these is a
frozen `Need`. A render that lacks answers goes as far as it can and raises `Needs` with all that it came across; the shell gets
what is missing, and calls again with the `answers` so far. Parsed files are cached, so the second run costs little.
A `Tree` answers `RemoteBase`, bytes answer `RemoteFile`, objects answer `InflateChart`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gitopsd.model.errors import RenderError
from gitopsd.model.refs import Object
from gitopsd.model.tree import Tree


@dataclass(frozen=True, slots=True)
class RemoteBase:
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


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A single file behind an `https://` URL. The answer is its bytes."""

    url: str

    def __str__(self) -> str:
        """As written."""
        return self.url


@dataclass(frozen=True, slots=True)
class InflateChart:
    """A Helm chart. `folder` is the kustomization's place in the tree; `spec` is its entry of `helmCharts`, as JSON.

    The answer is the list of the chart's objects.
    """

    folder: str
    name: str
    version: str
    repo: str
    spec: str

    def __str__(self) -> str:
        """The chart's name and version."""
        return f"helm chart {self.name} {self.version}".rstrip()


Need = RemoteBase | RemoteFile | InflateChart
Answer = Tree | bytes | Sequence[Object]
Answers = Mapping[Need, Answer]


class Needs(RenderError):  # noqa: N818 - a request more than an error: whoever can answer calls again
    """A render stopped for want of answers. `wanted` holds each need once, in the order they were met."""

    def __init__(self, wanted: Sequence[Need]) -> None:
        """Its text is for those who can't answer: it names what is missing."""
        super().__init__("needs " + ", ".join(str(need) for need in wanted))
        self.wanted = tuple(wanted)

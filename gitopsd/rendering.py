"""What a child does that renders: a plain function, and the values that go there and come back.

A child loads this module, and no more than it needs: nothing of the daemon, no asyncio.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial

from gitopsd.helm import Helm, with_charts
from gitopsd.model.app import Source
from gitopsd.model.errors import RenderError
from gitopsd.model.refs import Object, ObjectRef
from gitopsd.model.tree import Recorded, Tree
from gitopsd.render.application import render_source
from gitopsd.render.cache import ParseCache
from gitopsd.render.given import Given
from gitopsd.render.kustomize.settings import BuildSettings
from gitopsd.render.limits import Limits
from gitopsd.render.needs import Answers, Elsewhere, answer
from gitopsd.render.provenance.explained import Explained
from gitopsd.render.provenance.trace import Trace

Explanations = Mapping[ObjectRef, tuple[Explained, ...]]
"""The fields of objects, each with what made and changed it."""


@dataclass(frozen=True, slots=True)
class Work:
    """What a child is to render: sources, with a tree and variables each, and the trees of what they need from elsewhere."""

    sources: tuple[Source, ...]
    trees: tuple[Tree, ...]
    variables: tuple[Mapping[str, str], ...]
    limits: Limits
    helm: Helm | None
    needs: tuple[Elsewhere, ...] = ()
    answers: tuple[Tree, ...] = ()
    trace: Trace | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """What a child gives: the objects or the error, what it asked of each tree, the variables that it read for each source.

    `objects` are a pickle of a tuple; `explained` is what a trace found.
    """

    objects: bytes
    error: RenderError | None
    inputs: tuple[Mapping[str, str | None], ...]
    variables: tuple[Mapping[str, str | None], ...]
    explained: Explanations


@cache
def _settings(limits: Limits, *, enable_helm: bool) -> BuildSettings:
    """With them this process keeps what it parsed."""
    return BuildSettings(limits=limits, cache=ParseCache(), enable_helm=enable_helm)


def render_in_child(work: Work) -> Result:
    """Renders the sources one after the other. What it can't render is part of the result, for the sake of what it read."""
    trees = tuple(Recorded(tree) for tree in work.trees)
    fetched = tuple(Recorded(tree) for tree in work.answers)
    variables = tuple(_RecordedVariables(values) for values in work.variables)
    settings = _settings(work.limits, enable_helm=work.helm is not None)
    settings = settings._replace(trace=work.trace) if work.trace else settings
    refs = {source.ref: tree for source, tree in zip(work.sources, trees, strict=True) if source.ref}
    answers: Answers = {need: answer(need, tree) for need, tree in zip(work.needs, fetched, strict=True)}
    objects: list[Object] = []
    error: RenderError | None = None

    def render(source: Source, tree: Tree, values: Mapping[str, str], answers: Answers) -> list[Object]:
        return render_source(tree, source, settings, Given(values, answers, refs))

    try:
        for source, tree, values in zip(work.sources, trees, variables, strict=True):
            objects += with_charts(partial(render, source, tree, values), answers, work.helm)
    except RenderError as raised:
        error = raised.with_traceback(None)
    found = pickle.dumps(() if error else tuple(objects))
    inputs = tuple(tree.inputs for tree in (*trees, *fetched))
    explained = work.trace.explained if work.trace else {}
    return Result(found, error, inputs, tuple(values.read for values in variables), explained)


class _RecordedVariables(Mapping[str, str]):
    """Variables that know which of them were read, absent ones included."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values
        self.read: dict[str, str | None] = {}

    def __getitem__(self, name: str) -> str:
        self.read[name] = self._values.get(name)
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

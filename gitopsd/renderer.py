"""The render port: the engine in worker processes, behind a cache that knows what each render read.

A render's key is everything that it asked: of its trees by object id, misses included, and its own options. A commit that
touches one application of a thousand costs a thousand cheap look-ups and one render. A render that failed is remembered
like any other: the same input fails the same way. (The engine's version is no part of the key, as the cache is this process's.)
"""

from __future__ import annotations

import pickle
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

from gitopsd.children import ChildError, ChildLimitError, Pool
from gitopsd.model.app import App, AppKey, Source
from gitopsd.model.errors import LimitError, RenderError
from gitopsd.model.refs import Object
from gitopsd.model.source import Snapshot
from gitopsd.model.surface import Surface
from gitopsd.model.tree import Recorded, Tree, answers_alike
from gitopsd.ports import Rendered
from gitopsd.render.application import render_source
from gitopsd.render.kustomize.settings import BuildSettings

_KEPT_PER_APP = 2  # what is live, and what somebody looks at in a plan for another revision


@dataclass(frozen=True, slots=True)
class _Result:
    """What a child gives: the objects or the error, what it asked of each source's tree, and the size of its objects in bytes."""

    objects: tuple[Object, ...]
    error: RenderError | None
    inputs: tuple[Mapping[str, str | None], ...]
    size: int


@dataclass(frozen=True, slots=True)
class _Kept:
    """A render that was made of these sources at these commits."""

    sources: tuple[Source, ...]
    commits: tuple[str, ...]
    inputs: tuple[Mapping[str, str | None], ...]
    outcome: Rendered | RenderError
    size: int

    def holds(self, sources: tuple[Source, ...], snapshots: Sequence[Snapshot]) -> bool:
        """Whether a render of `snapshots` would give the same."""
        if self.sources != sources:
            return False
        return self.commits == _commits(snapshots) or all(
            answers_alike(snapshot.tree, inputs) for snapshot, inputs in zip(snapshots, self.inputs, strict=True)
        )


class Renderer:
    """The engine (a `gitopsd.ports.RenderPort`)."""

    def __init__(
        self,
        pool: Pool,
        *,
        deadline: float = 60.0,
        budget: int = 64 << 20,
        on_request: Callable[[Literal["hit", "miss"]], None] = lambda _: None,
    ) -> None:
        """A render may take `deadline` seconds; `on_request` is told of each look into the cache.

        `budget` bounds the cache, in bytes of the objects as a child sends them (in memory they take some five times as much).
        """
        self._pool, self._deadline, self._budget, self._on_request = pool, deadline, budget, on_request
        self._kept: OrderedDict[AppKey, tuple[_Kept, ...]] = OrderedDict()
        self._used = 0

    async def render(self, app: App, snapshots: tuple[Snapshot, ...], surface: Surface) -> Rendered:  # noqa: ARG002 - for charts
        """See `RenderPort.render`. Raises SourceError where a mirror turns out to be damaged."""
        sources = tuple(replace(source, target_revision="") for source in app.sources)
        kept = next((kept for kept in self._kept.get(app.key, ()) if kept.holds(sources, snapshots)), None)
        self._on_request("hit" if kept else "miss")
        if kept is None:
            result = await self._in_child(app, snapshots)
            outcome = result.error or Rendered(result.objects)
            kept = _Kept(sources, _commits(snapshots), result.inputs, outcome, result.size)
            self._keep(app.key, kept)
        elif kept.commits != _commits(snapshots):
            self._keep(app.key, replace(kept, commits=_commits(snapshots)), instead_of=kept)
        self._kept.move_to_end(app.key)
        if isinstance(kept.outcome, RenderError):
            raise kept.outcome.with_traceback(None)
        return kept.outcome

    async def _in_child(self, app: App, snapshots: Sequence[Snapshot]) -> _Result:
        trees = tuple(snapshot.tree for snapshot in snapshots)
        try:
            return await self._pool.call(render_in_child, app.sources, trees, deadline=self._deadline)
        except ChildLimitError as error:
            raise LimitError(f"{app.key}: rendering {error}") from error
        except ChildError as error:
            raise RenderError(f"{app.key}: rendering came to no result: {error}") from error

    def _keep(self, key: AppKey, kept: _Kept, instead_of: _Kept | None = None) -> None:
        others = tuple(other for other in self._kept.pop(key, ()) if other is not instead_of)
        self._kept[key] = (kept, *others[: _KEPT_PER_APP - 1])
        self._used += kept.size - sum(gone.size for gone in (*others[_KEPT_PER_APP - 1 :], *([instead_of] if instead_of else [])))
        while self._used > self._budget and len(self._kept) > 1:
            _, gone = self._kept.popitem(last=False)
            self._used -= sum(one.size for one in gone)


def _commits(snapshots: Sequence[Snapshot]) -> tuple[str, ...]:
    return tuple(f"{snapshot.repository} {snapshot.commit.id}" for snapshot in snapshots)


# --- in the child -------------------------------------------------------------------------------------------------------


@cache
def _settings() -> BuildSettings:
    """With them this process keeps what it parsed."""
    return BuildSettings()


def render_in_child(sources: tuple[Source, ...], trees: tuple[Tree, ...]) -> _Result:
    """Renders the sources one after the other. What it can't render is part of the result, for the sake of what it read."""
    recorded = tuple(Recorded(tree) for tree in trees)
    objects: list[Object] = []
    error: RenderError | None = None
    try:
        for source, tree in zip(sources, recorded, strict=True):
            objects += render_source(tree, source, _settings())
    except RenderError as raised:
        error = raised.with_traceback(None)
    found = () if error else tuple(objects)
    return _Result(found, error, tuple(tree.inputs for tree in recorded), len(pickle.dumps(found)))

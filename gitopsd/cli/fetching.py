"""The repositories that `gitopsd render` reads: the one of `--repo`, and those of remote bases."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from gitopsd.cli.rendering import Asked
from gitopsd.clock import SystemClock
from gitopsd.model.refs import Object
from gitopsd.model.source import Commit, Lines
from gitopsd.model.tree import Tree
from gitopsd.render.needs import Answer, Elsewhere, Need, Needs, answer
from gitopsd.source.network import Network
from gitopsd.source.remote import Bounds
from gitopsd.source.sources import Sources

_T = TypeVar("_T")

_TIMEOUT = 600.0
"""Seconds that a whole repository may take: longer than a poll, as somebody is watching who can end it."""


def render_commit(asked: Asked) -> list[Object]:
    """The folder of a commit. Raises SourceError, RenderError."""

    async def render(sources: Sources) -> list[Object]:
        snapshot = await sources.snapshot_of(asked.repo, asked.revision)
        return await _with_bases(asked, snapshot.tree, asked.path, sources)

    return asyncio.run(_fetching(render))


def explain_commit(asked: Asked, wanted: Callable[[], Lines]) -> Mapping[tuple[str, int], Commit]:
    """Renders the folder of a commit for its trace; then finds the commits of the lines that are `wanted`. Raises the same."""

    async def explain(sources: Sources) -> Mapping[tuple[str, int], Commit]:
        snapshot = await sources.snapshot_of(asked.repo, asked.revision)
        await _with_bases(asked, snapshot.tree, asked.path, sources)
        return await sources.blame(asked.repo, snapshot.commit.id, wanted())

    return asyncio.run(_fetching(explain))


def render_with_bases(asked: Asked, tree: Tree, path: str) -> list[Object]:
    """The folder of a tree that needs more than is in it. Raises SourceError, RenderError."""
    return asyncio.run(_fetching(lambda sources: _with_bases(asked, tree, path, sources)))


async def _fetching(work: Callable[[Sources], Awaitable[_T]]) -> _T:
    """The mirrors live as long as the command: trees read from them until the end of the render."""
    with TemporaryDirectory(prefix="gitopsd-render-") as folder:
        sources = Sources(Path(folder), SystemClock(), network=Network(Bounds(idle=_TIMEOUT)))
        try:
            return await work(sources)
        finally:
            await sources.aclose()


async def _with_bases(asked: Asked, tree: Tree, path: str, sources: Sources) -> list[Object]:
    """Renders, and again with what it turned out to need from elsewhere, as often as it takes."""
    answers: dict[Need, Answer] = {}
    while True:
        try:
            return asked.of(tree, path, answers)
        except Needs as needs:
            elsewhere = [need for need in needs.wanted if isinstance(need, Elsewhere)]
            if not elsewhere:
                raise
            for need in elsewhere:
                answers[need] = answer(need, (await sources.fetch(need)).tree)

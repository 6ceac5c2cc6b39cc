"""Git and the engine in memory: what `gitopsd.source` and `gitopsd.renderer` promise. The same contract tests run on both."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import yaml

from gitopsd.model.app import App, AppKey, Source
from gitopsd.model.errors import Place, RenderError, SourceError
from gitopsd.model.refs import Object
from gitopsd.model.source import Commit, Snapshot
from gitopsd.model.surface import Surface
from gitopsd.model.tree import DictTree, Recorded, Tree, answers_alike
from gitopsd.ports import Rendered

TIME = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@dataclass(slots=True)
class FakeRemote:
    """A repository: all commits it ever had, where its branches are, and where they were when it was fetched last."""

    url: str
    commits: dict[str, Snapshot] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    fetched: dict[str, str] | None = None
    reachable: bool = True

    def push(self, files: Mapping[str, str | bytes], branch: str = "main", message: str = "Change") -> str:
        """Commits a tree of exactly `files`; gives the commit's id."""
        oid = hashlib.sha1(f"{len(self.commits)} {files}".encode(), usedforsecurity=False).hexdigest()
        commit = Commit(oid, "Ada Lovelace", "ada@example.org", TIME, message)
        self.commits[oid] = Snapshot(self.url, commit, DictTree(files), TIME)
        self.branches[branch] = oid
        return oid

    def fetch(self) -> bool:
        """Whether anything moved."""
        if not self.reachable:
            raise SourceError("can't be reached", self.url)
        moved, self.fetched = self.fetched != self.branches, dict(self.branches)
        return moved


@dataclass(slots=True)
class FakeSource:
    """A SourcePort over `remotes`, by URL."""

    remotes: dict[str, FakeRemote] = field(default_factory=dict)

    def remote(self, url: str) -> FakeRemote:
        """The repository at `url`, an empty one if it is new."""
        return self.remotes.setdefault(url, FakeRemote(url))

    async def snapshots(self, app: App, revisions: tuple[str, ...] = ()) -> tuple[Snapshot, ...]:
        wanted = [source.target_revision for source in app.sources]
        wanted[: len(revisions)] = revisions
        return tuple(self._snapshot(source.repo_url, name) for source, name in zip(app.sources, wanted, strict=True))

    async def poll(self, repository: str, *, force: bool = False) -> bool:
        return self.remote(repository).fetch()

    def _snapshot(self, url: str, revision: str) -> Snapshot:
        remote = self.remote(url)
        if remote.fetched is None:
            remote.fetch()
        name = "main" if revision in ("", "HEAD") else revision
        oid = (remote.fetched or {}).get(name, name)
        if oid not in remote.commits:
            raise SourceError(f"has no revision {revision!r}", url)
        return remote.commits[oid]


@dataclass(slots=True)
class FakeRenderer:
    """A RenderPort that gives the documents in the YAML files of the source's folder, as they stand there."""

    renders: int = 0
    _last: dict[AppKey, tuple[tuple[Source, ...], tuple[Mapping[str, str | None], ...], Rendered]] = field(default_factory=dict)

    def forget(self, app: AppKey) -> None:
        self._last.pop(app, None)

    def elsewhere(self, app: AppKey) -> frozenset[str]:
        return frozenset()

    async def render(self, app: App, snapshots: tuple[Snapshot, ...], surface: Surface) -> Rendered:
        sources = tuple(replace(source, target_revision="") for source in app.sources)
        if last := self._last.get(app.key):
            alike = (answers_alike(snapshot.tree, asked) for snapshot, asked in zip(snapshots, last[1], strict=True))
            if last[0] == sources and all(alike):
                return last[2]
        self.renders += 1
        trees = tuple(Recorded(snapshot.tree) for snapshot in snapshots)
        objects = [obj for source, tree in zip(sources, trees, strict=True) for obj in _objects(source, tree)]
        rendered = Rendered(lambda: tuple(objects))
        self._last[app.key] = sources, tuple(tree.inputs for tree in trees), rendered
        return rendered


def _objects(source: Source, tree: Tree) -> list[Object]:
    if source.ref and not source.path:
        return []
    folder = source.path.strip("./")
    if tree.entry(folder) is None:
        raise RenderError("does not exist", Place(source.path))
    paths = [f"{folder}/{name}".strip("/") for name in tree.list(folder) if name.endswith(".yaml")]
    return [document for path in paths for document in yaml.safe_load_all(tree.read(path)) if document]

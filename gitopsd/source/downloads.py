"""What is followed and no Git: charts of Helm repositories and registries, and single files behind URLs."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from gitopsd.formats.semver import best, parse_range, parse_version
from gitopsd.model.errors import SourceError
from gitopsd.model.source import Commit, Snapshot
from gitopsd.model.tree import DictTree
from gitopsd.ports import Clock
from gitopsd.source import charts
from gitopsd.source.charts import OCI, Archive, Version
from gitopsd.source.credentials import Access
from gitopsd.source.network import Network
from gitopsd.source.urls import Location, parse_url

_SNAPSHOTS = 64
_ANY = ("", "HEAD", "*")


def location_of(url: str) -> Location:
    """Where a download is asked for: registries speak HTTPS, and a query is no part of a server's name. Raises SourceError."""
    return parse_url(url.replace(OCI, "https://", 1).partition("?")[0])


@dataclass(slots=True)
class Downloads:
    """Charts by `REPOSITORY#NAME`, files by `URL#`. What was found stays as it is until a poll finds something else."""

    network: Network
    access: Callable[[Location], Access]
    clock: Clock
    _versions: dict[str, tuple[Version, ...]] = field(default_factory=dict)
    _files: dict[str, Snapshot] = field(default_factory=dict)
    _said: dict[str, object] = field(default_factory=dict)
    """What there was when a poll told of it last, or when somebody saw it first."""
    _charts: OrderedDict[tuple[str, Version], Snapshot] = field(default_factory=OrderedDict)
    _locks: dict[str, asyncio.Lock] = field(default_factory=dict)

    async def chart(self, repository: str, name: str, wanted: str) -> Snapshot:
        """The newest version of the chart that `wanted` allows: one, a range, or any. Raises SourceError."""
        followed = f"{repository}#{name}"
        async with self._lock(followed):
            if followed not in self._versions:
                self._versions[followed] = await self._listed(repository, name)
                self._said.setdefault(followed, self._versions[followed])
            version = _chosen(self._versions[followed], wanted)
            if version is None:
                known = ", ".join(version.name for version in self._versions[followed][:5]) or "none"
                raise SourceError(f"the chart {name} has no version {wanted!r}; the newest are {known}", repository)
            snapshot = self._charts.get((followed, version)) or await self._fetched(repository, name, version)
            self._charts[followed, version] = snapshot
            self._charts.move_to_end((followed, version))
            while len(self._charts) > _SNAPSHOTS:
                self._charts.popitem(last=False)
            return snapshot

    async def file(self, url: str) -> Snapshot:
        """The file at `url`, as its only content. Raises SourceError."""
        async with self._lock(f"{url}#"):
            if url not in self._files:
                self._files[url] = await self._content(url)
                self._said.setdefault(f"{url}#", self._files[url].commit.id)
            return self._files[url]

    async def poll(self, followed: str) -> bool:
        """Whether there is something else now than was told of. Raises SourceError; what was found then stays."""
        repository, _, name = followed.rpartition("#")
        found: object
        async with self._lock(followed):
            if name:
                found = self._versions[followed] = await self._listed(repository, name)
            else:
                self._files[repository] = await self._content(repository)
                found = self._files[repository].commit.id
            said, self._said[followed] = self._said.get(followed), found
        return said != found

    def distrust(self) -> None:
        """Nothing that was found is taken for the newest any more."""
        self._versions.clear()
        self._files.clear()

    def _lock(self, followed: str) -> asyncio.Lock:
        return self._locks.setdefault(followed, asyncio.Lock())

    async def _listed(self, repository: str, name: str) -> tuple[Version, ...]:
        location = location_of(repository)
        access = self.access(location)
        return await self.network.download(location, access, charts.versions, repository, name)

    async def _fetched(self, repository: str, name: str, version: Version) -> Snapshot:
        location = location_of(repository)
        access = self.access(location)
        found = await self.network.download(location, access, charts.archive, repository, version)
        return self._snapshot(location, f"{version.name}@sha256:{found.digest}", f"{name} {version.name}", found)

    async def _content(self, url: str) -> Snapshot:
        location = location_of(url)
        found = await self.network.download(location, self.access(location), charts.content, url)
        return self._snapshot(location, f"sha256:{found.digest}", "", found)

    def _snapshot(self, location: Location, commit: str, message: str, found: Archive) -> Snapshot:
        return Snapshot(location.public, Commit(commit, message=message), DictTree(found.files), self.clock.now())


def _chosen(versions: tuple[Version, ...], wanted: str) -> Version | None:
    """One whole version is that one, with `v` or without; the first of several that are listed is the newest."""
    by_name = {version.name: version for version in reversed(versions)}
    if wanted in by_name:
        return by_name[wanted]
    if wanted not in _ANY and parse_range(wanted) is None:
        exact = parse_version(wanted)
        return next((by_name[name] for name in by_name if exact and parse_version(name) == exact), None)
    return _newest(by_name, wanted)


def _newest(by_name: dict[str, Version], wanted: str) -> Version | None:
    allowed = parse_range("*" if wanted in _ANY else wanted)
    name = best(allowed, by_name) if allowed else None
    return by_name[name] if name else None

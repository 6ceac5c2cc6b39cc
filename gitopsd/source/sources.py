"""The source port: all repositories that the applications name, each followed once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gitopsd.model.app import App, Source
from gitopsd.model.source import Commit, Lines, Snapshot
from gitopsd.ports import CacheUse, Clock
from gitopsd.render.needs import Elsewhere, RemoteChart, RemoteFile
from gitopsd.source.credentials import Access, Credentials
from gitopsd.source.downloads import Downloads, location_of
from gitopsd.source.network import Network
from gitopsd.source.secrets import RepositorySecrets
from gitopsd.source.signatures import Signed
from gitopsd.source.tracking import RepositoryStatus, Tracked
from gitopsd.source.urls import Location, closest, parse_url


@dataclass(frozen=True, slots=True)
class Repository:
    """What the configuration says of the repository at `url`, or of all those below it that it says nothing closer of."""

    url: str
    credentials: Credentials = field(default_factory=Credentials)


def revision_of(source: Source, index: int, revisions: tuple[str, ...]) -> str:
    """What is asked for of an application's source: one of `revisions` in its place, or what it says itself."""
    return revisions[index] if index < len(revisions) else source.target_revision


class Sources:
    """Git (a `gitopsd.ports.SourcePort`). Mirrors are kept in `folder`.

    `network` is how it speaks with servers, `secrets` is where credentials stand of which `repositories` says nothing.
    """

    def __init__(
        self,
        folder: Path,
        clock: Clock,
        *,
        repositories: Sequence[Repository] = (),
        secrets: RepositorySecrets | None = None,
        network: Network | None = None,
    ) -> None:
        self._folder, self._clock = folder, clock
        self._credentials = {location_of(repository.url).key: repository.credentials for repository in repositories}
        self.secrets = secrets
        self._network = network or Network()
        self._downloads = Downloads(self._network, self._access, clock)
        self._tracked: dict[str, Tracked] = {}
        self._distrusted = False

    async def snapshots(self, app: App, revisions: tuple[str, ...] = ()) -> tuple[Snapshot, ...]:
        """See `SourcePort.snapshots`."""
        found = []
        for index, source in enumerate(app.sources):
            wanted = revision_of(source, index, revisions)
            await self._permit(source.repo_url, app.spec.project)
            if source.chart:
                version = wanted.partition("@")[0]  # a chart's snapshot is named by version and digest
                found.append(await self._downloads.chart(source.repo_url, source.chart, version))
            else:
                found.append(await self.snapshot_of(source.repo_url, wanted))
        return tuple(found)

    async def snapshot_of(self, repository: str, revision: str = "HEAD") -> Snapshot:
        """The commit that `revision` of a repository names, as for an application's source. Raises SourceError."""
        return await self._follow(repository).snapshot(revision)

    async def fetch(self, need: Elsewhere) -> Snapshot:
        """What a render needs from elsewhere, as it is now; no project has that for itself. Raises SourceError."""
        await self._permit(need.url if isinstance(need, RemoteFile) else need.repository, "")
        if isinstance(need, RemoteChart):
            return await self._downloads.chart(need.repository, need.name, need.version)
        if isinstance(need, RemoteFile):
            return await self._downloads.file(need.url)
        return await self.snapshot_of(need.repository, need.ref or "HEAD")

    async def poll(self, repository: str, *, force: bool = False) -> bool:
        """See `SourcePort.poll`."""
        await self._permit(repository.partition("#")[0])
        if "#" in repository:
            return await self._downloads.poll(repository)
        return await self._follow(repository).poll(force=force)

    async def blame(self, repository: str, commit: str, lines: Lines) -> Mapping[tuple[str, int], Commit]:
        """The commit that last wrote each of `lines`, files as `commit` has them; those that can't be told are left out.

        Walks history: for what somebody asks about, not for a pass. Raises SourceError.
        """
        return await self._follow(repository).blame(commit, lines)

    def signed(self, source: Source, revision: str, snapshot: Snapshot) -> Signed:
        """What has to be signed for `snapshot`, which is what `revision` of the source named. Raises SourceError."""
        return self._follow(source.repo_url).signed(revision, snapshot)

    def distrust(self) -> None:
        """Somebody else may have made newer commits live: nothing is taken from a mirror before its remote was asked anew."""
        self._distrusted = True
        self._downloads.distrust()
        for tracked in self._tracked.values():
            tracked.distrusted = True

    def status(self) -> tuple[RepositoryStatus, ...]:
        """How the repositories fare that were asked for so far, by name."""
        return tuple(sorted((tracked.status for tracked in self._tracked.values()), key=lambda status: status.repository))

    def folders(self) -> CacheUse:
        """How the caches of folders are used."""
        return sum((tracked.folders() for tracked in self._tracked.values()), CacheUse())

    async def aclose(self) -> None:
        """Ends the children; mirrors stay for the next start."""
        await self._network.aclose()

    def _follow(self, url: str) -> Tracked:
        location = parse_url(url)
        if location.key not in self._tracked:
            self._tracked[location.key] = Tracked(location, self._access, self._folder, self._network, self._clock)
            self._tracked[location.key].distrusted = self._distrusted
        return self._tracked[location.key]

    def _access(self, location: Location) -> Access:
        """What it takes to speak with the repository, as it is now: it may be another with each operation."""
        configured = closest(self._credentials, location.key)
        if configured is None and self.secrets:
            return self.secrets.access(location)
        return (configured or Credentials()).read(location)

    async def _permit(self, url: str, project: str | None = None) -> None:
        """Returns where a repository may be asked, or its content given to applications of `project`. Raises SourceError."""
        if self.secrets and closest(self._credentials, (location := location_of(url)).key) is None:
            await self.secrets.ready(location)
            if project is not None:
                self.secrets.permit(location, project)

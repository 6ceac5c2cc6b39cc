"""The source port of those who trust no commit that is not signed: `signatureKeys` of projects."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from gitopsd.model.app import App, Source
from gitopsd.model.errors import SourceError
from gitopsd.model.source import Snapshot
from gitopsd.source.signatures import Keyring
from gitopsd.source.sources import Sources, revision_of


@dataclass(frozen=True, slots=True)
class TrustedSources:
    """Hands out a commit only where the application's project accepts its signature (a `gitopsd.ports.SourcePort`).

    Of an annotated tag the tag has to be signed, as in Argo CD. Charts are no commits, and remote bases are not held to it.
    """

    sources: Sources
    keyring: Keyring

    async def snapshots(self, app: App, revisions: tuple[str, ...] = ()) -> tuple[Snapshot, ...]:
        """See `SourcePort.snapshots`."""
        snapshots = await self.sources.snapshots(app, revisions)
        if accepted := tuple(key.key_id for key in app.project.spec.signature_keys) if app.project else ():
            for index, (source, snapshot) in enumerate(zip(app.sources, snapshots, strict=True)):
                if not source.chart:
                    await self._verify(app, source, revision_of(source, index, revisions), snapshot, accepted)
        return snapshots

    async def poll(self, repository: str, *, force: bool = False) -> bool:
        """See `SourcePort.poll`."""
        return await self.sources.poll(repository, force=force)

    async def _verify(self, app: App, source: Source, revision: str, snapshot: Snapshot, accepted: tuple[str, ...]) -> None:
        signed = self.sources.signed(source, revision, snapshot)
        if objection := await asyncio.to_thread(self.keyring.objection, signed, accepted):
            wanted = f"project {app.spec.project} takes only what is signed with {' or '.join(accepted)}"
            raise SourceError(f"{objection}; {wanted}", snapshot.repository, retryable=False)

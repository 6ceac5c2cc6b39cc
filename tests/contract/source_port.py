"""What every source port does, the real one and the fake: tests that both inherit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import pytest

from gitopsd.model.app import App, AppKey, AppSpec, Destination, Source
from gitopsd.model.errors import SourceError
from gitopsd.ports import SourcePort


class Remote(Protocol):
    """A repository that a test changes from the other side."""

    url: str

    def push(self, files: Mapping[str, str | bytes], branch: str = "main", message: str = "Change") -> str:
        """Commits a tree of exactly `files`; gives the commit's id."""

    def delete(self, branch: str) -> None:
        """Deletes a branch."""

    def reach(self, *, possible: bool) -> None:
        """Makes the repository unreachable, or reachable again."""


def application(*sources: Source) -> App:
    """An application of these sources."""
    return App(AppKey("argocd", "web"), AppSpec(Destination(name="in-cluster"), sources=sources))


class SourcePortContract:
    """Give it fixtures `port` (a SourcePort), and `remote` and `other` (Remotes without a commit)."""

    async def test_first_question_fetches(self, port: SourcePort, remote: Remote) -> None:
        """A repository that is asked for the first time is fetched; the snapshot has commit and files."""
        commit = remote.push({"a.yaml": "one"}, message="Add a")
        (snapshot,) = await port.snapshots(application(Source(remote.url)))
        assert (snapshot.commit.id, snapshot.commit.author, snapshot.commit.message) == (commit, "Ada Lovelace", "Add a")
        assert snapshot.repository == remote.url
        assert snapshot.commit.time
        assert snapshot.commit.time.tzinfo
        assert snapshot.tree.read("a.yaml") == b"one"
        assert snapshot.arrived

    async def test_snapshots_move_with_polls_alone(self, port: SourcePort, remote: Remote) -> None:
        """What was pushed is seen after a poll, and the poll says whether there was anything."""
        app = application(Source(remote.url))
        first = remote.push({"a": "1"})
        assert await port.poll(remote.url)
        assert not await port.poll(remote.url)
        second = remote.push({"a": "2"})
        assert (await port.snapshots(app))[0].commit.id == first
        assert await port.poll(remote.url, force=True)
        assert (await port.snapshots(app))[0].commit.id == second

    async def test_same_commit_same_snapshot(self, port: SourcePort, remote: Remote) -> None:
        """A pass without change costs nothing: the snapshot is the same object."""
        remote.push({"a": "1"})
        app = application(Source(remote.url))
        assert (await port.snapshots(app))[0] is (await port.snapshots(app))[0]

    async def test_revisions(self, port: SourcePort, remote: Remote) -> None:
        """A revision is a branch, a commit, or HEAD; a given one stands in for the application's."""
        first, second = remote.push({"a": "1"}), remote.push({"a": "2"})
        stage = remote.push({"a": "3"}, branch="stage")
        for revision, commit in {"HEAD": second, "main": second, "stage": stage, first: first}.items():
            assert (await port.snapshots(application(Source(remote.url, "", revision))))[0].commit.id == commit
        assert (await port.snapshots(application(Source(remote.url, "", "stage")), (first,)))[0].commit.id == first

    async def test_several_sources(self, port: SourcePort, remote: Remote, other: Remote) -> None:
        """Each source has its snapshot, in order; a given revision is for the first."""
        first, _ = remote.push({"a": "1"}), remote.push({"a": "2"})
        values = other.push({"b": "1"})
        found = await port.snapshots(application(Source(remote.url), Source(other.url)), (first,))
        assert [snapshot.commit.id for snapshot in found] == [first, values]

    async def test_absent_revision(self, port: SourcePort, remote: Remote) -> None:
        """A revision that the repository lacks is an error that names it; a deleted branch becomes one."""
        remote.push({"a": "1"})
        remote.push({"a": "2"}, branch="feature")
        with pytest.raises(SourceError, match="no-such-branch"):
            await port.snapshots(application(Source(remote.url, "", "no-such-branch")))
        await port.snapshots(application(Source(remote.url, "", "feature")))
        remote.delete("feature")
        assert await port.poll(remote.url)
        with pytest.raises(SourceError, match="feature"):
            await port.snapshots(application(Source(remote.url, "", "feature")))

    async def test_unreachable(self, port: SourcePort, remote: Remote) -> None:
        """A repository that can't be reached is an error to a poll, and to a snapshot only if it never could."""
        app = application(Source(remote.url))
        commit = remote.push({"a": "1"})
        remote.reach(possible=False)
        with pytest.raises(SourceError):
            await port.snapshots(app)
        remote.reach(possible=True)
        await port.poll(remote.url, force=True)
        remote.reach(possible=False)
        with pytest.raises(SourceError) as raised:
            await port.poll(remote.url)
        assert raised.value.repository == remote.url
        assert (await port.snapshots(app))[0].commit.id == commit

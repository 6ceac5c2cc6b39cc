"""Repositories, and a source that follows them."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gitopsd.source.network import Network, Request
from gitopsd.source.remote import Bounds
from gitopsd.source.sources import Sources
from tests.gitrepo import Repo


class HandClock:
    """A clock that a test may set forward."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead


class Git:
    """A source over a folder of mirrors, and what it told of its requests."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = HandClock()
        self.requests: list[Request] = []
        self.sources = Sources(folder, self.clock, network=Network(Bounds(idle=20), self.requests.append))

    @property
    def asked(self) -> list[str]:
        """Operations so far, with their results."""
        return [f"{request.operation} {request.result}" for request in self.requests]

    @property
    def mirror(self) -> Path:
        """The one mirror."""
        (found,) = [path for path in self.folder.iterdir() if path.is_dir()]
        return found

    async def restart(self) -> None:
        """A new process would find what is on disk and nothing else."""
        await self.sources.aclose()
        self.sources = Sources(self.folder, self.clock, network=Network(Bounds(idle=20), self.requests.append))


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    """An empty remote repository."""
    return Repo(tmp_path / "remote" / "app.git")


@pytest.fixture
async def git(tmp_path: Path) -> AsyncIterator[Git]:
    """A source without any mirror yet."""
    git = Git(tmp_path / "mirrors")
    yield git
    await git.sources.aclose()

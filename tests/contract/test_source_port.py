"""The real source and the fake one keep the contract of the port."""

from __future__ import annotations

import shutil
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gitopsd.source.sources import Sources
from tests.contract.source_port import SourcePortContract
from tests.fakes_source import FakeRemote, FakeSource
from tests.gitrepo import Repo


class TestFakeSource(SourcePortContract):
    @pytest.fixture
    def port(self) -> FakeSource:
        return FakeSource()

    @pytest.fixture
    def remote(self, port: FakeSource) -> _Fake:
        return _Fake(port.remote("https://example.org/a"))

    @pytest.fixture
    def other(self, port: FakeSource) -> _Fake:
        return _Fake(port.remote("https://example.org/b"))


class TestSources(SourcePortContract):
    @pytest.fixture
    async def port(self, tmp_path: Path) -> AsyncIterator[Sources]:
        sources = Sources(tmp_path / "mirrors", _SystemClock())
        yield sources
        await sources.aclose()

    @pytest.fixture
    def remote(self, tmp_path: Path) -> _Real:
        return _Real(Repo(tmp_path / "remote" / "a.git"))

    @pytest.fixture
    def other(self, tmp_path: Path) -> _Real:
        return _Real(Repo(tmp_path / "remote" / "b.git"))


@dataclass
class _Fake:
    repository: FakeRemote

    @property
    def url(self) -> str:
        return self.repository.url

    def push(self, files: Mapping[str, str | bytes], branch: str = "main", message: str = "Change") -> str:
        return self.repository.push(files, branch, message)

    def delete(self, branch: str) -> None:
        del self.repository.branches[branch]

    def reach(self, *, possible: bool) -> None:
        self.repository.reachable = possible


@dataclass
class _Real:
    repository: Repo

    @property
    def url(self) -> str:
        return self.repository.url

    def push(self, files: Mapping[str, str | bytes], branch: str = "main", message: str = "Change") -> str:
        return self.repository.commit(files, branch=branch, message=message)

    def delete(self, branch: str) -> None:
        self.repository.delete(f"refs/heads/{branch}")

    def reach(self, *, possible: bool) -> None:
        away = self.repository.path.with_name("away")
        shutil.move(*((away, self.repository.path) if possible else (self.repository.path, away)))


class _SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

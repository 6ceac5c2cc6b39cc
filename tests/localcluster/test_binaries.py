from __future__ import annotations

import io
from pathlib import Path

import pytest

from localcluster.binaries import Binaries
from localcluster.progress import Progress


def program(folder: Path, name: str, mode: int = 0o755) -> Path:
    """A file that looks like a binary."""
    folder.mkdir(exist_ok=True)
    file = folder / name
    file.touch()
    file.chmod(mode)
    return file


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """The folder of KUBEBUILDER_ASSETS and the cache, both empty."""
    return tmp_path / "assets", tmp_path / "cache"


def test_assets_come_before_the_cache(folders: tuple[Path, Path]) -> None:
    """What the user names wins over what was built before."""
    assets, cache = folders
    named, built = program(assets, "etcd"), program(cache, "etcd")
    assert Binaries(assets, cache).find("etcd") == named
    assert Binaries(None, cache).find("etcd") == built


def test_each_binary_is_looked_for_by_itself(folders: tuple[Path, Path]) -> None:
    """Kubernetes' test tools bring etcd and the API server only: the rest comes from the cache."""
    assets, cache = folders
    program(assets, "kube-apiserver")
    scheduler = program(cache, "kube-scheduler")
    assert Binaries(assets, cache).find("kube-scheduler") == scheduler
    assert Binaries(assets, cache).find("kwok") is None


def test_file_that_can_not_run_is_passed_over(folders: tuple[Path, Path]) -> None:
    """A half-copied or wrongly packed file is not taken for a binary."""
    assets, cache = folders
    program(assets, "etcd", 0o644)
    assert Binaries(assets, cache).find("etcd") is None


def test_what_is_there_is_not_built(folders: tuple[Path, Path]) -> None:
    """A binary that is found is provided without a word."""
    assets, cache = folders
    built = program(cache, "etcd")
    said = io.StringIO()
    assert Binaries(assets, cache).provide("etcd", Progress(said)) == built
    assert said.getvalue() == ""

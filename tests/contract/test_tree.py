"""What every tree holds to: a dict in memory, a commit in a mirror, a folder on disk."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

from gitopsd.model.tree import DictTree, Entry, Recorded, Tree, answers_alike
from gitopsd.source.folder import FolderTree
from gitopsd.source.objects import Objects
from gitopsd.source.tree import GitTree
from tests.gitrepo import Repo

FILES: dict[str, str | bytes] = {
    "kustomization.yaml": "resources: [base]\n",
    "base/deployment.yaml": "kind: Deployment\n",
    "base/empty": "",
    "base/deep/er/file.bin": b"\x00\xff",
    "Ünïcode name.yaml": "a: 1\n",
}

Make = Callable[[dict[str, str | bytes]], Tree]


@pytest.fixture(params=["dict", "git", "folder"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """Makes a tree of files, of each kind in turn."""
    count = iter(range(100))

    def git(files: dict[str, str | bytes]) -> Tree:
        repo = Repo(tmp_path / f"{next(count)}.git")
        return GitTree(Objects(repo.url, "repository"), str(repo.tree(files)))

    def folder(files: dict[str, str | bytes]) -> Tree:
        root = tmp_path / str(next(count))
        root.mkdir()
        for path, content in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(content.encode() if isinstance(content, str) else content)
        return FolderTree(root)

    kinds: dict[str, Make] = {"dict": DictTree, "git": git, "folder": folder}
    return kinds[request.param]


@pytest.fixture
def tree(make: Make) -> Tree:
    """A tree of FILES."""
    return make(dict(FILES))


def test_reads_files(tree: Tree) -> None:
    """A file's content is what was put there, byte by byte."""
    for path, content in FILES.items():
        assert tree.read(path) == (content.encode() if isinstance(content, str) else content)


def test_entries(tree: Tree) -> None:
    """An entry is a file, a folder, or not there."""
    kinds = {
        path: entry.kind if (entry := tree.entry(path)) else None
        for path in ("base/empty", "base", "base/deep", "", "no", "base/no")
    }
    assert kinds == {"base/empty": "file", "base": "dir", "base/deep": "dir", "": "dir", "no": None, "base/no": None}


def test_lists_folders(tree: Tree) -> None:
    """A folder lists its names, sorted, and nothing of what is below them."""
    assert tree.list("") == ("base", "kustomization.yaml", "Ünïcode name.yaml")
    assert tree.list("base") == ("deep", "deployment.yaml", "empty")


@pytest.mark.parametrize("path", ["base", "no", "base/no", "kustomization.yaml/x", ""])
def test_reading_what_is_no_file(tree: Tree, path: str) -> None:
    """Reading where no file is raises FileNotFoundError."""
    with pytest.raises(FileNotFoundError):
        tree.read(path)


@pytest.mark.parametrize("path", ["kustomization.yaml", "no", "base/empty/x"])
def test_listing_what_is_no_folder(tree: Tree, path: str) -> None:
    """Listing where no folder is raises FileNotFoundError."""
    with pytest.raises(FileNotFoundError):
        tree.list(path)


@pytest.mark.parametrize(
    "path",
    ["..", "../x", "/", "/etc/passwd", "base/../kustomization.yaml", "./base", "base/", "base//empty", ".", "base/.", "a\0b"],
)
def test_only_normalised_paths(tree: Tree, path: str) -> None:
    """A path that is not normalised, or leads out, is as if it were missing."""
    assert tree.entry(path) is None
    with pytest.raises(FileNotFoundError):
        tree.read(path)


def test_same_content_same_id(make: Make) -> None:
    """An id tells contents apart, and only them."""
    tree = make({"a": "one", "b": "one", "c": "two", "d/x": "one", "e/y": "one"})
    ids = {path: entry.oid for path in tree.list("") if (entry := tree.entry(path))}
    assert ids["a"] == ids["b"]
    assert len({ids["a"], ids["c"], ids["d"], ids["e"]}) == 4


def test_input_set(make: Make) -> None:
    """Trees that answer alike what was asked of one of them are told from those that don't."""
    files: dict[str, str | bytes] = {"app/a.yaml": "a", "app/b.yaml": "b", "other/c.yaml": "c"}
    recorded = Recorded(make(files))
    assert recorded.entry("app/kustomization.yaml") is None
    assert recorded.entry("app") is not None
    recorded.list("app")
    recorded.read("app/a.yaml")
    assert answers_alike(make(files), recorded.inputs)
    assert answers_alike(make({**files, "other/c.yaml": "changed", "new/d": ""}), recorded.inputs)
    assert not answers_alike(make({**files, "app/a.yaml": "changed"}), recorded.inputs)
    assert not answers_alike(make({**files, "app/kustomization.yaml": ""}), recorded.inputs)
    assert not answers_alike(make({"app/a.yaml": "a"}), recorded.inputs)


def test_travels_to_a_child(tree: Tree) -> None:
    """A tree can be pickled: what renders it is another process."""
    copy: Tree = pickle.loads(pickle.dumps(tree))
    assert copy.read("kustomization.yaml") == tree.read("kustomization.yaml")
    assert isinstance(copy.entry("base"), Entry)

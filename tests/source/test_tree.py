"""Trees from the object store and from disk, where links, strange names and sizes come in."""

from __future__ import annotations

import os
import string
from pathlib import Path

import pygit2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pygit2.enums import FileMode

from gitopsd.model.errors import LimitError
from gitopsd.model.tree import Tree
from gitopsd.source.folder import FolderTree
from gitopsd.source.limits import MAX_FILE
from gitopsd.source.objects import Objects, parse_folder
from gitopsd.source.tree import GitTree
from tests.gitrepo import Content, Repo


def git_tree(repo: Repo, files: dict[str, Content]) -> GitTree:
    """The tree of `files`."""
    return GitTree(Objects(repo.url, "repository"), str(repo.tree(files)))


def link(target: str) -> Content:
    """A symbolic link."""
    return FileMode.LINK, target.encode()


LINKS: dict[str, Content] = {
    "a.yaml": "a",
    "base/b.yaml": "b",
    "to-file": link("a.yaml"),
    "to-folder": link("base"),
    "base/up": link("../a.yaml"),
    "base/round": link("../base/./up"),
    "chain": link("to-folder/round"),
    "out": link("../outside"),
    "far-out": link("base/../../outside"),
    "absolute": link("/etc/passwd"),
    "dangling": link("no/such"),
    "self": link("self"),
    "loop-a": link("loop-b/x"),
    "loop-b": link("loop-a/x"),
    "through-file": link("a.yaml/../a.yaml"),
}


@pytest.fixture(params=["git", "folder"])
def linked(request: pytest.FixtureRequest, tmp_path: Path) -> Tree:
    """A tree of LINKS, with something outside of it to be reached."""
    if request.param == "git":
        return git_tree(Repo(tmp_path / "repo.git"), LINKS)
    (tmp_path / "outside").write_text("secret")
    root = tmp_path / "root"
    for path, content in LINKS.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, tuple):
            (root / path).symlink_to(content[1].decode())
        else:
            (root / path).write_text(str(content))
    return FolderTree(root)


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("to-file", b"a"),
        ("to-folder/b.yaml", b"b"),
        ("base/up", b"a"),
        ("base/round", b"a"),
        ("chain", b"a"),
        ("to-folder/up", b"a"),
    ],
)
def test_links_within_the_tree(linked: Tree, path: str, content: bytes) -> None:
    """A symbolic link is what it leads to, be it in the last part of a path or before."""
    assert linked.read(path) == content
    assert linked.entry(path) == linked.entry("a.yaml" if content == b"a" else "base/b.yaml")


@pytest.mark.parametrize(
    "path", ["out", "far-out", "absolute", "dangling", "self", "loop-a", "through-file", "to-folder/../a.yaml"]
)
def test_links_that_lead_nowhere(linked: Tree, path: str) -> None:
    """A link out of the tree, to nothing, or round in circles, is as if it were missing."""
    assert linked.entry(path) is None
    with pytest.raises(FileNotFoundError):
        linked.read(path)


def test_listing_with_links(linked: Tree) -> None:
    """Links are listed wherever they lead, so that a listing depends on its folder alone."""
    assert linked.list("") == tuple(sorted({path.partition("/")[0] for path in LINKS}))
    assert linked.list("to-folder") == linked.list("base") == ("b.yaml", "round", "up")


def test_hostile_names(tmp_path: Path) -> None:
    """Names that no file system would take are as if missing: they could only serve to confuse."""
    repo = Repo(tmp_path / "repo.git")
    blob = repo.git.create_blob(b"x")
    names = [b"..", b".", b"a/b", b"\xff\xfe", b"good", b"with\nnewline", b"-rf"]
    root = repo.raw_tree([(name, FileMode.BLOB, blob) for name in names])
    tree = GitTree(Objects(repo.url, "repository"), str(root))
    assert tree.list("") == ("-rf", "good", "with\nnewline")
    assert tree.entry("a/b") is None


def test_submodules_are_missing(tmp_path: Path) -> None:
    """A submodule's commit is in another repository: there is nothing at its path."""
    tree = git_tree(Repo(tmp_path / "repo.git"), {"a": "1", "sub": (FileMode.COMMIT, bytes(20))})
    assert tree.list("") == ("a",)
    assert tree.entry("sub") is None


def test_large_files_are_refused(tmp_path: Path) -> None:
    """A file past the bound is an error that names it; its entry is still known."""
    content = bytes(MAX_FILE + 1)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "big").write_bytes(content)
    for tree in (git_tree(Repo(tmp_path / "repo.git"), {"big": content}), FolderTree(tmp_path / "folder")):
        assert tree.entry("big")
        with pytest.raises(LimitError, match=r"^big: is larger than 33554432 bytes .*\(limits\.fileSize\)$"):
            tree.read("big")


def test_executables_and_odd_modes_are_files(tmp_path: Path) -> None:
    """A file is a file whatever its mode."""
    tree = git_tree(Repo(tmp_path / "repo.git"), {"x": (FileMode.BLOB_EXECUTABLE, b"1"), "old": (FileMode(0o100664), b"2")})
    assert (tree.read("x"), tree.read("old")) == (b"1", b"2")


def test_ids_on_disk_are_gits(tmp_path: Path) -> None:
    """A file has the same id on disk as in a commit."""
    (tmp_path / "a.yaml").write_text("kind: Service\n")
    on_disk, in_git = (
        FolderTree(tmp_path).entry("a.yaml"),
        git_tree(Repo(tmp_path / "r.git"), {"a.yaml": "kind: Service\n"}).entry("a.yaml"),
    )
    assert on_disk == in_git


def test_what_is_no_file_on_disk(tmp_path: Path) -> None:
    """Pipes, Git's own folder and names that are not UTF-8 are not in the tree: none of them could be in a commit."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "config").write_text("secret")
    (tmp_path / "\udcff").write_text("x")
    (tmp_path / "a").write_text("1")
    tree = FolderTree(tmp_path)
    assert tree.list("") == ("a",)
    assert [tree.entry(path) for path in ("pipe", ".git", ".git/config")] == [None] * 3


NAMES = st.text(string.ascii_letters + "é-._ ", min_size=1, max_size=8).filter(lambda name: name not in (".", ".."))
TREES = st.recursive(
    st.binary(max_size=20), lambda inner: st.dictionaries(NAMES, inner, min_size=1, max_size=4), max_leaves=12
).filter(lambda tree: isinstance(tree, dict))


def _flat(tree: dict[str, object], prefix: str = "") -> dict[str, Content]:
    files: dict[str, Content] = {}
    for name, inner in tree.items():
        files |= _flat(inner, f"{prefix}{name}/") if isinstance(inner, dict) else {f"{prefix}{name}": inner}  # type: ignore[dict-item]
    return files


@given(TREES)
def test_sees_what_libgit2_sees(tmp_path_factory: pytest.TempPathFactory, tree: dict[str, object]) -> None:
    """Our own parser of folders agrees with libgit2's, whatever is in them."""
    repo = Repo(tmp_path_factory.mktemp("repo"))
    files = _flat(tree)
    root = repo.tree(files)
    assert {name: node.oid for name, node in parse_folder(repo.git.odb.read(root)[1]).items()} == {
        str(entry.name): str(entry.id) for entry in repo.git[root].peel(pygit2.Tree)
    }
    ours = GitTree(Objects(repo.url, "repository"), str(root))
    assert all(ours.read(path) == content for path, content in files.items())


@given(st.binary(max_size=200))
def test_parses_anything(raw: bytes) -> None:
    """Whatever a damaged or hostile folder holds gives entries or a ValueError, and ends."""
    try:
        nodes = parse_folder(raw)
    except ValueError:
        return
    assert all("/" not in name and name not in ("", ".", "..") for name in nodes)

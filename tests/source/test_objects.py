"""Commits as they are read from a mirror, well-meant or not."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pygit2
import pytest
from pygit2.enums import ObjectType

from gitopsd.model.source import Commit
from gitopsd.source.objects import Objects
from tests.gitrepo import Repo


def read(repo: Repo, *, author: bytes = b"A <a@x.org> 1700000000 +0000", committer: bytes = b"", message: bytes = b"m") -> Commit:
    """A commit written byte by byte, as it is read."""
    tree = repo.tree({"a": "1"})
    raw = b"tree %s\nauthor %s\ncommitter %s\n\n%s" % (str(tree).encode(), author, committer or author, message)
    oid = repo.git.odb.write(ObjectType.COMMIT, raw)
    found = Objects(repo.url, "repository").commit(str(oid))
    assert found
    assert found[1] == str(tree)
    return found[0]


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    """A repository."""
    return Repo(tmp_path / "r.git")


def test_author_and_time_of_commit(repo: Repo) -> None:
    """The author is who wrote the change, the time is when it was committed."""
    commit = read(
        repo, author=b"Ada <ada@x.org> 1 +0000", committer=b"Bot <bot@x.org> 1700000000 -0330", message=b"Fix it\n\nlong story"
    )
    assert (commit.author, commit.email, commit.message) == ("Ada", "ada@x.org", "Fix it")
    assert commit.time == datetime.fromtimestamp(1_700_000_000, UTC)
    assert commit.time.strftime("%z") == "-0330"


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        (b"", ""),
        (b"\n\n  Late start", "Late start"),
        (b"\x1b[31mred\x07 \xe2\x80\xaetxt", "[31mred txt"),
        (b"caf\xe9", "caf\ufffd"),
        (b"x" * 10_000, "x" * 500),
    ],
)
def test_subjects_are_safe_to_show(repo: Repo, message: bytes, shown: str) -> None:
    """A subject is one line of bounded length, without what would move a terminal's cursor or turn its text round."""
    assert read(repo, message=message).message == shown


@pytest.mark.parametrize("when", [b"99999999999999999 +0000", b"1700000000 +9999", b"1700000000 -9999"])
def test_impossible_times(repo: Repo, when: bytes) -> None:
    """A time that is none is not known, and nothing breaks."""
    assert read(repo, author=b"A <a@x.org> " + when).time in (None, datetime.fromtimestamp(1_700_000_000, UTC))


def test_what_is_no_commit(repo: Repo) -> None:
    """A blob, a tree and an id of nothing are no commits; a tag of a commit is that commit."""
    objects = Objects(repo.url, "repository")
    commit = repo.commit({"a": "1"})
    repo.tag("v1", commit, annotated=True)
    tag = repo.git.references["refs/tags/v1"].target
    found = objects.commit(str(tag))
    assert found
    assert found[0].id == commit
    for oid in (repo.git.create_blob(b"x"), repo.tree({"a": "1"}), pygit2.Oid(hex="0" * 39 + "1")):
        assert objects.commit(str(oid)) is None
    assert not (repo.path / "gitopsd-damaged").exists()

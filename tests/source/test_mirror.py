"""A mirror through any history: what it holds is what the remote holds."""

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitopsd.model.errors import SourceError
from gitopsd.source import mirror
from gitopsd.source.credentials import Access
from gitopsd.source.mirror import Fetched, Wanted
from gitopsd.source.objects import DAMAGED, Objects
from gitopsd.source.remote import Bounds, Refs
from gitopsd.source.urls import parse_url
from tests.gitrepo import Repo

NOTHING = Wanted(needed=frozenset())


def fetch(repo: Repo, folder: Path, wanted: Wanted = NOTHING, *, bounds: Bounds | None = None) -> Fetched:
    """Brings the mirror `m` in `folder` up to the repository."""
    return mirror.fetch(parse_url(repo.url), Access(), bounds or Bounds(), str(folder / "m"), wanted)


BRANCHES = st.sampled_from(["main", "a", "a/b", "a/b/c", "b"])


def _push(repo: Repo, branch: str) -> None:
    _clear_way(repo, branch)
    repo.commit({"f": f"{branch} {random.random()}"}, branch=branch)  # noqa: S311 - no secret


def _rewrite(repo: Repo, branch: str) -> None:
    _clear_way(repo, branch)
    repo.commit({"f": f"{branch} {random.random()}"}, branch=branch, parents=())  # noqa: S311


def _delete(repo: Repo, branch: str) -> None:
    if f"refs/heads/{branch}" in repo.git.references:
        repo.delete(f"refs/heads/{branch}")


def _tag(repo: Repo, branch: str) -> None:
    tip = repo.git.references.get(f"refs/heads/{branch}")
    if tip is not None:
        repo.tag("v1", str(tip.target))


def _clear_way(repo: Repo, branch: str) -> None:
    """Git has no branch `a` beside a branch `a/b`: the older one goes."""
    for name in list(repo.git.references):
        other = name.removeprefix("refs/heads/")
        if other != branch and (other.startswith(f"{branch}/") or branch.startswith(f"{other}/")):
            repo.delete(name)


STEPS: dict[str, Callable[[Repo, str], None]] = {"push": _push, "rewrite": _rewrite, "delete": _delete, "tag": _tag}


@settings(max_examples=25)
@given(st.lists(st.tuples(st.sampled_from(["fetch", "damage", *STEPS]), BRANCHES), max_size=25))
def test_a_mirror_holds_what_the_remote_holds(steps: list[tuple[str, str]]) -> None:
    """After any pushes, force pushes, deletions and damages, a fetch makes the mirror's references the remote's, all readable."""
    with tempfile.TemporaryDirectory() as folder:
        repo = Repo(Path(folder) / "remote.git")
        for step, branch in [*steps, ("fetch", "")]:
            if step == "damage":
                if (Path(folder) / "m").exists():
                    (Path(folder) / "m" / DAMAGED).touch()
            elif step == "fetch":
                fetched = fetch(repo, Path(folder))
                remote = {name: str(repo.git.references[name].target) for name in repo.git.references}
                assert dict(fetched.refs.ids) == remote
                assert mirror.load(str(Path(folder) / "m")) == fetched.refs
                objects = Objects(str(Path(folder) / "m"), "repository")
                assert all(objects.commit(oid) for oid in remote.values())
            else:
                STEPS[step](repo, branch)


def test_kept_commits_are_bounded(tmp_path: Path) -> None:
    """Of the commits that were given out the newest stay, however many there were."""
    repo = Repo(tmp_path / "remote.git")
    commits = [repo.commit({"a": str(number)}) for number in range(mirror.MAX_KEPT + 20)]
    fetch(repo, tmp_path)
    fetch(repo, tmp_path, Wanted(given=frozenset(commits), needed=frozenset()))
    kept = [path.name for path in (tmp_path / "m" / "refs" / "gitopsd" / "keep").iterdir()]
    assert len(kept) == mirror.MAX_KEPT


def test_what_history_needs_is_kept_beyond_the_bound(tmp_path: Path) -> None:
    """However old, and whatever was pushed over it, while history needs it; when history does not, it goes as others do."""
    repo = Repo(tmp_path / "remote.git")
    old = repo.commit({"a": "old"}, branch="gone")
    fetch(repo, tmp_path)
    repo.delete("refs/heads/gone")
    commits = frozenset(repo.commit({"a": str(number)}, parents=()) for number in range(3))
    needed = frozenset({old, "0" * 40})  # of another repository, perhaps
    fetch(repo, tmp_path, Wanted(given=commits, needed=needed))
    assert Objects(str(tmp_path / "m"), "repository").commit(old)
    kept = tmp_path / "m" / "refs" / "gitopsd" / "keep"
    assert (kept / old).exists()
    more = frozenset(repo.commit({"b": str(number)}) for number in range(mirror.MAX_KEPT + 5))
    fetch(repo, tmp_path)
    fetch(repo, tmp_path, Wanted(given=more, needed=needed))
    assert (kept / old).exists()
    assert len(list(kept.iterdir())) == mirror.MAX_KEPT + 1


def test_nothing_goes_while_it_is_not_known_what_is_needed(tmp_path: Path) -> None:
    """The history can't be read just now: better too much than too little."""
    repo = Repo(tmp_path / "remote.git")
    commits = frozenset(repo.commit({"a": str(number)}) for number in range(mirror.MAX_KEPT + 5))
    fetch(repo, tmp_path)
    fetch(repo, tmp_path, Wanted(given=commits))
    assert len(list((tmp_path / "m" / "refs" / "gitopsd" / "keep").iterdir())) == mirror.MAX_KEPT + 5


def test_size_is_bounded(tmp_path: Path) -> None:
    """A repository past the bound is refused while it arrives, and leaves nothing behind."""
    repo = Repo(tmp_path / "remote.git")
    repo.commit({"a": random.Random(1).randbytes(300_000)})  # noqa: S311 - what does not compress
    with pytest.raises(SourceError, match="is larger than 0 MiB"):
        fetch(repo, tmp_path, bounds=Bounds(size=100_000))
    assert not (tmp_path / "m").exists()
    fetch(repo, tmp_path)
    assert not (tmp_path / "m.new").exists()


def test_what_is_kept_survives_a_damaged_mirror(tmp_path: Path) -> None:
    """A mirror that is made anew takes along what was given out, as far as the damaged one still gives it."""
    repo = Repo(tmp_path / "remote.git")
    first = repo.commit({"a": "1"})
    fetch(repo, tmp_path)
    fetch(repo, tmp_path, Wanted(given=frozenset({first}), needed=frozenset()))
    repo.commit({"a": "2"}, parents=())
    (tmp_path / "m" / DAMAGED).touch()
    assert fetch(repo, tmp_path).rebuilt == "damaged"
    assert Objects(str(tmp_path / "m"), "repository").commit(first)


def test_a_full_disk(tmp_path: Path) -> None:
    """A mirror that can't be written is an error that says so (here its folder is a file), not a crash."""
    repo = Repo(tmp_path / "remote.git")
    repo.commit({"a": "1"})
    (tmp_path / "file").write_text("")
    with pytest.raises(SourceError, match="its mirror can't be written"):
        fetch(repo, tmp_path / "file")


def test_no_mirror(tmp_path: Path) -> None:
    """Where there is no mirror, or something else, nothing is loaded."""
    assert mirror.load(str(tmp_path / "m")) is None
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "HEAD").write_text("ref: refs/heads/main\n")
    assert mirror.load(str(tmp_path / "m")) is None
    shutil.rmtree(tmp_path / "m")
    fetch(Repo(tmp_path / "empty.git"), tmp_path)
    assert mirror.load(str(tmp_path / "m")) == Refs()

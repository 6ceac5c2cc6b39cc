"""A whole round: repositories on disk, mirrors, polls, snapshots."""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from gitopsd.model.app import App, AppKey, AppSpec, Destination, Source
from gitopsd.model.errors import SourceError
from gitopsd.source import mirror as mirrors
from gitopsd.source.mirror import Move
from tests.gitrepo import Repo
from tests.source.conftest import Git


def app(*sources: Source) -> App:
    """An application of these sources."""
    return App(AppKey("argocd", "web"), AppSpec(Destination(name="in-cluster"), sources=sources))


async def test_commit_to_snapshot(git: Git, repo: Repo) -> None:
    """The first question fetches the mirror; the snapshot has the commit, its author and its files."""
    commit = repo.commit({"a.yaml": "one"}, message="Add a\n\nbecause")
    before = datetime.now(UTC)
    (snapshot,) = await git.sources.snapshots(app(Source(repo.url, "a", "main")))
    assert (snapshot.repository, snapshot.commit.id) == (repo.url, commit)
    assert (snapshot.commit.author, snapshot.commit.email, snapshot.commit.message) == (
        "Ada Lovelace",
        "ada@example.org",
        "Add a",
    )
    assert snapshot.commit.time == datetime.fromtimestamp(1_700_000_000, timezone(timedelta(hours=1)))
    assert snapshot.tree.read("a.yaml") == b"one"
    assert snapshot.arrived
    assert snapshot.arrived >= before
    assert git.asked == ["fetch ok"]


async def test_poll_fetches_what_moved(git: Git, repo: Repo) -> None:
    """A poll asks for the references, and fetches only where one moved; snapshots ask nothing."""
    first = repo.commit({"a": "1"})
    assert await git.sources.poll(repo.url)
    assert not await git.sources.poll(repo.url)
    second = repo.commit({"a": "2"})
    assert (await git.sources.snapshot_of(repo.url)).commit.id == first
    assert await git.sources.poll(repo.url)
    assert (await git.sources.snapshot_of(repo.url)).commit.id == second
    assert git.asked == ["fetch ok", "ask ok", "ask ok", "fetch ok"]
    assert git.requests[-1].moves == (Move("refs/heads/main", first, second),)


async def test_one_mirror_for_many(git: Git, repo: Repo) -> None:
    """However many applications and spellings name a repository, it is fetched once."""
    repo.commit({"a": "1"})
    spellings = [repo.url, f"{repo.url}/", f"file://{repo.url}", repo.url.removesuffix(".git") + ".git"]
    found = await asyncio.gather(*(git.sources.snapshots(app(Source(url))) for url in spellings * 5))
    assert len({id(snapshot) for (snapshot,) in found}) == 1
    assert git.asked == ["fetch ok"]


async def test_concurrent_polls_are_one(git: Git, repo: Repo) -> None:
    """Polls of a repository while one runs wait for its result, and one of them is told of the news."""
    repo.commit({"a": "1"})
    assert sum(await asyncio.gather(*(git.sources.poll(repo.url) for _ in range(10)))) == 1
    assert git.asked == ["fetch ok"]


async def test_forced_polls_join_no_earlier_question(git: Git, repo: Repo) -> None:
    """Forced polls share one question, but not one that was asked before they came."""
    repo.commit({"a": "1"})
    await git.sources.poll(repo.url)
    first = asyncio.create_task(git.sources.poll(repo.url))
    await asyncio.sleep(0)
    await asyncio.gather(first, *(git.sources.poll(repo.url, force=True) for _ in range(5)))
    assert git.asked == ["fetch ok", "ask ok", "ask ok"]


async def test_cancelled_poll_leaves_the_next_one_to_ask(git: Git, repo: Repo) -> None:
    """Who joined a poll that was cancelled asks for itself."""
    repo.commit({"a": "1"})
    first = asyncio.create_task(git.sources.poll(repo.url))
    await asyncio.sleep(0)
    second = asyncio.create_task(git.sources.poll(repo.url))
    await asyncio.sleep(0)
    first.cancel()
    assert await second
    with pytest.raises(asyncio.CancelledError):
        await first


@pytest.mark.parametrize(
    "revision", ["main", "HEAD", "", "refs/heads/main", "v1.0.0", "refs/tags/v1.0.0", "light", "{id}", "{short}", "{ID}"]
)
async def test_revisions(git: Git, repo: Repo, revision: str) -> None:
    """A revision is a branch, a tag (annotated or not), a commit's id or its beginning, HEAD, or a full reference name."""
    commit = repo.commit({"a": "1"})
    repo.tag("v1.0.0", commit, annotated=True)
    repo.tag("light", commit)
    wanted = revision.format(id=commit, short=commit[:8], ID=commit.upper())
    assert (await git.sources.snapshot_of(repo.url, wanted)).commit.id == commit


async def test_ranges_of_versions(git: Git, repo: Repo) -> None:
    """A range of versions is the newest tag in it; a branch or tag of that very name comes first."""
    commits = {}
    for version in ("v1.2.0", "v1.10.0", "v2.0.0-rc.1", "v1.3.0", "nightly", "refs/odd"):
        commits[version] = repo.commit({"version": version})
        repo.tag(version, commits[version], annotated=version == "v1.10.0")
    named = repo.commit({"a": "1"}, branch="1.x")
    await git.sources.poll(repo.url)
    found = {
        range_: (await git.sources.snapshot_of(repo.url, range_)).commit.id
        for range_ in ("^1.2", "~1.2", ">=1.2, <1.10", "*", "1.x")
    }
    assert found == {
        "^1.2": commits["v1.10.0"],
        "~1.2": commits["v1.2.0"],
        ">=1.2, <1.10": commits["v1.3.0"],
        "*": commits["v1.10.0"],
        "1.x": named,
    }
    with pytest.raises(SourceError, match=r"has no revision '\^3\.0'"):
        await git.sources.snapshot_of(repo.url, "^3.0")


async def test_head_is_the_remotes(git: Git, repo: Repo) -> None:
    """HEAD is the remote's default branch, also after it changed there."""
    repo.commit({"a": "1"})
    other = repo.commit({"a": "2"}, branch="trunk", parents=())
    await git.sources.poll(repo.url)
    repo.git.set_head("refs/heads/trunk")
    assert await git.sources.poll(repo.url)
    assert (await git.sources.snapshot_of(repo.url, "HEAD")).commit.id == other


async def test_detached_head(git: Git, repo: Repo) -> None:
    """A remote whose HEAD is on no branch has one nevertheless."""
    detached = repo.commit({"a": "1"})
    repo.commit({"a": "2"})
    repo.git.set_head(repo.git[detached].id)
    assert (await git.sources.snapshot_of(repo.url)).commit.id == detached
    assert not await git.sources.poll(repo.url)


async def test_pull_requests_are_fetched_when_asked_for(git: Git, repo: Repo) -> None:
    """References besides branches and tags are followed from when they are named, through a restart too."""
    base = repo.commit({"a": "1"})
    proposal = repo.commit({"a": "2"}, branch="tmp")
    repo.delete("refs/heads/tmp")
    repo.ref("refs/pull/7/head", proposal)
    await git.sources.poll(repo.url)
    assert (await git.sources.snapshot_of(repo.url, "refs/pull/7/head")).commit.id == proposal
    await git.restart()
    update = repo.commit({"a": "3"}, branch="tmp", parents=(base,))
    repo.delete("refs/heads/tmp")
    repo.ref("refs/pull/7/head", update)
    assert await git.sources.poll(repo.url)
    assert (await git.sources.snapshot_of(repo.url, "refs/pull/7/head")).commit.id == update


async def test_absent_revisions(git: Git, repo: Repo) -> None:
    """A revision that is not there is an error which names it and what is spelled alike; asking for it again costs nothing."""
    repo.commit({"a": "1"}, branch="release-1.20")
    with pytest.raises(SourceError, match=r"has no revision 'release-1\.2' .*; did you mean release-1\.20\?"):
        await git.sources.snapshot_of(repo.url, "release-1.2")
    for _ in range(3):
        with pytest.raises(SourceError, match="0123456789012345678901234567890123456789"):
            await git.sources.snapshot_of(repo.url, "0123456789" * 4)
    assert git.asked == ["fetch ok", "fetch error"]
    assert not git.sources.status()[0].error


async def test_ambiguous_revisions(git: Git, repo: Repo) -> None:
    """A name of both a branch and a tag is refused where they differ: neither guess is safe."""
    first = repo.commit({"a": "1"})
    repo.tag("main", first)
    assert (await git.sources.snapshot_of(repo.url, "main")).commit.id == first
    repo.commit({"a": "2"})
    await git.sources.poll(repo.url)
    with pytest.raises(SourceError, match="write refs/heads/main or refs/tags/main"):
        await git.sources.snapshot_of(repo.url, "main")


async def test_no_commit(git: Git, repo: Repo) -> None:
    """An empty repository, and a tag of something that is no commit, are errors that say so."""
    with pytest.raises(SourceError, match="is empty"):
        await git.sources.snapshot_of(repo.url)
    repo.commit({"a": "1"})
    repo.tag("key", str(repo.git.create_blob(b"-----BEGIN PGP PUBLIC KEY BLOCK-----")))
    assert await git.sources.poll(repo.url)
    with pytest.raises(SourceError, match="has no revision 'key'"):
        await git.sources.snapshot_of(repo.url, "key")


async def test_revision_stands_in_for_the_first_source(git: Git, repo: Repo, tmp_path: Path) -> None:
    """A sync to a given revision takes it for the first source; the others keep theirs."""
    first, second = repo.commit({"a": "1"}), repo.commit({"a": "2"})
    other = Repo(tmp_path / "other.git")
    values = other.commit({"b": "1"})
    found = await git.sources.snapshots(app(Source(repo.url), Source(other.url)), (first,))
    assert [snapshot.commit.id for snapshot in found] == [first, values]
    assert [snapshot.commit.id for snapshot in await git.sources.snapshots(app(Source(repo.url)))] == [second]


async def test_force_push_and_deletion_are_told(git: Git, repo: Repo) -> None:
    """A rewritten branch is followed and marked as forced; a deleted one is gone, and the error says so."""
    first = repo.commit({"a": "1"})
    gone = repo.commit({"b": "1"}, branch="feature/one")
    await git.sources.poll(repo.url)
    rewritten = repo.commit({"a": "2"}, parents=())
    repo.delete("refs/heads/feature/one")
    new = repo.commit({"c": "1"}, branch="feature")
    assert await git.sources.poll(repo.url)
    assert (await git.sources.snapshot_of(repo.url, "main")).commit.id == rewritten
    assert git.sources.status()[0].moves == (
        Move("refs/heads/feature", "", new),
        Move("refs/heads/feature/one", gone, ""),
        Move("refs/heads/main", first, rewritten, forced=True),
    )
    with pytest.raises(SourceError, match="feature/one"):
        await git.sources.snapshot_of(repo.url, "feature/one")


async def test_what_was_given_out_stays(git: Git, repo: Repo) -> None:
    """A commit that was given out can be given again after a force push and a compaction: a rollback may want it."""
    first = repo.commit({"a": "1"})
    assert (await git.sources.snapshot_of(repo.url)).commit.id == first
    repo.commit({"a": "2"}, parents=())
    for number in range(mirrors.MAX_PACKS + 2):
        repo.commit({"a": str(number)})
        await git.sources.poll(repo.url)
    await git.restart()
    assert (await git.sources.snapshot_of(repo.url, first)).tree.read("a") == b"1"


async def test_mirrors_do_not_grow_without_bound(git: Git, repo: Repo) -> None:
    """Past a number of packs the mirror is copied into one pack; snapshots from before the swap still read."""
    repo.commit({"a": "0"})
    old = await git.sources.snapshot_of(repo.url)
    rebuilt = set()
    for number in range(mirrors.MAX_PACKS + 2):
        repo.commit({"a": str(number)})
        await git.sources.poll(repo.url)
        rebuilt.add(git.sources.status()[0].rebuilt)
    assert "compacted" in rebuilt
    assert len(list((git.mirror / "objects" / "pack").glob("*.pack"))) < 10
    assert old.tree.read("a") == b"0"
    assert not [path for path in held_open() if git.mirror.name in path and "(deleted)" in path]
    assert (await git.sources.snapshot_of(repo.url)).tree.read("a") == b"51"
    assert [path.name for path in git.folder.iterdir() if path.is_dir()] == [git.mirror.name]


def held_open() -> list[str]:
    """The files that this process keeps open or mapped, where the system tells."""
    maps = Path("/proc/self/maps")
    mapped = maps.read_text().splitlines() if maps.exists() else []
    return [*mapped, *(str(file.readlink()) for file in Path("/proc/self/fd").glob("*") if file.is_symlink())]


async def test_restart(git: Git, repo: Repo) -> None:
    """A mirror survives a restart: what it holds is given without the remote, and an unchanged remote is not fetched from."""
    commit = repo.commit({"a": "1"})
    await git.sources.poll(repo.url)
    await git.restart()
    shutil.move(repo.path, repo.path.with_name("away"))
    snapshot = await git.sources.snapshot_of(repo.url)
    assert (snapshot.commit.id, snapshot.arrived) == (commit, None)
    shutil.move(repo.path.with_name("away"), repo.path)
    assert not await git.sources.poll(repo.url)
    assert git.asked == ["fetch ok", "ask ok"]


async def test_unreachable(git: Git, repo: Repo) -> None:
    """While a remote can't be reached, polls are errors and back off, snapshots go on, and the status says since when."""
    commit = repo.commit({"a": "1"})
    await git.sources.poll(repo.url)
    shutil.move(repo.path, repo.path.with_name("away"))
    for _ in range(3):
        with pytest.raises(SourceError, match="there is no such folder"):
            await git.sources.poll(repo.url)
    assert git.asked == ["fetch ok", "ask error"]
    with pytest.raises(SourceError, match="there is no such folder"):
        await git.sources.poll(repo.url, force=True)
    assert git.asked == ["fetch ok", "ask error", "ask error"]
    assert (await git.sources.snapshot_of(repo.url)).commit.id == commit
    status = git.sources.status()[0]
    assert (status.error, status.failures) == ("there is no such folder", 2)
    assert status.failing_since
    shutil.move(repo.path.with_name("away"), repo.path)
    git.clock.ahead = 100
    assert not await git.sources.poll(repo.url)
    assert not git.sources.status()[0].error


async def test_never_reached(git: Git, tmp_path: Path) -> None:
    """A repository that was never reached has no snapshot."""
    with pytest.raises(SourceError, match="there is no such folder"):
        await git.sources.snapshot_of(str(tmp_path / "nowhere"))


@pytest.mark.parametrize("damage", ["truncated pack", "no pack", "no HEAD", "garbage reference", "emptied"])
async def test_damaged_mirrors_are_repaired(git: Git, repo: Repo, damage: str) -> None:
    """A mirror that lost something is noticed and fetched anew, at the latest by the poll after it was read in vain."""
    commit = repo.commit({"a": "1", "b/c": "x" * 5000})
    await git.sources.poll(repo.url)
    await git.restart()
    (pack,) = (git.mirror / "objects" / "pack").glob("*.pack")
    pack.chmod(0o644)
    if damage == "truncated pack":
        pack.write_bytes(pack.read_bytes()[:40])
    elif damage == "no pack":
        pack.unlink()
    elif damage == "no HEAD":
        (git.mirror / "HEAD").unlink()
    elif damage == "garbage reference":
        (git.mirror / "refs" / "heads" / "main").write_bytes(b"\0garbage")
    else:
        mirror = git.mirror
        shutil.rmtree(mirror)
        mirror.mkdir()
    await git.sources.poll(repo.url)
    snapshot = await git.sources.snapshot_of(repo.url)
    assert snapshot.commit.id == commit
    assert snapshot.tree.read("b/c") == b"x" * 5000


async def test_damage_found_by_a_reader(git: Git, repo: Repo) -> None:
    """Damage that only a reader finds is an error to it, and mends with the next poll, which says that something changed."""
    repo.commit({"a": "1"})
    for number in range(3):
        repo.commit({"a": "1", "b": str(number) * 5000})
        await git.sources.poll(repo.url)
    await git.restart()
    snapshot = await git.sources.snapshot_of(repo.url)
    blob = snapshot.tree.entry("b")
    assert blob
    for pack in (git.mirror / "objects" / "pack").glob("*.pack"):
        data = bytearray(pack.read_bytes())
        data[30:-25] = bytes(len(data) - 55)
        pack.chmod(0o644)
        pack.write_bytes(data)
    with pytest.raises(SourceError, match="its mirror is damaged"):
        snapshot.tree.read("b")
    assert await git.sources.poll(repo.url)
    assert (await git.sources.snapshot_of(repo.url)).tree.read("b") == b"2" * 5000


async def test_leftovers_of_a_killed_fetch(git: Git, repo: Repo) -> None:
    """Locks and half-written files that a killed process left behind hinder nobody and do not stay."""
    repo.commit({"a": "1"})
    await git.sources.poll(repo.url)
    mirror = git.mirror
    (mirror / "refs" / "heads" / "main.lock").touch()
    (mirror / "HEAD.lock").touch()
    (mirror / "objects" / "pack" / "pack_git2_abc").write_bytes(b"half")
    (mirror.with_name(f"{mirror.name}.new") / "objects").mkdir(parents=True)
    commit = repo.commit({"a": "2"})
    assert await git.sources.poll(repo.url)
    assert (await git.sources.snapshot_of(repo.url)).commit.id == commit
    assert not list(mirror.glob("**/*.lock"))
    assert not list(mirror.glob("**/pack_git2*"))
    assert git.mirror == mirror


async def test_killed_between_the_renames(git: Git, repo: Repo) -> None:
    """A process that was killed while it swapped mirrors loses nothing."""
    commit = repo.commit({"a": "1"})
    await git.sources.poll(repo.url)
    await git.restart()
    mirror = git.mirror
    mirror.rename(mirror.with_name(f"{mirror.name}.old"))
    await git.sources.poll(repo.url)
    assert (await git.sources.snapshot_of(repo.url)).commit.id == commit
    assert git.mirror == mirror


async def test_two_processes_share_a_folder(git: Git, repo: Repo) -> None:
    """Only one process at a time writes to a mirror; the other waits for it, and sees what it fetched."""
    repo.commit({"a": "1"})
    await git.sources.poll(repo.url)
    other = Git(git.folder)
    await other.sources.poll(repo.url)
    commit = repo.commit({"a": "2"})
    with git.mirror.with_name(f"{git.mirror.name}.lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        polls = asyncio.gather(git.sources.poll(repo.url), other.sources.poll(repo.url))
        await asyncio.sleep(0)
        assert not polls.done()
    await polls
    for sources in (git.sources, other.sources):
        assert (await sources.snapshot_of(repo.url)).commit.id == commit
    await other.sources.aclose()


async def test_a_mirror_that_vanishes(git: Git, repo: Repo) -> None:
    """Somebody removes the mirrors of a running daemon: the next poll brings them back."""
    commit = repo.commit({"a": "1"})
    await git.sources.poll(repo.url)
    shutil.rmtree(git.folder)
    await git.sources.poll(repo.url)
    snapshot = await git.sources.snapshot_of(repo.url)
    assert (snapshot.commit.id, snapshot.tree.read("a")) == (commit, b"1")


async def test_unused_mirrors_go(git: Git, repo: Repo, tmp_path: Path) -> None:
    """A mirror that nobody used for a week is removed when a new one comes; those in use stay."""
    others = [Repo(tmp_path / "remote" / f"{name}.git") for name in ("used", "unused", "new")]
    for other in (repo, *others):
        other.commit({"a": "1"})
    await git.sources.poll(others[1].url)
    unused = git.mirror
    await git.restart()
    await git.sources.poll(repo.url)
    await git.sources.poll(others[0].url)
    for lock in git.folder.glob("*.lock"):
        os.utime(lock, (0, 0))
    for other in (repo, others[0]):
        await git.sources.snapshot_of(other.url)
    await git.sources.poll(others[2].url)
    assert not unused.exists()
    assert sum(path.is_dir() for path in git.folder.iterdir()) == 3


@pytest.mark.parametrize(
    "url", ["", "relative/path", "ext::sh -c touch", "gopher://example.org/x", "https://", "https://a b/c", "https://h:x/c"]
)
async def test_unusable_urls(git: Git, url: str) -> None:
    """A URL that names no repository is refused at once."""
    with pytest.raises(SourceError) as raised:
        await git.sources.poll(url)
    assert not raised.value.retryable
    assert not git.asked


async def test_commits_of_lines(git: Git, repo: Repo) -> None:
    """Each line has the commit that last wrote it, as the commit asked about sees it; what is not there is left out."""
    first = repo.commit({"a": "one\ntwo\nthree\n", "b": "one\n"})
    second = repo.commit({"a": "one\n2\nthree\n", "b": "one\n"}, message="Write two as a number")
    third = repo.commit({"a": "1\n2\n3\n", "b": "one\n"})
    await git.sources.poll(repo.url)
    lines = {"a": {1, 2, 3}, "b": {1}, "gone": {1}}
    found = await git.sources.blame(repo.url, second, lines)
    assert {place: commit.id for place, commit in found.items()} == {
        ("a", 1): first,
        ("a", 2): second,
        ("a", 3): first,
        ("b", 1): first,
    }
    assert found["a", 2].message == "Write two as a number"
    assert (await git.sources.blame(repo.url, third, {"a": {1, 2}}))["a", 1].id == third

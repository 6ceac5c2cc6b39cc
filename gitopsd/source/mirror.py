"""A bare mirror of one repository on disk. Like all that blocks, these functions run in children.

A mirror holds the remote's branches and tags under their own names, those other references that somebody asked for, and
under `refs/gitopsd/keep/` the commits that were given out, so that a rollback finds them when the remote has forgotten them.
What writes holds a lock on the file beside it, so two processes may share a folder of mirrors. What is built anew is built
aside and swapped by renaming.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pygit2

from gitopsd.model.errors import SourceError
from gitopsd.source.credentials import Access
from gitopsd.source.objects import DAMAGED, configure_libgit2
from gitopsd.source.remote import HEADS, TAGS, Bounds, Connection, Refs
from gitopsd.source.urls import Location

OURS = "refs/gitopsd/"
KEEP = f"{OURS}keep/"
MAX_PACKS = 50
"""Every fetch adds a pack and libgit2 collects none; past this many, what is still referred to is copied into a new mirror."""
MAX_KEPT = 200
"""Commits that are kept although no history needs them (any more)."""
_MAX_MOVES = 1000
_LOCK_WAIT = 10.0
_UNUSED = 7 * 86400.0


@dataclass(frozen=True, slots=True)
class Move:
    """A reference that changed: `old` is empty where it is new, `new` where it is deleted; `forced`: the old is no ancestor."""

    ref: str
    old: str
    new: str
    forced: bool = False


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a mirror is to hold besides branches and tags.

    `others` are followed: full names of references, and ids of commits. `given` are commits that were given out since the last
    fetch, and are kept from now on; `needed` are those that must be kept, None where nothing is known of that: nothing goes then.
    """

    others: frozenset[str] = frozenset()
    given: frozenset[str] = frozenset()
    needed: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a fetch gave. `rebuilt` says why the mirror was made anew, where it was."""

    refs: Refs
    moves: tuple[Move, ...] = ()
    rebuilt: Literal["", "new", "damaged", "compacted"] = ""


def load(path: str) -> Refs | None:
    """The references of the mirror at `path`, as they were fetched last; None where there is none, or a damaged one."""
    repository = _open(Path(path))
    return None if repository is None else _refs(repository)


def fetch(location: Location, access: Access, bounds: Bounds, path: str, wanted: Wanted) -> Fetched:
    """Makes the mirror at `path` hold what the remote holds and what is `wanted`, whatever state it is in.

    Raises SourceError; the mirror then holds what it held.
    """
    mirror = Path(path)
    with _translated(location), _locked(mirror, location):
        _tidy(mirror)
        repository = _open(mirror)
        if repository is None:
            _sweep(mirror.parent)
            return _rebuild(mirror, location, access, bounds, wanted.others)
        _keep(repository, wanted)
        before = _refs(repository)
        with Connection(location, access, bounds, repository) as connection:
            _update(repository, connection, before, wanted.others)
        after = _refs(repository)
        moves = tuple(_moves(repository, before, after))
        compacted = len(list((mirror / "objects" / "pack").glob("*.pack"))) > MAX_PACKS and _compact(mirror)
        return Fetched(after, moves, "compacted" if compacted else "")


def seems_sound(mirror: Path) -> bool:
    """Whether the mirror is there, and no reader found it damaged. Cheap enough for every poll."""
    return (mirror / "HEAD").exists() and not (mirror / DAMAGED).exists()


def touch(mirror: Path) -> None:
    """Says that a mirror is in use; one of which nobody says so for a week goes when another one comes."""
    with contextlib.suppress(OSError):
        os.utime(_lock_of(mirror))


def _sweep(folder: Path) -> None:
    """Removes mirrors that are no longer used: of applications that are gone, of remote bases that were tried once."""
    for lock in folder.glob("*.lock"):
        mirror = lock.with_suffix("")
        if lock.stat().st_mtime < time.time() - _UNUSED:
            with lock.open("rb") as held, contextlib.suppress(BlockingIOError):
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                for part in (mirror, _aside(mirror), _old(mirror)):
                    shutil.rmtree(part, ignore_errors=True)  # the lock stays: somebody may be waiting for it


def _lock_of(mirror: Path) -> Path:
    return mirror.with_name(f"{mirror.name}.lock")


def _aside(mirror: Path) -> Path:
    return mirror.with_name(f"{mirror.name}.new")


def _old(mirror: Path) -> Path:
    return mirror.with_name(f"{mirror.name}.old")


def _rebuild(mirror: Path, location: Location, access: Access, bounds: Bounds, others: frozenset[str]) -> Fetched:
    existed = mirror.exists()
    aside = _aside(mirror)
    repository = pygit2.init_repository(str(aside), bare=True)
    with Connection(location, access, bounds, repository) as connection:
        _update(repository, connection, Refs(), others)
    repository.compress_references()
    if existed:
        with contextlib.suppress(pygit2.GitError, OSError, KeyError, ValueError):  # what a damaged mirror still gives
            _remote(repository, mirror).fetch([f"+{KEEP}*:{KEEP}*"])
    refs = _refs(repository)
    _swap(mirror, aside)
    return Fetched(refs, tuple(_moves(repository, Refs(), refs)), "damaged" if existed else "new")


def _compact(mirror: Path) -> bool:
    """Copies what is referred to into a new mirror, in one pack and without asking the server."""
    aside = _aside(mirror)
    old, new = pygit2.Repository(str(mirror)), pygit2.init_repository(str(aside), bare=True)
    try:
        _remote(new, mirror).fetch(["+refs/*:refs/*"])
        _set_head(new, _refs(old).head)
        whole = dict(_all_refs(old)) == dict(_all_refs(new))
    except (pygit2.GitError, OSError, KeyError, ValueError):
        whole = False
    if whole:
        _swap(mirror, aside)
    else:
        (mirror / DAMAGED).touch()  # what can't be copied can't be read: the next poll fetches it anew
    return whole


def _remote(repository: pygit2.Repository, other: Path) -> pygit2.Remote:
    return repository.remotes.create_anonymous(str(other))


def _swap(mirror: Path, aside: Path) -> None:
    old = _old(mirror)
    if mirror.exists():
        mirror.rename(old)
    aside.rename(mirror)
    shutil.rmtree(old, ignore_errors=True)


@contextlib.contextmanager
def _translated(location: Location) -> Iterator[None]:
    try:
        yield
    except (pygit2.GitError, OSError, KeyError, ValueError) as error:
        raise SourceError(f"its mirror can't be written: {error}", location.public) from error


@contextlib.contextmanager
def _locked(mirror: Path, location: Location) -> Iterator[None]:
    """Holds the lock beside the mirror; it is let go when the process ends, however that happens."""
    mirror.parent.mkdir(parents=True, exist_ok=True)
    with _lock_of(mirror).open("wb") as lock:
        deadline = time.monotonic() + _LOCK_WAIT
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise SourceError("another process holds the lock on its mirror", location.public) from None
                time.sleep(0.05)
        os.utime(lock.fileno())
        yield


def _tidy(mirror: Path) -> None:
    """Takes away what a process that was killed left behind: half-built mirrors, half-received packs, locks of single files."""
    aside, old = _aside(mirror), _old(mirror)
    if old.exists() and not mirror.exists():
        old.rename(mirror)  # killed between the two renames of a swap
    for leftover in (aside, old):
        shutil.rmtree(leftover, ignore_errors=True)
    if mirror.is_dir():
        stale = [*mirror.glob("*.lock"), *mirror.glob("refs/**/*.lock"), *mirror.glob("objects/pack/pack_*")]
        for file in stale:
            file.unlink(missing_ok=True)


def _open(mirror: Path) -> pygit2.Repository | None:
    """The mirror, if its references lead to commits that can be read; damage further down shows when it is read."""
    configure_libgit2()
    if not seems_sound(mirror):
        return None
    try:
        repository = pygit2.Repository(str(mirror), pygit2.enums.RepositoryOpenFlag.BARE)
        references = dict(_all_refs(repository))
        if any(str(file.relative_to(mirror)) not in references for file in mirror.glob("refs/**/*") if file.is_file()):
            return None  # libgit2 passes over a reference that it can't parse
        for oid in references.values():
            found = repository[oid].peel(None)
            if isinstance(found, pygit2.Commit):
                _ = repository[found.tree_id]
    except (pygit2.GitError, OSError, KeyError, ValueError):
        return None
    return repository


def _all_refs(repository: pygit2.Repository) -> Iterator[tuple[str, str]]:
    for reference in repository.listall_reference_objects():
        if isinstance(reference.target, pygit2.Oid):
            yield reference.name, str(reference.target)


def _refs(repository: pygit2.Repository) -> Refs:
    """The remote's references as the mirror holds them."""
    ids = {name: oid for name, oid in _all_refs(repository) if not name.startswith(OURS)}
    head = repository.references["HEAD"].target
    return Refs(ids, str(head) if isinstance(head, pygit2.Oid) or head in ids else "")


def _set_head(repository: pygit2.Repository, head: str) -> None:
    if head.startswith("refs/"):
        repository.set_head(head)
    elif head:
        repository.set_head(pygit2.Oid(hex=head))


def _update(repository: pygit2.Repository, connection: Connection, before: Refs, others: frozenset[str]) -> None:
    """Fetches, and drops what the remote dropped."""
    refs = connection.refs()
    wanted = refs.followed(others)
    gone = before.ids.keys() - wanted.ids.keys()
    # A folder of references in the way of a new one (`a` became `a/b`, or the reverse) has to go first, the others last.
    in_the_way = {name for name in gone if _collides(name, wanted)}
    _drop(repository, in_the_way)
    specific = [f"+{name}:{name}" for name in wanted.ids if not name.startswith((HEADS, TAGS))]
    specific += [f"+{oid}:{KEEP}{oid}" for oid in others if not oid.startswith("refs/")]
    if wanted.head and not wanted.head.startswith("refs/"):
        specific.append(f"+HEAD:{OURS}HEAD")  # detached, and perhaps on no branch
    if refs.ids:
        connection.fetch([f"+{HEADS}*:{HEADS}*", f"+{TAGS}*:{TAGS}*", *specific])
    _drop(repository, gone - in_the_way)
    _set_head(repository, wanted.head)


def _collides(name: str, wanted: Refs) -> bool:
    parents = {name[:at] for at, char in enumerate(name) if char == "/"}
    return any(other in wanted.ids for other in parents) or any(other.startswith(f"{name}/") for other in wanted.ids)


def _drop(repository: pygit2.Repository, names: set[str]) -> None:
    for name in names:
        repository.references.delete(name)


def _moves(repository: pygit2.Repository, before: Refs, after: Refs) -> Iterator[Move]:
    changed = [name for name in sorted({*before.ids, *after.ids}) if before.ids.get(name) != after.ids.get(name)]
    for name in changed[:_MAX_MOVES]:
        old, new = _commit(repository, before.ids.get(name)), _commit(repository, after.ids.get(name))
        yield Move(name, old, new, forced=bool(old and new) and not _descends(repository, new, old))


def _commit(repository: pygit2.Repository, oid: str | None) -> str:
    """The commit that an object leads to, the object itself where it leads to none."""
    with contextlib.suppress(pygit2.GitError, KeyError, ValueError):
        return str(repository[oid or ""].peel(pygit2.Commit).id)
    return oid or ""


def _descends(repository: pygit2.Repository, new: str, old: str) -> bool:
    with contextlib.suppress(pygit2.GitError, KeyError, ValueError):
        return new == old or repository.descendant_of(new, old)
    return False


def _keep(repository: pygit2.Repository, wanted: Wanted) -> None:
    """Refers to the commits that were given out or are needed, and forgets the oldest past the bound of those that are not.

    It comes before the fetch: what a force push takes away is still there.
    """
    needed = wanted.needed or frozenset()
    for oid in wanted.given | needed:
        with contextlib.suppress(pygit2.GitError, KeyError, ValueError):
            repository.references.create(f"{KEEP}{oid}", repository[oid].id, force=True)
    kept = [name for name, _ in _all_refs(repository) if name.startswith(KEEP) and name.removeprefix(KEEP) not in needed]
    if wanted.needed is not None and len(kept) > MAX_KEPT:
        by_age = sorted(kept, key=lambda name: repository[name.removeprefix(KEEP)].peel(pygit2.Commit).commit_time)
        _drop(repository, set(by_age[: len(kept) - MAX_KEPT]))

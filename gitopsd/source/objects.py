"""Reading a bare mirror's object store: commits, and the entries and files below them.

Everything here is named by its object id, so what was parsed once holds for ever; a bounded number of folders is kept parsed.
Objects are parsed from their raw form, so that hostile names are seen as they are. A mirror may be swapped for a fresh
one at any time, so a failed read opens it again before it is believed; one that stays failed leaves a note in the mirror
(`DAMAGED`) by which the next poll knows that it must be fetched anew.
"""

from __future__ import annotations

import contextlib
import functools
import re
from collections import OrderedDict
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Literal, NamedTuple, TypeVar

import pygit2
from pygit2.enums import ConfigLevel

from gitopsd.model.errors import LimitError, Place, SourceError
from gitopsd.model.source import Commit
from gitopsd.ports import CacheUse
from gitopsd.source.limits import MAX_FILE, MAX_FOLDER
from gitopsd.source.signatures import Signed

_T = TypeVar("_T")

MAX_LINK = 4096
DAMAGED = "gitopsd-damaged"
"""The file in a mirror that says that an object in it could not be read."""

_CACHED_ENTRIES = 500_000
_SIGNATURE = re.compile(rb"^(-----BEGIN (?:PGP|SSH) SIGNATURE-----)", re.MULTILINE)
_MAX_SUBJECT = 500
_KINDS: Mapping[bytes, Literal["file", "dir", "link"]] = {
    b"100644": "file",
    b"100755": "file",
    b"100664": "file",  # written by early versions of Git
    b"40000": "dir",
    b"040000": "dir",  # written by other implementations
    b"120000": "link",
    # 160000, a submodule's commit, is in another repository: as if it were missing
}


class Node(NamedTuple):
    """An entry of a folder: its kind and object id in hexadecimal."""

    kind: Literal["file", "dir", "link"]
    oid: str


class Objects:
    """The object store of the mirror at `path`. `repository` is its URL without credentials, for errors."""

    def __init__(self, path: str, repository: str) -> None:
        self.path = path
        self.repository = repository
        self._opened: pygit2.Repository | None = None
        self._generation = 0
        self._folders: OrderedDict[str, Mapping[str, Node]] = OrderedDict()
        self._entries = 0
        self._evicted = 0

    def use(self) -> CacheUse:
        """How many folders are kept, and how many were given up for their bound."""
        return CacheUse(len(self._folders), self._evicted)

    def refresh(self) -> None:
        """Lets go of a mirror that was swapped for another: it would go on taking up the disk's space."""
        with contextlib.suppress(OSError):
            generation = Path(self.path).stat().st_ino
            if generation != self._generation and self._opened is not None:
                self._opened.free()
                self._opened = None
            self._generation = generation

    def folder(self, oid: str) -> Mapping[str, Node]:
        """The entries of the folder `oid`. Names that no file system takes, and submodules, are as if missing."""
        if (known := self._folders.get(oid)) is not None:
            self._folders.move_to_end(oid)
            return known
        nodes = parse_folder(self._read(oid, MAX_FOLDER, f"folder {oid[:12]}"))
        self._folders[oid] = nodes
        self._entries += len(nodes)
        while self._entries > _CACHED_ENTRIES and len(self._folders) > 1:
            self._entries -= len(self._folders.popitem(last=False)[1])
            self._evicted += 1
        return nodes

    def file(self, oid: str, path: str) -> bytes:
        """The content of the file `oid`, which stands at `path`. Raises LimitError where it is too large."""
        return self._read(oid, MAX_FILE, path, "fileSize")

    def link(self, oid: str) -> str | None:
        """Where the symbolic link `oid` leads; None where it is no path at all."""
        with contextlib.suppress(LimitError, UnicodeDecodeError):
            return self._read(oid, MAX_LINK, "link").decode()
        return None

    def commit(self, oid: str) -> tuple[Commit, str] | None:
        """The commit that `oid` (perhaps of a tag) leads to, and its root folder's id; None where there is none."""
        try:
            commit = self._insist(lambda repository: repository[oid].peel(pygit2.Commit))
        except (KeyError, ValueError, pygit2.InvalidSpecError):
            return None
        except (pygit2.GitError, OSError) as error:
            raise self._damaged(f"commit {oid[:12]}") from error
        author = commit.author
        return Commit(
            id=str(commit.id),
            author=_line(author.raw_name),
            email=_line(author.raw_email),
            time=_time(commit.commit_time, commit.commit_time_offset),
            message=_line(commit.raw_message.lstrip(b"\r\n")),
        ), str(commit.tree_id)

    def blamed(self, commit: str, file: str, lines: AbstractSet[int]) -> Mapping[int, str]:
        """The id of the commit that last wrote each line of a file, as `commit` has it; none where there is no such file."""

        def ask(repository: pygit2.Repository) -> dict[int, str]:
            hunks = repository.blame(file, newest_commit=commit, min_line=min(lines), max_line=max(lines))
            return {number: str(hunks.for_line(number).final_commit_id) for number in lines}

        with contextlib.suppress(KeyError, ValueError, IndexError, pygit2.GitError):
            return self._insist(ask)
        return {}

    def signed(self, oid: str) -> Signed:
        """What was signed of the commit or tag `oid`, and the signature; Git itself keeps a tag's at the end of its text."""
        try:
            found = self._insist(lambda repository: repository[oid])
            armoured, payload = self._insist(lambda repository: repository[oid].peel(pygit2.Commit)).gpg_signature
        except (KeyError, ValueError, pygit2.GitError, OSError) as error:
            raise self._damaged(f"object {oid[:12]}") from error
        if isinstance(found, pygit2.Tag):
            text, *signature = _SIGNATURE.split(found.read_raw(), 1)
            return Signed(f"tag {_line(found.raw_name)}", text, b"".join(signature).decode("ascii", "replace"))
        return Signed(f"commit {oid[:12]}", payload or b"", (armoured or b"").decode("ascii", "replace"))

    def expand(self, prefix: str) -> str | None:
        """The one object whose id begins with `prefix`; None where there is none. Raises ValueError where there are more."""
        try:
            return str(self._insist(lambda repository: repository.expand_id(prefix)))
        except (KeyError, pygit2.GitError):
            return None

    def _read(self, oid: str, limit: int, what: str, name: str = "") -> bytes:
        """What `oid` names. `name` is that of the limit in the configuration, where it has one."""
        try:
            return self._insist(lambda repository: _bounded(repository.odb, oid, limit, what, name))
        except (KeyError, ValueError, pygit2.GitError, OSError) as error:
            raise self._damaged(what) from error

    def _insist(self, ask: Callable[[pygit2.Repository], _T]) -> _T:
        """What `ask` gives, if need be of the mirror opened again."""
        if self._opened is not None:
            with contextlib.suppress(KeyError, ValueError, pygit2.GitError, OSError):
                return ask(self._opened)
        configure_libgit2()
        self._opened = pygit2.Repository(self.path)
        return ask(self._opened)

    def _damaged(self, what: str) -> SourceError:
        with contextlib.suppress(OSError):
            (Path(self.path) / DAMAGED).touch()
        return SourceError(f"its mirror is damaged: {what} can't be read; the next poll fetches it anew", self.repository)


def _bounded(store: pygit2.Odb, oid: str, limit: int, what: str, name: str) -> bytes:
    _, size = store.read_header(oid)
    if size > limit:
        raise LimitError(f"is larger than {limit} bytes ({size})", Place(what), name)
    return store.read(oid)[1]


@functools.cache
def configure_libgit2() -> None:
    """The settings of this process: nothing depends on the machine's Git configuration, or on who owns the volume."""
    for level in (ConfigLevel.SYSTEM, ConfigLevel.XDG, ConfigLevel.GLOBAL):
        pygit2.settings.search_path[level] = ""
    pygit2.settings.owner_validation = False


@functools.lru_cache(maxsize=64)
def objects_at(path: str, repository: str) -> Objects:
    """The mirror's store, opened once in each process, so that its folders are parsed once."""
    return Objects(path, repository)


def parse_folder(raw: bytes) -> Mapping[str, Node]:
    """The entries of a Git tree object in its raw form: `mode name NUL id`, one after the other."""
    nodes: dict[str, Node] = {}
    at = 0
    while (space := raw.find(b" ", at)) > 0:
        end = raw.index(b"\0", space)
        kind = _KINDS.get(raw[at:space])
        name = raw[space + 1 : end]
        at = end + 21
        if kind and name not in (b"", b".", b"..") and b"/" not in name:
            with contextlib.suppress(UnicodeDecodeError):
                nodes[name.decode()] = Node(kind, raw[end + 1 : at].hex())
    return nodes


def _time(seconds: int, offset: int) -> datetime | None:
    """The moment, with its zone `offset` minutes from UTC; None where somebody wrote what is none."""
    try:
        return datetime.fromtimestamp(seconds, timezone(timedelta(minutes=offset)))
    except (ValueError, OverflowError, OSError):
        return None


def _line(raw: bytes | None) -> str:
    """The first line as text that a terminal can show: no control characters, no broken encoding, not endless."""
    text = (raw or b"").split(b"\n", 1)[0][: 4 * _MAX_SUBJECT].decode("utf-8", "replace")
    return "".join(char for char in text if char.isprintable()).strip()[:_MAX_SUBJECT]

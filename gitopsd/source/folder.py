"""A folder on disk as a tree, for `gitopsd render PATH`: what a person works on before it is a commit."""

from __future__ import annotations

import hashlib
import os
import stat

from gitopsd.model.errors import LimitError, Place
from gitopsd.model.tree import Entry
from gitopsd.source.limits import MAX_FILE


class FolderTree:
    """The folder `root` and what is below it (a `gitopsd.model.tree.Tree`). Symbolic links are followed if they stay in it.

    It looks as the commit would: `.git` is not there, nor are sockets, devices and names that are not UTF-8. A file's id is the
    one that Git would give it, a folder's covers the names in it alone (what is below is asked for by itself).
    """

    __slots__ = ("_below", "_root")

    def __init__(self, root: os.PathLike[str] | str) -> None:
        """Raises FileNotFoundError or NotADirectoryError where `root` is no folder."""
        self._root = os.path.realpath(root, strict=True)
        self._below = self._root.rstrip("/") + "/"
        if not os.path.isdir(self._root):
            raise NotADirectoryError(root)

    def entry(self, path: str) -> Entry | None:
        """See `Tree.entry`."""
        found = self._find(path)
        if found is None:
            return None
        if os.path.isdir(found):
            return Entry("dir", hashlib.sha1("\n".join(self._names(found)).encode(), usedforsecurity=False).hexdigest())
        return Entry("file", _blob_id(found))

    def read(self, path: str) -> bytes:
        """See `Tree.read`. Raises LimitError where the file is too large."""
        found = self._find(path)
        if found is None or os.path.isdir(found):
            raise FileNotFoundError(path)
        with open(found, "rb") as file:
            data = file.read(MAX_FILE + 1)
        if len(data) > MAX_FILE:
            raise LimitError(f"is larger than {MAX_FILE} bytes", Place(path), "fileSize")
        return data

    def list(self, path: str) -> tuple[str, ...]:
        """See `Tree.list`. A symbolic link is listed wherever it leads; `entry` says whether anything is there."""
        found = self._find(path)
        if found is None or not os.path.isdir(found):
            raise FileNotFoundError(path)
        return self._names(found)

    def _find(self, path: str) -> str | None:
        """The real file or folder at `path`, None where there is none inside of the root."""
        parts = path.split("/") if path else []
        if any(part in ("", ".", "..", ".git") or "\0" in part for part in parts):
            return None
        try:
            mode = os.stat(self._below + path).st_mode  # first: it alone minds a `..` behind a file
            found = os.path.realpath(self._below + path, strict=True)
        except OSError:  # missing, not ours to read, a name too long, a loop of links
            return None
        inside = found == self._root or found.startswith(self._below)
        return found if inside and (stat.S_ISREG(mode) or stat.S_ISDIR(mode)) else None

    @staticmethod
    def _names(folder: str) -> tuple[str, ...]:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if _portable(entry)]
        return tuple(sorted(names))


def _portable(entry: os.DirEntry[str]) -> bool:
    try:
        entry.name.encode()
    except UnicodeEncodeError:
        return False
    return entry.name != ".git" and (entry.is_symlink() or entry.is_dir() or entry.is_file())


def _blob_id(file: str) -> str:
    digest = hashlib.sha1(b"blob %d\0" % os.stat(file).st_size, usedforsecurity=False)
    with open(file, "rb") as content:
        while chunk := content.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()

"""Trees of files as the render engine sees them.

A tree answers three questions and does nothing else, so a Git commit, a folder on disk and a dict in a test are the same
thing to the engine. What was asked of a tree, misses included, is a render's exact input set (`Recorded`): a later commit
whose answers are the same renders the same, whatever else it changed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Literal, NamedTuple, Protocol

EntryKind = Literal["file", "dir"]


class Entry(NamedTuple):
    """What stands at a path. `oid` changes whenever the content below it does (Git's object id, or a digest)."""

    kind: EntryKind
    oid: str


class Tree(Protocol):
    """A read-only tree. Paths are relative and normalised (no `.`, `..`, leading or trailing slash); `""` is the root.

    Symbolic links are resolved by the tree and never lead out of it: one that would is as if it were missing.
    """

    def entry(self, path: str) -> Entry | None:
        """What stands at `path`, or None."""

    def read(self, path: str) -> bytes:
        """The content of the file at `path`; raises FileNotFoundError where `entry` gives no file."""

    def list(self, path: str) -> tuple[str, ...]:
        """The sorted names in the folder at `path`; raises FileNotFoundError where `entry` gives no folder."""


class DictTree:
    """A tree in memory, for tests and for answers that come as files: `{"base/kustomization.yaml": b"..."}`."""

    def __init__(self, files: Mapping[str, bytes | str]) -> None:
        """`files` maps paths to contents; folders exist where files do."""
        self._files = {path: data.encode() if isinstance(data, str) else data for path, data in files.items()}
        self._folders: dict[str, set[str]] = {"": set()}
        for path in self._files:
            self._grow(path)

    def _grow(self, path: str) -> None:
        while path:
            parent, _, name = path.rpartition("/")
            self._folders.setdefault(parent, set()).add(name)
            path = parent

    def entry(self, path: str) -> Entry | None:
        """See `Tree.entry`."""
        if (data := self._files.get(path)) is not None:
            return Entry("file", hashlib.sha1(data, usedforsecurity=False).hexdigest())
        if path not in self._folders:
            return None
        inner = "\n".join(f"{name} {self.entry(f'{path}/{name}' if path else name)}" for name in self.list(path))
        return Entry("dir", hashlib.sha1(inner.encode(), usedforsecurity=False).hexdigest())

    def read(self, path: str) -> bytes:
        """See `Tree.read`."""
        try:
            return self._files[path]
        except KeyError:
            raise FileNotFoundError(path) from None

    def list(self, path: str) -> tuple[str, ...]:
        """See `Tree.list`."""
        try:
            return tuple(sorted(self._folders[path]))
        except KeyError:
            raise FileNotFoundError(path) from None


class Recorded:
    """A tree that remembers what was asked of it.

    `inputs` maps each path to the object id that answered, None for a miss. A folder's listing is recorded under
    `path/` and answers with the folder's own id only when it was listed; asking merely whether it exists records its kind.
    """

    __slots__ = ("inner", "inputs")

    def __init__(self, inner: Tree) -> None:
        """Nothing has been asked yet."""
        self.inner = inner
        self.inputs: dict[str, str | None] = {}

    def entry(self, path: str) -> Entry | None:
        """See `Tree.entry`."""
        entry = self.inner.entry(path)
        if entry is None:
            self.inputs[path] = None
        else:
            self.inputs[path] = entry.oid if entry.kind == "file" else "dir"
        return entry

    def read(self, path: str) -> bytes:
        """See `Tree.read`."""
        self.entry(path)
        return self.inner.read(path)

    def list(self, path: str) -> tuple[str, ...]:
        """See `Tree.list`."""
        entry = self.inner.entry(path)
        self.inputs[f"{path}/"] = entry.oid if entry else None
        return self.inner.list(path)


def answers_alike(tree: Tree, inputs: Mapping[str, str | None]) -> bool:
    """Whether `tree` gives the answers that `inputs` (of a `Recorded` tree) holds: then a render of it gives the same."""
    for path, expected in inputs.items():
        listed = path.endswith("/")
        entry = tree.entry(path[:-1] if listed else path)
        found = None if entry is None else entry.oid if listed or entry.kind == "file" else "dir"
        if found != expected:
            return False
    return True

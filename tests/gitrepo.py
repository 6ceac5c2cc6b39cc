"""Real Git repositories, made for a test."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pygit2
from pygit2.enums import FileMode

WHO = pygit2.Signature("Ada Lovelace", "ada@example.org", 1_700_000_000, 60)

Content = str | bytes | tuple[FileMode, bytes]
"""A file's content; a tuple for what is no plain file: `(FileMode.LINK, b"target")`, `(FileMode.COMMIT, id)`."""


class Repo:
    """A bare repository that tests push to, with branch `main`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.git = pygit2.init_repository(str(path), bare=True, initial_head="main")

    @property
    def url(self) -> str:
        return str(self.path)

    def commit(
        self,
        files: Mapping[str, Content],
        *,
        branch: str = "main",
        parents: tuple[str, ...] | None = None,
        message: str = "Change\n\nand why",
    ) -> str:
        """Commits a tree of exactly `files`. `parents` other than the branch's tip is a force push. Gives the commit's id."""
        name = f"refs/heads/{branch}"
        if parents is None:
            parents = (str(self.git.references[name].target),) if name in self.git.references else ()
        oid = self.git.create_commit(None, WHO, WHO, message, self.tree(files), [pygit2.Oid(hex=parent) for parent in parents])
        self.git.references.create(name, oid, force=True)
        return str(oid)

    def tag(self, name: str, commit: str, *, annotated: bool = False) -> None:
        """Tags a commit, or whatever object the id names."""
        if annotated:
            self.git.create_tag(name, pygit2.Oid(hex=commit), self.git[commit].type, WHO, "tagged")
        else:
            self.git.references.create(f"refs/tags/{name}", pygit2.Oid(hex=commit), force=True)

    def ref(self, name: str, commit: str) -> None:
        """Points a reference of any name to a commit."""
        self.git.references.create(name, pygit2.Oid(hex=commit), force=True)

    def delete(self, name: str) -> None:
        """Deletes a reference."""
        self.git.references.delete(name)

    def tree(self, files: Mapping[str, Content]) -> pygit2.Oid:
        """Stores a folder; names are written as they are, however hostile."""
        folders: dict[str, dict[str, Content]] = {}
        entries: list[tuple[bytes, FileMode, pygit2.Oid]] = []
        for path, content in files.items():
            first, slash, rest = path.partition("/")
            if slash:
                folders.setdefault(first, {})[rest] = content
            else:
                entries.append((first.encode("utf-8", "surrogateescape"), *self._store(content)))
        entries += [(name.encode(), FileMode.TREE, self.tree(inner)) for name, inner in folders.items()]
        return self.raw_tree(entries)

    def raw_tree(self, entries: list[tuple[bytes, FileMode, pygit2.Oid]]) -> pygit2.Oid:
        """Stores a folder as it is, which lets names through that Git refuses."""
        ordered = sorted(entries, key=lambda entry: entry[0] + (b"/" if entry[1] == FileMode.TREE else b""))
        raw = b"".join(b"%o %s\0" % (mode, name) + oid.raw for name, mode, oid in ordered)
        return self.git.odb.write(pygit2.enums.ObjectType.TREE, raw)

    def _store(self, content: Content) -> tuple[FileMode, pygit2.Oid]:
        if isinstance(content, tuple):
            mode, data = content
            oid = pygit2.Oid(raw=data) if mode == FileMode.COMMIT else self.git.create_blob(data)
            return mode, oid
        return FileMode.BLOB, self.git.create_blob(content)

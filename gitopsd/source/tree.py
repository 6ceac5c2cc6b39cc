"""A commit's files, read straight from the object store of its mirror.

Nothing is ever checked out: a path can't leave the tree, because outside of it there is nothing.
"""

from __future__ import annotations

from gitopsd.model.tree import Entry
from gitopsd.source.objects import Node, Objects, objects_at

_MAX_LINKS = 40  # as many as Linux follows
_FOLDERS = 50_000  # that are found without a walk: those of a thousand applications many times over


class GitTree:
    """The tree of a commit (a `gitopsd.model.tree.Tree`). Pickled, it is two paths and an id: a child opens the mirror itself."""

    __slots__ = ("_folders", "_objects", "_root")

    def __init__(self, objects: Objects, root: str) -> None:
        """`root` is the id of the commit's root folder."""
        self._objects = objects
        self._root = Node("dir", root)
        self._folders: dict[str, Node | None] = {}

    def __reduce__(self) -> tuple[object, ...]:
        return _open, (self._objects.path, self._objects.repository, self._root.oid)

    def __repr__(self) -> str:
        return f"GitTree({self._objects.repository!r}, {self._root.oid!r})"

    def entry(self, path: str) -> Entry | None:
        """See `Tree.entry`. Raises SourceError where the mirror is damaged."""
        node = self._find(path)
        return None if node is None or node.kind == "link" else Entry(node.kind, node.oid)

    def read(self, path: str) -> bytes:
        """See `Tree.read`. Raises LimitError where the file is too large, SourceError where the mirror is damaged."""
        node = self._find(path)
        if node is None or node.kind != "file":
            raise FileNotFoundError(path)
        return self._objects.file(node.oid, path)

    def list(self, path: str) -> tuple[str, ...]:
        """See `Tree.list`. A symbolic link is listed wherever it leads; `entry` says whether anything is there."""
        node = self._find(path)
        if node is None or node.kind != "dir":
            raise FileNotFoundError(path)
        return tuple(sorted(self._objects.folder(node.oid)))

    def _find(self, path: str) -> Node | None:
        parent, slash, name = path.rpartition("/")
        if slash:
            folder = self._folder(parent)
            node = self._objects.folder(folder.oid).get(name) if folder is not None and folder.kind == "dir" else None
            if node is None or node.kind != "link":
                return node
        return self._from_root(path)

    def _folder(self, path: str) -> Node | None:
        """What stands where a folder is wanted: applications ask for a few files in each of few folders, again and again."""
        try:
            return self._folders[path]
        except KeyError:
            if len(self._folders) >= _FOLDERS:
                self._folders.clear()
            found = self._folders[path] = self._from_root(path)
            return found

    def _from_root(self, path: str) -> Node | None:
        parts = path.split("/") if path else []
        # Paths are normalised; only the target of a link may go up.
        return None if ".." in parts else _walk(self._objects, self._root, parts)


def _walk(objects: Objects, root: Node, parts: list[str]) -> Node | None:
    """Goes down from the root, the folders below one another in `way`, and at a link goes on along its target."""
    way, todo, links = [root], parts[::-1], 0
    while todo:
        if not way or way[-1].kind != "dir":
            return None  # out of the tree, or below a file
        name = todo.pop()
        if name == "..":
            way.pop()
            continue
        node = objects.folder(way[-1].oid).get(name)
        if node is None:
            return None
        if node.kind != "link":
            way.append(node)
            continue
        links += 1
        target = objects.link(node.oid)
        if not target or target.startswith("/") or links > _MAX_LINKS:
            return None
        todo.extend(part for part in reversed(target.split("/")) if part not in ("", "."))
    return way[-1] if way else None


def _open(path: str, repository: str, root: str) -> GitTree:
    objects = objects_at(path, repository)
    objects.refresh()
    return GitTree(objects, root)

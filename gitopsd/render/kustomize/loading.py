"""Files and folders as a build reads them: within the tree, within bounds, each parsed once."""

from __future__ import annotations

import posixpath
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from gitopsd.formats.scalars import Dialect
from gitopsd.formats.yamlread import load_documents, load_marked
from gitopsd.model.errors import LimitError, Place, RenderError
from gitopsd.render.kustomize.documents import objects_in
from gitopsd.render.kustomize.errors import retold
from gitopsd.render.kustomize.ids import known_cluster_scoped
from gitopsd.render.kustomize.patches import Schema
from gitopsd.render.kustomize.remote import parse_remote
from gitopsd.render.kustomize.settings import Edits, LoadRestrictor
from gitopsd.render.needs import RemoteBase

if TYPE_CHECKING:
    from gitopsd.model.refs import Object
    from gitopsd.model.tree import Tree
    from gitopsd.render.kustomize.settings import BuildSettings
    from gitopsd.render.needs import Answer, Answers, Need

FILE_NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")


_NAMES = {"objects": "objects", "files": "files", "bytes": "size"}
"""What is counted, by its name in the configuration."""


class Session:
    """What one build shares between its layers: the caller's choices, what was used of the bounds, what is still needed."""

    def __init__(self, settings: BuildSettings, answers: Answers, edits: Edits) -> None:
        """Starts with kustomize's own schema."""
        self.settings = settings
        self.answers = answers
        self.edits = edits
        self.schema = Schema.builtin()
        self.schema_is_set = False
        self.cluster_scoped = known_cluster_scoped()
        self.wanted: dict[Need, None] = {}
        self.files = self.bytes = self.roots = self.objects = 0

    def ask(self, need: Need) -> Answer | None:
        """The answer to a need, or None after noting it."""
        if need in self.answers:
            return self.answers[need]
        self.wanted[need] = None
        return None

    def count(self, what: str, amount: int, place: Place | None = None) -> None:
        """Uses up some of a bound. Raises LimitError past it."""
        used = getattr(self, what) + amount
        setattr(self, what, used)
        if used > (bound := getattr(self.settings.limits, what)):
            raise LimitError(f"the build reads or makes more than {bound} {what}", place, _NAMES.get(what, ""))


class File(NamedTuple):
    """A file that was read. `path` is from the root of its tree."""

    path: str
    oid: str
    data: bytes


class Root(NamedTuple):
    """The folder of a kustomization: what its relative paths start from, and the roots it was reached through."""

    session: Session
    tree: Tree
    path: str
    parent: Root | None = None
    prefix: str = ""
    """What error messages put before paths of another repository."""

    @property
    def depth(self) -> int:
        """How many roots this one was reached through."""
        return 0 if self.parent is None else self.parent.depth + 1

    def read(self, path: str) -> File:
        """A file by its path from here. Raises RenderError if it is missing or out of bounds."""
        full = self.resolve(path)
        if self.session.settings.load_restrictor is LoadRestrictor.ROOT_ONLY and not _within(full, self.path):
            raise RenderError(f"security; file '{self.prefix}{full}' is not in or below '{self.prefix}{self.path or '.'}'")
        entry = self.tree.entry(full)
        if entry is None:
            raise RenderError(f"{path} does not exist")
        if entry.kind != "file":
            raise RenderError(f"{path} is a folder, not a file")
        data = self.tree.read(full)
        self.session.count("files", 1, Place(full))
        self.session.count("bytes", len(data), Place(full))
        return File(full, entry.oid, data)

    def resolve(self, path: str) -> str:
        """A path from the root of the tree. Raises RenderError for one that is absolute or leads out of the tree."""
        if path.startswith("/"):
            raise RenderError(f"{path} is an absolute path; paths must be relative to the kustomization")
        full = posixpath.normpath(posixpath.join(self.path, path))
        if full == ".." or full.startswith("../"):
            raise RenderError(f"{path} leads out of the repository")
        return "" if full == "." else full

    def folder(self, path: str) -> Root:
        """The root at a folder. Raises RenderError if there is none, or it is or contains one that we came through."""
        full = self.resolve(path)
        entry = self.tree.entry(full)
        if entry is None or entry.kind != "dir":
            message = f"{path} does not exist" if entry is None else f"must build at directory: {path} is not a directory"
            raise RenderError(message)
        return self._enter(Root(self.session, self.tree, full, self, self.prefix))

    def _enter(self, child: Root) -> Root:
        visited: Root | None = self
        while visited is not None:
            if visited.tree is child.tree and _within(visited.path, child.path):
                message = f"cycle detected: candidate root '{child.path or '.'}' contains visited root '{visited.path or '.'}'"
                raise RenderError(message)
            visited = visited.parent
        self.session.count("roots", 1)
        if child.depth > (bound := self.session.settings.limits.layers):
            raise LimitError(f"kustomizations stand more than {bound} layers deep at '{child.path}'", limit="layers")
        return child

    def remote(self, url: str) -> Root | None:
        """The root in another repository, None where its tree is still needed. Raises RenderError for what is no URL."""
        need = parse_remote(url)
        if not isinstance(need, RemoteBase):
            raise RenderError(f"{url} is not the URL of a repository")
        tree = self.session.ask(need)
        if tree is None:
            return None
        root = Root(self.session, tree, "", self, f"{need.repository}//")  # type: ignore[arg-type] # a Tree answers a RemoteBase
        full = root.resolve(need.path)
        return self._enter(Root(self.session, root.tree, full, self, root.prefix))

    def documents(self, file: File, dialect: Dialect) -> list[Any]:
        """The parsed documents of a file, shared with every other build that reads it."""
        return self.session.settings.cache.get((file.oid, dialect), len(file.data), lambda: self._load(file, dialect))

    def objects(self, file: File) -> list[Object]:
        """The objects in a file of resources. Raises RenderError that names the file."""
        try:
            read = partial(self._load, file, Dialect.RESOURCE)
            return self.session.settings.cache.get((file.oid, "objects"), len(file.data), lambda: objects_in(read()))
        except RenderError as error:
            raise retold(error, error.message, self._culprit(file)) from error

    def _culprit(self, file: File) -> Place:
        """Where the first document begins that holds no object."""
        name = self.prefix + file.path
        marked = load_marked(file.data, name, Dialect.RESOURCE)
        for document, (line, column) in zip(marked.documents, marked.starts, strict=True):
            try:
                objects_in([document])
            except RenderError:
                return Place(name, line, column)
        return Place(name)

    def _load(self, file: File, dialect: Dialect) -> list[Any]:
        return load_documents(file.data, self.prefix + file.path, dialect, self.session.settings.limits.yaml)


def _within(path: str, folder: str) -> bool:
    return not folder or path == folder or path.startswith(f"{folder}/")

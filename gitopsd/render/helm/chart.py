"""The files of a chart, those of its dependencies included.

What Chart.yaml names and `charts/` lacks is what `helm dependency build` would bring: it is taken from the same tree
(`file://`), or asked for. So the program finds all of it in place, and has no reason to speak with anybody.
"""

from __future__ import annotations

import posixpath
import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gitopsd.formats.scalars import Dialect
from gitopsd.formats.yamlread import load_documents
from gitopsd.model.errors import LimitError, Place, RenderError
from gitopsd.render.needs import RemoteChart

if TYPE_CHECKING:
    from gitopsd.model.tree import Tree
    from gitopsd.render.limits import Limits
    from gitopsd.render.needs import Answer, Need

CHART = "Chart.yaml"
_LOCK = "Chart.lock"
_DEPTH = 32
"""Folders, and charts within charts, below one another."""
_PACKED = 64 << 20
_ARCHIVE = re.compile(r"-v?[0-9][^/]*\.tgz$")
_ELSEWHERE = re.compile(rb'"\$ref"\s*:\s*"(?:https?|file):')
"""A schema that would have helm read what is not in the chart."""


@dataclass(slots=True)
class ChartFiles:
    """Collects `files` by their paths in the chart. `ask` answers a need, or notes it and gives None."""

    limits: Limits
    ask: Callable[[Need], Answer | None]
    files: dict[str, bytes] = field(default_factory=dict)
    _size: int = 0

    def add(self, tree: Tree, folder: str, into: str = "", depth: int = 0) -> None:
        """The chart in `folder`, and what it depends on. Raises RenderError where it is none, LimitError past a bound."""
        entry = tree.entry(posixpath.join(folder, CHART))
        if entry is None or entry.kind != "file":
            raise RenderError("is no Helm chart: it has no Chart.yaml", Place(folder or "."))
        self._copy(tree, folder, into, depth)
        for dependency in _dependencies(tree, folder):
            self._depend(tree, folder, into, dependency, depth + 1)

    @property
    def asks_for_capabilities(self) -> bool:
        """Whether a template may look at the cluster's versions; what is packed can't be looked into."""
        return any(
            name.endswith(".tgz") or b"Capabilities" in data or (name.endswith(CHART) and b"kubeVersion" in data)
            for name, data in self.files.items()
        )

    def _copy(self, tree: Tree, folder: str, into: str, depth: int) -> None:
        if depth > _DEPTH:
            raise LimitError(f"the chart has folders more than {_DEPTH} deep", Place(folder))
        for name in tree.list(folder):
            path, target = posixpath.join(folder, name), posixpath.join(into, name)
            entry = tree.entry(path)
            if entry is not None and entry.kind == "dir":
                self._copy(tree, path, target, depth + 1)
            elif entry is not None:
                self._put(target, tree.read(path), Place(path))

    def _put(self, name: str, data: bytes, place: Place) -> None:
        if name.endswith(("values.schema.json", ".tgz")) and _ELSEWHERE.search(_unpacked(name, data, place)):
            raise RenderError("refers to a schema outside of the chart; copy it into the file", place)
        self.files[name] = data
        self._size += len(data)
        if len(self.files) > self.limits.files or self._size > self.limits.bytes:
            raise LimitError(f"the chart holds more than {self.limits.files} files or {self.limits.bytes} bytes", place)

    def _depend(self, tree: Tree, folder: str, into: str, dependency: Mapping[str, str], depth: int) -> None:
        name, repository = dependency["name"], dependency["repository"]
        target = posixpath.join(into, "charts", name)
        if not repository or self._is_there(target):
            return
        place = Place(posixpath.join(folder, CHART), field=f"dependencies: {name}")
        if repository.startswith("file://"):
            beside = posixpath.normpath(posixpath.join(folder, repository.removeprefix("file://")))
            if beside.startswith(("..", "/")):
                raise RenderError(f"{repository} leads out of the repository", place)
            self.add(tree, "" if beside == "." else beside, target, depth)
        elif repository.startswith(("https://", "http://", "oci://")):
            answer = self.ask(RemoteChart(repository, name, dependency["version"]))
            if answer is not None:
                self.add(answer, "", target, depth)  # type: ignore[arg-type] # a Tree answers a RemoteChart
        else:
            raise RenderError(f"{repository}: the name of a repository means nothing here; write its URL", place)

    def _is_there(self, target: str) -> bool:
        """Whether a dependency is vendored, as a folder or packed."""
        packed = (name.removeprefix(target) for name in self.files if name.startswith(f"{target}-"))
        return f"{target}/{CHART}" in self.files or any(_ARCHIVE.match(rest) for rest in packed)


def _unpacked(name: str, data: bytes, place: Place) -> bytes:
    """The content of a file; of a packed chart all of its files, one behind the other."""
    if not name.endswith(".tgz"):
        return data
    packed = zlib.decompressobj(wbits=31)
    try:
        found = packed.decompress(data, _PACKED)
    except zlib.error as error:
        raise RenderError(f"can't be unpacked: {error}", place) from None
    if packed.unconsumed_tail:
        raise LimitError(f"holds more than {_PACKED >> 20} MiB when unpacked", place)
    return found


def _dependencies(tree: Tree, folder: str) -> list[dict[str, str]]:
    """Name, repository and version of each; the version that Chart.lock pins where there is one."""
    wanted = _listed(tree, posixpath.join(folder, CHART))
    lock = posixpath.join(folder, _LOCK)
    pinned = {one["name"]: one["version"] for one in _listed(tree, lock)} if tree.entry(lock) else {}
    return [one | {"version": pinned.get(one["name"], one["version"])} for one in wanted]


def _listed(tree: Tree, file: str) -> list[dict[str, str]]:
    documents = load_documents(tree.read(file), file, Dialect.KUBECTL)
    document: Any = documents[0] if documents else None
    found = document.get("dependencies") if isinstance(document, dict) else None
    entries = [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []
    listed = [{key: str(entry.get(key) or "") for key in ("name", "repository", "version")} for entry in entries]
    for one in listed:
        if not one["name"] or "/" in one["name"] or one["name"].startswith("."):
            raise RenderError(f"{one['name']!r} is no name of a chart", Place(file, field="dependencies"))
    return listed

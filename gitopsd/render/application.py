"""The front door of the engine: one source of an application, from its folder to its objects."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from gitopsd.model.app import DirectoryOptions, HelmOptions, Source
from gitopsd.model.errors import Place, RenderError
from gitopsd.render.folder import render_folder
from gitopsd.render.given import Given
from gitopsd.render.helm.chart import CHART
from gitopsd.render.helm.source import render_chart
from gitopsd.render.kustomize.build import build
from gitopsd.render.kustomize.loading import FILE_NAMES
from gitopsd.render.kustomize.settings import Edits

if TYPE_CHECKING:
    from gitopsd.model.refs import Object
    from gitopsd.model.tree import Tree
    from gitopsd.render.kustomize.settings import BuildSettings

_NOTHING = Given()


def render_source(tree: Tree, source: Source, settings: BuildSettings, given: Given = _NOTHING) -> list[Object]:
    """The objects of a source, in order. What it is shows in its options or, as in Argo CD, in the files of its folder.

    A source that is only there to be referred to (`ref` without `path` or `chart`) has none. `tree` is that of the repository, or
    the chart's. Raises Needs for what was not answered yet, RenderError otherwise.
    """
    if source.plugin is not None:
        name = f" ({source.plugin['name']})" if source.plugin.get("name") else ""
        raise RenderError(f"plugins of Argo CD{name} are not supported", Place(source.path, field="spec.source.plugin"))
    if source.ref and not source.path and not source.chart:
        return []
    path = _folder(tree, source)
    match source_type(tree, source):
        case "Kustomize":
            return build(tree, path, settings, given.answers, Edits(source.kustomize, given.variables))
        case "Helm":
            return render_chart(tree, path, source.helm or HelmOptions(), settings, given)
        case _:
            return render_folder(tree, path, source.directory or DirectoryOptions(), settings, given)


def source_type(tree: Tree, source: Source) -> str:
    """Kustomize, Helm or Directory: Argo CD's words."""
    path = _path(source)
    if source.kustomize is not None or (_is_open(source) and _has(tree, path, FILE_NAMES)):
        return "Kustomize"
    if source.chart or source.helm is not None or (_is_open(source) and _has(tree, path, (CHART,))):
        return "Helm"
    return "Directory"


def _is_open(source: Source) -> bool:
    """Whether its files are to say what it is."""
    return source.directory is None and source.helm is None and not source.chart


def _path(source: Source) -> str:
    path = posixpath.normpath(source.path).strip("/") if source.path else ""
    return "" if path == "." else path


def _folder(tree: Tree, source: Source) -> str:
    path = _path(source)
    entry = None if path.startswith("..") else tree.entry(path)
    if entry is None:
        raise RenderError("does not exist", Place(source.path, field="spec.source.path"))
    if entry.kind != "dir":
        raise RenderError("is a file, not a folder", Place(source.path, field="spec.source.path"))
    return path


def _has(tree: Tree, path: str, names: tuple[str, ...]) -> bool:
    return any((entry := tree.entry(posixpath.join(path, name))) and entry.kind == "file" for name in names)

"""The front door of the engine: one source of an application, from its folder to its objects."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import TYPE_CHECKING

from gitopsd.model.app import DirectoryOptions, Source
from gitopsd.model.errors import Place, RenderError
from gitopsd.render.folder import render_folder
from gitopsd.render.kustomize.build import Edits, build
from gitopsd.render.kustomize.loading import FILE_NAMES

if TYPE_CHECKING:
    from gitopsd.model.refs import Object
    from gitopsd.model.tree import Tree
    from gitopsd.render.kustomize.settings import BuildSettings
    from gitopsd.render.needs import Answers


def render_source(
    tree: Tree, source: Source, settings: BuildSettings, variables: Mapping[str, str], answers: Answers
) -> list[Object]:
    """The objects of a source, in order. What it is shows in its options or, as in Argo CD, in the files of its folder.

    A source that is only there to be referred to (`ref` without `path`) has none. `variables` are what its options may refer to
    (`ARGOCD_APP_NAME`). Raises Needs for what `answers` lacks, RenderError otherwise.
    """
    _refuse_unsupported(source)
    if source.ref and not source.path:
        return []
    path = _folder(tree, source)
    if source.kustomize is not None or (source.directory is None and _has(tree, path, FILE_NAMES)):
        edits = Edits(source.kustomize, variables) if source.kustomize is not None else None
        return build(tree, path, settings, answers, edits)
    if source.directory is None and _has(tree, path, ("Chart.yaml",)):
        raise RenderError("Helm charts are not supported yet", Place(posixpath.join(path, "Chart.yaml")))
    return render_folder(tree, path, source.directory or DirectoryOptions(), settings)


def _refuse_unsupported(source: Source) -> None:
    if source.chart or source.helm is not None:
        raise RenderError("Helm charts are not supported yet", Place(source.path or source.chart, field="spec.source.helm"))
    if source.plugin is not None:
        raise RenderError("plugins of Argo CD are not supported", Place(source.path, field="spec.source.plugin"))


def _folder(tree: Tree, source: Source) -> str:
    path = posixpath.normpath(source.path).strip("/") if source.path else ""
    path = "" if path == "." else path
    entry = None if path.startswith("..") else tree.entry(path)
    if entry is None:
        raise RenderError("does not exist", Place(source.path, field="spec.source.path"))
    if entry.kind != "dir":
        raise RenderError("is a file, not a folder", Place(source.path, field="spec.source.path"))
    return path


def _has(tree: Tree, path: str, names: tuple[str, ...]) -> bool:
    return any((entry := tree.entry(posixpath.join(path, name))) and entry.kind == "file" for name in names)

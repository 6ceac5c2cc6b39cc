"""Plain folders of manifests: `source.directory` of an Application, and what a folder is where nothing says otherwise."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from gitopsd.formats.glob import glob
from gitopsd.formats.scalars import Dialect
from gitopsd.formats.yamlread import load_documents
from gitopsd.model.app import JsonnetOptions
from gitopsd.model.errors import LimitError, Place, RenderError
from gitopsd.render.given import Given
from gitopsd.render.jsonnet import evaluate
from gitopsd.render.kustomize.documents import objects_in

if TYPE_CHECKING:
    from gitopsd.model.app import DirectoryOptions
    from gitopsd.model.refs import Object
    from gitopsd.model.tree import Tree
    from gitopsd.render.kustomize.settings import BuildSettings

_JSONNET = ".jsonnet"
_MANIFEST = re.compile(r"\.(?:ya?ml|json|jsonnet)$")
_NOTHING = Given()
_SKIP = b"+argocd:skip-file-rendering"
"""Argo CD's mark, anywhere in a file, for one that looks like a manifest and is none."""


def render_folder(
    tree: Tree, path: str, options: DirectoryOptions, settings: BuildSettings, given: Given = _NOTHING
) -> list[Object]:
    """The objects in the manifests (`.yaml`, `.yml`, `.json`, `.jsonnet`) in the folder `path`, in order of their names.

    With `recurse` those of folders below it follow. `include` and `exclude` are globs over paths from the folder, in which `*`
    matches slashes too, as in Argo CD; what both match is excluded. Raises RenderError that names the file.
    """
    objects: list[Object] = []
    for file in _manifests(tree, path, options, settings.limits.files):
        if file.endswith(_JSONNET):
            objects += evaluate(tree, file, options.jsonnet or JsonnetOptions(), given)
            continue
        found = _objects(tree, file, settings)
        if settings.trace is not None and found:
            settings.trace.listed(file, tree.read(file), found)
        objects += found
        if len(objects) > settings.limits.objects:
            raise LimitError(f"holds more than {settings.limits.objects} objects", Place(path), "objects")
    return objects


def _manifests(tree: Tree, path: str, options: DirectoryOptions, limit: int) -> Iterator[str]:
    found = 0
    for file in _files(tree, path, options.recurse, ()):
        relative = file.removeprefix(f"{path}/")
        if _MANIFEST.search(file) and _is_wanted(relative, options):
            found += 1
            if found > limit:
                raise LimitError(f"holds more than {limit} files", Place(path), "files")
            yield file


def _files(tree: Tree, path: str, recurse: bool, above: tuple[str, ...]) -> Iterator[str]:  # noqa: FBT001 - the option's own type
    """The files in a folder, then those below it. A folder in which a link leads back to itself is not entered again."""
    folders = []
    for name in tree.list(path):
        full = posixpath.join(path, name)
        entry = tree.entry(full) if recurse or _MANIFEST.search(name) else None
        if entry is not None and entry.kind == "file":
            yield full
        elif entry is not None and recurse and entry.oid not in above:
            folders.append((full, entry.oid))
    for full, oid in folders:
        yield from _files(tree, full, recurse, (*above, oid))


def _is_wanted(path: str, options: DirectoryOptions) -> bool:
    if options.exclude and _glob(options.exclude).fullmatch(path):
        return False
    return not options.include or _glob(options.include).fullmatch(path) is not None


def _glob(pattern: str) -> re.Pattern[str]:
    try:
        return glob(pattern)
    except ValueError as error:
        raise RenderError(str(error), Place("", field="spec.source.directory")) from None


def _objects(tree: Tree, file: str, settings: BuildSettings) -> list[Object]:
    data = tree.read(file)
    if _SKIP in data:
        return []
    entry = tree.entry(file)
    oid = entry.oid if entry else ""
    try:
        load = partial(load_documents, data, file, Dialect.KUBECTL, settings.limits.yaml)
        return settings.cache.get((oid, "folder"), len(data), lambda: objects_in(load()))
    except RenderError as error:
        if error.place:
            raise
        raise RenderError(error.message, Place(file)) from error

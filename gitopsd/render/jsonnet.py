"""Jsonnet files of plain folders, evaluated by jrsonnet: every import is a look into the tree, nothing else is read or run."""

from __future__ import annotations

import json
import posixpath
import re
from typing import TYPE_CHECKING, Any

import rjsonnet

from gitopsd.model.errors import Place, RenderError
from gitopsd.render.kustomize.documents import objects_in

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gitopsd.model.app import JsonnetOptions, JsonnetVar
    from gitopsd.model.refs import Object
    from gitopsd.model.tree import Tree
    from gitopsd.render.given import Given

FIELD = "spec.source.directory.jsonnet"
_ROOT = "/tree/"
"""What paths begin with inside of the evaluator, where relative ones would mean the disk's."""
_PLACE = re.compile(rf"{_ROOT}(\S+?):(\d+):(\d+)")
_STACK = 200
"""Calls inside each other: what Argo CD's evaluator allows is 500, but a deep one must not overflow ours."""


def evaluate(tree: Tree, file: str, options: JsonnetOptions, given: Given) -> list[Object]:
    """The objects that a Jsonnet file gives: one, or a list of them. Raises RenderError with the place that Jsonnet names.

    Imports are relative to the importing file, then to the folder of `file`, then to `libs` (paths from the root of the tree).
    """
    search = (posixpath.dirname(file), *(library.strip("/") for library in options.libs))

    def find(folder: str, name: str) -> tuple[str, str]:
        inner = folder.removeprefix(_ROOT[:-1]).lstrip("/") if folder.startswith(_ROOT[:-1]) else ""
        places = (name.removeprefix(_ROOT),) if name.startswith(_ROOT) else _candidates(name, (inner, *search))
        for path in places:
            entry = tree.entry(path)
            if entry is not None and entry.kind == "file":
                return _ROOT + path, tree.read(path).decode()
        raise FileNotFoundError(f"{name} does not exist in the repository")

    try:
        text = rjsonnet.evaluate_snippet(
            "<gitopsd>",
            f"import '{_ROOT}{_quoted(file)}'",
            import_callback=find,
            max_stack=_STACK,
            ext_vars=_variables(options.ext_vars, given, code=False),
            ext_codes=_variables(options.ext_vars, given, code=True),
            tla_vars=_variables(options.tlas, given, code=False),
            tla_codes=_variables(options.tlas, given, code=True),
        )
    except RuntimeError as error:
        raise _error(str(error), file) from None
    found: Any = json.loads(text)
    try:
        return objects_in(found if isinstance(found, list) else [found])
    except RenderError as error:
        raise RenderError(error.message, Place(file)) from None


def _candidates(name: str, folders: Iterable[str]) -> list[str]:
    joined = (posixpath.normpath(posixpath.join(folder, name)) for folder in folders)
    return [path for path in joined if not path.startswith(("..", "/"))]


def _quoted(path: str) -> str:
    return path.replace("\\", "\\\\").replace("'", "\\'")


def _variables(given_by: Iterable[JsonnetVar], given: Given, *, code: bool) -> dict[str, str]:
    return {variable.name: given.expanded(variable.value) for variable in given_by if variable.code is code}


def _error(text: str, file: str) -> RenderError:
    """The evaluator's first line, at the first place that it names; what follows is its stack."""
    message = text.partition("\n")[0].replace(_ROOT, "").removeprefix("runtime error: ")
    match = _PLACE.search(text)
    return RenderError(message, Place(match[1], int(match[2]), int(match[3])) if match else Place(file))

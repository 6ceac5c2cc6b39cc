"""Replacements that stand in files of their own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from gitopsd.formats.scalars import Dialect
from gitopsd.model.errors import Place, RenderError
from gitopsd.render.kustomize.api import Replacement
from gitopsd.render.kustomize.decode import decode

if TYPE_CHECKING:
    from gitopsd.render.kustomize.loading import Root


def read_replacements(entries: Iterable[Replacement], root: Root) -> tuple[Replacement, ...]:
    """All replacements, those of files in the place of the entries that name them. Raises RenderError."""
    return tuple(replacement for entry in entries for replacement in _read(entry, root))


def _read(entry: Replacement, root: Root) -> Iterator[Replacement]:
    if not entry.path:
        yield entry
        return
    if entry.source is not None or entry.targets:
        raise RenderError(f"cannot specify both path and inline replacement (path: {entry.path})")
    file = root.read(entry.path)
    for document in root.documents(file, Dialect.KUSTOMIZATION)[:1]:
        if not isinstance(document, (dict, list)):
            raise RenderError("unsupported replacement type: a replacement or a list of them is needed", Place(file.path))
        for one in document if isinstance(document, list) else [document]:
            yield decode(Replacement, one, strict=False)

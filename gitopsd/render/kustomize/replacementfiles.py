"""Replacements as a kustomization gives them: inline, or in files of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from gitopsd.formats.scalars import Dialect
from gitopsd.model.errors import Place, RenderError
from gitopsd.render.kustomize.api import Replacement
from gitopsd.render.kustomize.decode import Reading, decode
from gitopsd.render.kustomize.errors import FieldError
from gitopsd.render.kustomize.kustomization import fields_of
from gitopsd.render.kustomize.transformers.replacement import Entry, ReplacementTransformer

if TYPE_CHECKING:
    from gitopsd.render.kustomize.loading import Root
    from gitopsd.render.kustomize.transformers.base import Transformer


def replacements_step(replacements: Iterable[Replacement], root: Root) -> Callable[[], Transformer]:
    """Sets up `replacements`."""
    return lambda: ReplacementTransformer(read_replacements(replacements, root))


def read_replacements(replacements: Iterable[Replacement], root: Root) -> tuple[Entry, ...]:
    """All replacements, those of files in the place of the entries that name them. Raises RenderError."""
    return tuple(entry for index, one in enumerate(replacements) for entry in _read(one, f"replacements[{index}]", root))


def _read(one: Replacement, field: str, root: Root) -> Iterator[Entry]:
    if not one.path:
        yield Entry(one, field)
        return
    if one.source is not None or one.targets:
        raise FieldError(f"cannot specify both path and inline replacement (path: {one.path})", field)
    file = root.read(one.path)
    document = next(iter(root.documents(file, Dialect.KUSTOMIZATION)), None)
    if not isinstance(document, (dict, list)):
        raise RenderError("unsupported replacement type: a replacement or a list of them is needed", Place(file.path))
    several = isinstance(document, list)
    for position, written in enumerate(document if several else [document]):
        with fields_of(file, root):
            replacement = decode(Replacement, written, Reading.LOOSE, f"[{position}]" if several else "")
        yield Entry(replacement, field, position)

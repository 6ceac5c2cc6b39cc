r"""Replacements inside texts that hold JSON or YAML: `data.config\.json.server.port` leads into a ConfigMap's file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from gitopsd.formats.scalars import Dialect, plain
from gitopsd.formats.yamlread import load_documents
from gitopsd.formats.yamlwrite import dump
from gitopsd.model.errors import LimitError, RenderError
from gitopsd.render.kustomize.fieldpath import Json, Update, lookup

if TYPE_CHECKING:
    from collections.abc import Callable


class MismatchError(RenderError):
    """A text that is no value of the type that a field has."""


def write(obj: Json, parts: tuple[str, ...], edit: Callable[[Json], Json], *, create: bool) -> Json:
    """The object with the field changed inside a text that the path leads into; None if it leads into none."""
    for depth in range(1, len(parts)):
        if "*" in parts[:depth]:
            return None
        try:
            text = lookup(obj, parts[:depth])
        except RenderError:
            return None
        if isinstance(text, str) and (document := _parse(text)) is not None:
            return _write_inside(obj, parts, depth, (text, document), edit, create=create)
    return None


def _parse(text: str) -> Any:
    try:
        documents = load_documents(text.encode(), "", Dialect.RESOURCE)
    except RenderError:
        return None
    return documents[0] if documents and isinstance(documents[0], (dict, list)) else None


def _write_inside(
    obj: Json, parts: tuple[str, ...], depth: int, content: tuple[str, Any], edit: Callable[[Json], Json], *, create: bool
) -> Json:
    text, document = content
    inner = Update(edit, create=create)
    try:
        new = inner.apply(document, parts[depth:])
    except LimitError:
        raise
    except MismatchError:
        if _is_json(text):
            return obj  # kustomize leaves JSON as it is where a text doesn't fit
        raise  # and writes YAML that nothing can read: `port: !!int new`
    except RenderError:
        return None
    if not inner.found:
        return None
    outer = Update(lambda _old: _serialise(new, text, document), create=False)
    return outer.apply(obj, parts[:depth])


def _serialise(value: Json, like: str, old: Json) -> str:
    """The value as text: JSON where the old text was JSON, indented if that was, YAML otherwise."""
    if _is_json(like):
        if "\n" in like and "  " in like:
            return json.dumps(plain(value), indent=2, sort_keys=True, ensure_ascii=False)
        return json.dumps(plain(value), separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    from gitopsd.render.kustomize.roundtrip import rewrite  # noqa: PLC0415 - few texts are rewritten

    return rewrite(like, old, value) or dump([value]).rstrip("\n")


def _is_json(text: str) -> bool:
    return text.lstrip()[:1] in {"{", "["}

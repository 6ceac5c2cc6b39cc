r"""Replacements inside texts that hold JSON or YAML: `data.config\.json.server.port` leads into a ConfigMap's file."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from gitopsd.formats.scalars import Dialect, plain
from gitopsd.formats.yamlread import Marked, Position, load_documents, load_marked
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
    outer = Update(lambda _old: _serialise(new, text), create=False)
    return outer.apply(obj, parts[:depth])


def _serialise(value: Json, like: str) -> str:
    """The value as text: JSON where the old text was JSON, indented if that was, YAML otherwise."""
    if _is_json(like):
        if "\n" in like and "  " in like:
            return json.dumps(plain(value), indent=2, sort_keys=True, ensure_ascii=False)
        return json.dumps(plain(value), separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    return _splice(like, value) or dump([value]).rstrip("\n")


def _is_json(text: str) -> bool:
    return text.lstrip()[:1] in {"{", "["}


def _splice(text: str, new: Json) -> str | None:
    """YAML with only the changed scalars written anew, its comments and style kept; None where more than scalars changed."""
    marked = load_marked(text.encode(), "", Dialect.RESOURCE)
    changed: list[tuple[Position, Json]] = []
    if not _changed_scalars(marked, marked.documents[0], new, changed):
        return None
    lines = text.split("\n")
    for (number, column), value in changed:
        line = lines[number - 1]
        found = _FIELD.fullmatch(line, column - 1)
        if found is None:
            return None
        written = _in_style(value, found["value"][:1])
        lines[number - 1] = line[: found.start("value")] + written + (f" {found['comment']}" if found["comment"] else "")
    return "\n".join(lines).rstrip("\n")


def _in_style(value: Json, quote: str) -> str:
    """A scalar with the quotes of the one it replaces."""
    if isinstance(value, str) and quote == '"':
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, str) and quote == "'":
        return "'" + value.replace("'", "''") + "'"
    return dump([value]).rstrip("\n")


_FIELD = re.compile(
    r"""(?:"(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\s"'#][^"'#]*?):[ ]+
        (?P<value>"(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\s"'#|>&*!{\[][^#]*?)[ ]*(?P<comment>\#.*)?""",
    re.VERBOSE,
)
"""One field of a block mapping whose value is a scalar on the same line."""


def _changed_scalars(marked: Marked, old: Json, new: Json, changed: list[tuple[Position, Json]]) -> bool:
    """Collects the fields whose scalars differ; whether nothing else does."""
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return all(one == other or _changed_scalars(marked, one, other, changed) for one, other in zip(old, new, strict=True))
    if not isinstance(old, dict) or not isinstance(new, dict) or old.keys() != new.keys():
        return bool(old == new)
    for key, value in new.items():
        before = old[key]
        if isinstance(value, (dict, list)) or isinstance(before, (dict, list)):
            if before != value and not _changed_scalars(marked, before, value, changed):
                return False
        elif before != value:
            position = marked.position(old, key)
            if position is None:
                return False
            changed.append((position, value))
    return True

"""Changes in a YAML text that keep its comments and the spelling of what stays, laid out as kustomize lays them out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import StringIO
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedBase
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.resolver import VersionedResolver
from ruamel.yaml.scalarstring import (
    DoubleQuotedScalarString,
    FoldedScalarString,
    LiteralScalarString,
    ScalarString,
    SingleQuotedScalarString,
)
from ruamel.yaml.tag import Tag
from ruamel.yaml.tokens import CommentToken

from gitopsd.formats.yamlwrite import dump

Json = Any

_TEXT = Tag(suffix="tag:yaml.org,2002:str")
_STYLES = {'"': DoubleQuotedScalarString, "'": SingleQuotedScalarString, "|": LiteralScalarString}
_BLANK_LINES = re.compile(r"\n[ \t]*(?=\n)")


class _Verbatim(VersionedResolver):
    """Plain scalars are text, so that each is written as it was read."""

    def resolve(self, kind: Any, value: Any, implicit: Any) -> Any:
        """The tag of a node."""
        return _TEXT if kind is ScalarNode else super().resolve(kind, value, implicit)


def rewrite(text: str, old: Json, new: Json) -> str | None:
    """`text`, which says `old`, so that it says `new`; None where it nests too deep or a key is spelled otherwise than read."""
    try:
        return _rewrite(text, old, new)
    except (YAMLError, RecursionError):  # ruamel takes several frames for each level
        return None


def _rewrite(text: str, old: Json, new: Json) -> str | None:
    yaml = YAML()
    yaml.Resolver = _Verbatim
    yaml.preserve_quotes = True
    yaml.width = 1 << 30  # kustomize breaks no lines
    document = yaml.load(text)
    if not _carry(document, old, new):
        return None
    _lay_out(document)
    written = StringIO()
    yaml.dump(document, written)
    return written.getvalue().rstrip("\n")


def _carry(node: Any, old: Json, new: Json) -> bool:
    """Brings into the node of `old` what `new` has otherwise, or more; whether each place of it was found."""
    for place in range(len(new)) if isinstance(new, list) else new:
        there = place < len(old) if isinstance(new, list) else place in old
        if not there:
            _add(node, place, _spelled(new[place]))
        elif old[place] == new[place]:
            continue
        elif isinstance(node, dict) and place not in node:
            return False
        elif isinstance(new[place], (dict, list)) and type(old[place]) is type(new[place]):
            if not _carry(node[place], old[place], new[place]):
                return False
        else:
            node[place] = _spelled(new[place], node[place])
    return True


def _add(node: Any, place: str | int, value: Any) -> None:
    if isinstance(node, list):
        node.append(value)
    else:
        node[place] = value


def _spelled(value: Json, before: Any = None) -> Any:
    """A value for the document, in the style of a scalar that it replaces; plain scalars are texts there."""
    if isinstance(value, dict):
        return {key: _spelled(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_spelled(inner) for inner in value]
    if isinstance(value, str) and isinstance(before, ScalarString):
        return type(before)(value)
    text = dump([value]).rstrip("\n")
    style = _STYLES.get(text[:1]) if isinstance(value, str) else None
    return style(value) if style else text


def _lay_out(node: Any) -> None:
    """One space before a comment, no blank lines, and folded text in one line."""
    if isinstance(node, CommentedBase):
        for comment in _comments([node.ca.comment, list(node.ca.items.values()), node.ca.end]):
            comment.value = _BLANK_LINES.sub("", comment.value)
            comment.column = 0
    for place in range(len(node)) if isinstance(node, list) else list(node) if isinstance(node, dict) else ():
        if isinstance(node[place], FoldedScalarString):
            node[place] = FoldedScalarString(node[place])
        _lay_out(node[place])


def _comments(found: Any) -> Iterator[CommentToken]:
    if isinstance(found, CommentToken):
        yield found
    elif isinstance(found, list):
        for inner in found:
            yield from _comments(inner)

"""Globs as Argo CD reads them (github.com/gobwas/glob): `*`, `**`, `?`, `[a-z]`, `[!a-z]`, `{one,other}`, and escapes."""

from __future__ import annotations

import re
from functools import lru_cache

from gitopsd.formats.regexp import compiled
from gitopsd.model.errors import RenderError

_PARTS = re.compile(r"\\.|\*+|\?|\[!?[^\]]+\]|[{},]|[^\\*?\[{},]+|.", re.DOTALL)


@lru_cache(maxsize=4096)
def glob(pattern: str, separator: str = "") -> re.Pattern[str]:
    """A regular expression to be matched against all of a text.

    With a `separator`, `*` and `?` stop at it and only `**` does not. Raises ValueError for what is no glob.
    """
    inside = f"[^{re.escape(separator)}]" if separator else "."
    translated, depth = "", 0
    for part in _PARTS.findall(pattern):
        depth += {"{": 1, "}": -1}.get(part, 0)
        if depth < 0:
            raise ValueError(f"the glob {pattern!r} closes a brace that it never opened")
        translated += _translated(part, inside, in_braces=depth > 0)
    try:
        return compiled(f"(?s){translated}")
    except RenderError:
        raise ValueError(f"the glob {pattern!r} can't be read") from None


def _translated(part: str, inside: str, *, in_braces: bool) -> str:
    if part in ("{", "}", ","):
        return {"{": "(?:", "}": ")", ",": "|" if in_braces else ","}[part]
    if part.startswith("*"):
        return f"{inside}*" if part == "*" else ".*"
    if part == "?":
        return inside
    if part.startswith("[") and part.endswith("]"):
        negated = part[1] == "!"
        members = re.escape(part[1 + negated : -1]).replace(r"\-", "-")
        return f"[{'^' * negated}{members}]"
    return re.escape(part[1:] if part.startswith("\\") and len(part) > 1 else part)

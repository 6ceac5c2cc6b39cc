"""Regular expressions of strangers: in Go's syntax, and in time that grows with the text alone.

kustomize takes patterns for targets and for items of lists, and a repository may hold any. Python's own engine would need years
for some (`(a+)+$`), and reads others than Go does. RE2 is the engine that Go's follows. It is loaded with the first pattern that
is not literal.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from gitopsd.model.errors import RenderError

_LITERAL = re.compile(r"[\w-]*")
_MEMORY = 4 << 20
"""Bytes that one compiled pattern may take; larger ones are refused."""


def is_literal(pattern: str) -> bool:
    """Whether a pattern has no special character, so that it matches itself only."""
    return _LITERAL.fullmatch(pattern) is not None


@lru_cache(maxsize=1024)
def whole(pattern: str) -> Callable[[str], bool]:
    """Whether a text as a whole matches. Raises RenderError for what is no pattern, or too large a one."""
    if is_literal(pattern):
        return pattern.__eq__
    expression = compiled(pattern)
    return lambda text: expression.fullmatch(_encodable(text)) is not None


@lru_cache(maxsize=1024)
def anywhere(pattern: str) -> Callable[[str], bool]:
    """Whether some part of a text matches. Raises RenderError as `whole` does."""
    if is_literal(pattern):
        return lambda text: pattern in text
    expression = compiled(pattern)
    return lambda text: expression.search(_encodable(text)) is not None


def compiled(pattern: str) -> re.Pattern[str]:
    """The pattern, with the methods of Python's own. Raises RenderError as `whole` does."""
    import re2  # noqa: PLC0415 - it takes as long to load as a small build takes

    options = re2.Options()
    options.log_errors, options.max_mem = False, _MEMORY
    try:
        expression: re.Pattern[str] = re2.compile(_encodable(pattern), options)
    except re2.error as error:
        reason = error.args[0].decode(errors="replace") if error.args and isinstance(error.args[0], bytes) else str(error)
        raise RenderError(f"{pattern!r} is not a regular expression: {reason}") from None
    return expression


def _encodable(text: str) -> str:
    r"""Without the halves of characters that JSON may spell (`\\ud800`): RE2 reads UTF-8."""
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")

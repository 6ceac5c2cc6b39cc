"""Quotes: kustomize overwrites a scalar in its style, so a text without them may come to mean a number or a word."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from gitopsd.formats.scalars import RULES, Dialect, ScalarError, SpelledStr
from gitopsd.model.errors import RenderError

if TYPE_CHECKING:
    from gitopsd.formats.scalars import Scalar

_NEVER_PLAIN = re.compile(r"""\s|[-?:]\s|[][{}!&*#|>@`"'%,]|.*(?:\n|\s$|\s#|:\s|:$)""", re.DOTALL)


def was_quoted(value: Any) -> bool:
    """Whether a string must have been quoted in its file, since unquoted it would read as something else.

    Strings that need no quotes but had them are not told apart.
    """
    if not isinstance(value, str) or isinstance(value, SpelledStr):
        return False
    try:
        unquoted = RULES[Dialect.RESOURCE].values[value]
    except ScalarError:
        return True
    return type(unquoted) is not str or _NEVER_PLAIN.match(value) is not None


def overwrite(old: Any, text: str) -> Scalar:
    """What `text` is in the place of `old`: what had no quotes has none afterwards.

    Raises RenderError where JSON has no such value.
    """
    if was_quoted(old):
        return text
    try:
        return RULES[Dialect.RESOURCE].values[text]
    except ScalarError as error:
        raise RenderError(str(error)) from error

"""CEL, the language of users' own rules: an expression sees one object, ends, and changes nothing.

The language has no loops but its macros over lists (`all`, `exists`, `map`, ...), no input or output, and no clock. What is left
to bound are sizes: of the expression, of macros inside each other, and of the object (`shown`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any

from gitopsd.health.evidence import mapping
from gitopsd.model.refs import Object

if TYPE_CHECKING:
    from cel import Program

MAX_EXPRESSION = 4096
"""Characters."""
MAX_NESTED = 2
"""Macros over lists inside each other: each multiplies the work by the length of a list."""
MAX_ENTRIES = 200
"""Entries of a list or mapping, and levels inside each other times ten, that an expression is shown."""

_PARTS = ("metadata", "spec", "status", "data")
VARIABLES = ("object", "apiVersion", "kind", *_PARTS)
"""What an expression may name: the object, and as in Flux's `healthCheckExprs` its parts by themselves."""

_TEXT = re.compile(r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*\"""")
_MACRO = re.compile(r"\.\s*(?:all|exists|exists_one|existsOne|filter|map)\s*\(\s*(\w+)\s*,")
_BRACKET = re.compile(rf"{_MACRO.pattern}|[()]")
_SYNTAX = re.compile(r"ERROR: <input>:(\d+):(\d+): (.*)")


def check(expression: str) -> None:
    """Raises ValueError, in words that follow the name of the field, where an expression could never be used."""
    if len(expression) > MAX_EXPRESSION:
        raise ValueError(f"has more than {MAX_EXPRESSION} characters")
    bare = _TEXT.sub("''", expression)
    if _nested(bare) > MAX_NESTED:
        raise ValueError(f"has more than {MAX_NESTED} macros over lists inside each other")
    bound = {found[1] for found in _MACRO.finditer(bare)}
    if unknown := sorted(set(_program(expression).variables()) - bound - set(VARIABLES)):
        raise ValueError(f"names {unknown[0]}; there is {', '.join(VARIABLES)}")


def evaluate(expression: str, variables: Mapping[str, Any]) -> Any:
    """The expression's value. Raises ValueError, with the reason, where it has none: a field is missing, types don't fit."""
    try:
        return _program(expression).execute(dict(variables))
    except KeyError as error:
        raise ValueError(f"there is no {error.args[0]}") from None
    except (ArithmeticError, IndexError, RuntimeError, TypeError) as error:
        raise ValueError(str(error).partition("\n")[0][:200]) from None


def shown(obj: Object) -> dict[str, Any]:
    """The variables of an expression about `obj`. Parts that it lacks are empty, and long lists are cut."""
    seen = _cut({name: value for name, value in obj.items() if name != "metadata"}, MAX_ENTRIES // 10)
    metadata = mapping(obj.get("metadata"))
    seen["metadata"] = _cut({name: value for name, value in metadata.items() if name != "managedFields"}, MAX_ENTRIES // 10)
    names = {name: str(seen.get(name, "")) for name in ("apiVersion", "kind")}
    return {"object": seen, **names, **{name: seen.get(name) or {} for name in _PARTS}}


def _cut(value: Any, depth: int) -> Any:
    if depth == 0:
        return None
    if isinstance(value, dict):
        return {name: _cut(inner, depth - 1) for name, inner in islice(value.items(), MAX_ENTRIES)}
    if isinstance(value, list):
        return [_cut(inner, depth - 1) for inner in islice(value, MAX_ENTRIES)]
    return value


@lru_cache(maxsize=1024)
def _program(expression: str) -> Program:
    from cel import compile as compiled  # noqa: PLC0415 - it loads a command line of its own, which takes 0.2 s

    try:
        return compiled(expression)
    except ValueError as error:
        where = _SYNTAX.search(str(error))
        reason = f"line {where[1]}, character {where[2]}: {where[3]}" if where else "it can't be read"
        raise ValueError(f"is no CEL expression: {reason[:200]}") from None


def _nested(expression: str) -> int:
    """How many macros over lists stand inside each other, at most."""
    most, open_brackets = 0, [False]
    for found in _BRACKET.finditer(expression):
        if found[0] == ")":
            open_brackets = open_brackets[:-1] or [False]
        else:
            open_brackets.append(found[1] is not None)
            most = max(most, sum(open_brackets))
    return most

"""The part of jq that names fields, as `ignoreDifferences[].jqPathExpressions` has it: what jq's `del(...)` would take.

    .spec.template.spec.containers[] | select(.name == "app") | .image, .env[0]

Paths, pipes, `select`, `if`, comparisons and the functions of `jqfunctions` are read; definitions, variables, slices, regular
expressions and everything that makes new values are not, so an expression always ends, and MAX_STEPS bounds its work. Where jq
would stop with an error (a name asked of a number, an absent list iterated), nothing is named.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from gitopsd.formats.jqfunctions import (
    FUNCTIONS,
    NOT_READ,
    Budget,
    Expression,
    Spot,
    alternative,
    array,
    comma,
    compared,
    field,
    identity,
    items,
    literal,
    logical,
    pipe,
    recurse,
    when,
)
from gitopsd.model.errors import GitopsdError

Place = tuple[str | int, ...]
"""Where a field stands in an object: keys and indexes."""

MAX_LENGTH = 4000
"""Characters of an expression."""
MAX_DEPTH = 40
"""How deep its parts may nest."""
MAX_STEPS = 20_000
"""Fields that one expression may look at in one object: some hundredths of a second, and far more than any that is meant well."""

_TOKEN = re.compile(
    r"\s*(?:(?P<string>\"(?:[^\"\\]|\\.)*\")|(?P<number>\d+(?:\.\d+)?)|(?P<name>\.?[A-Za-z_]\w*)"
    r"|(?P<mark>\.\.|//|==|!=|<=|>=|[|,()\[\]:?.<>;-])|(?P<end>$))"
)
_COMPARISONS = ("==", "!=", "<=", ">=", "<", ">")
_CONSTANTS = {"true": True, "false": False, "null": None}


class JqError(GitopsdError):
    """An expression that is none, that names no fields, or that asks for too much; says which part of it."""


def places(expression: str, value: Any) -> frozenset[Place]:
    """Where the fields stand that `expression` names in `value`; only those that are there. Raises JqError."""
    budget = Budget(MAX_STEPS)
    found: set[Place] = set()
    try:
        for spot in compiled(expression)(Spot((), value), budget):
            if spot.path is None:
                raise JqError("gives values, but names no field: only paths can be ignored")
            if spot.there:
                found.add(spot.path)
    except Budget.SpentError:
        raise JqError(f"looks at more than {MAX_STEPS} fields of one object: make it narrower") from None
    return frozenset(found)


@lru_cache(maxsize=1024)
def compiled(expression: str) -> Expression:
    """The expression, ready to be asked. Raises JqError where it is none."""
    if len(expression) > MAX_LENGTH:
        raise JqError(f"has more than {MAX_LENGTH} characters")
    parser = _Parser(tuple(_tokens(expression)))
    read = parser.pipe()
    if parser.next[0] != "end":
        raise JqError(f'"{parser.next[1]}" can\'t stand where it does')
    return read


Token = tuple[str, str]


def _tokens(text: str) -> Iterator[Token]:
    position = 0
    while match := _TOKEN.match(text, position):
        kind = str(match.lastgroup)
        yield kind, match[kind]
        if kind == "end":
            return
        position = match.end()
    raise JqError(f'"{text[position:].strip()[:20]}" is no part of jq that is read here')


class _Parser:
    """Reads tokens by jq's precedence: `|`, then `,`, `//`, `or`, `and`, comparisons, and terms."""

    def __init__(self, tokens: tuple[Token, ...]) -> None:
        self._tokens = iter(tokens)
        self.next = next(self._tokens)
        self._depth = 0

    def pipe(self) -> Expression:
        """All of an expression, or what stands in brackets."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise JqError(f"nests deeper than {MAX_DEPTH}")
        read = self._comma()
        while self._takes("|"):
            read = pipe(read, self._comma())
        self._depth -= 1
        return read

    def _comma(self) -> Expression:
        read = self._alternative()
        while self._takes(","):
            read = comma(read, self._alternative())
        return read

    def _alternative(self) -> Expression:
        read = self._or()
        while self._takes("//"):
            read = alternative(read, self._or())
        return read

    def _or(self) -> Expression:
        read = self._and()
        while self._takes("or"):
            read = logical(read, self._and(), decides=True)
        return read

    def _and(self) -> Expression:
        read = self._comparison()
        while self._takes("and"):
            read = logical(read, self._comparison(), decides=False)
        return read

    def _comparison(self) -> Expression:
        left = self._term()
        for operator in _COMPARISONS:
            if self._takes(operator):
                return compared(operator, left, self._term())
        return left

    def _term(self) -> Expression:
        read = self._primary()
        while True:
            if self.next[0] == "name" and self.next[1].startswith("."):
                read = pipe(read, field(self._advance()[1:]))
            elif self._takes("["):
                read = pipe(read, self._bracket())
            elif self._takes("."):
                read = pipe(read, self._after_dot())
            elif not self._takes("?"):  # nothing ever fails, so there is nothing to be optional
                return read

    def _after_dot(self) -> Expression:
        if self.next[0] == "string":
            return field(self._string())
        self._expect("[")
        return self._bracket()

    def _bracket(self) -> Expression:
        """What stands after `[`: a name, an index, or nothing for all items."""
        if self._takes("]"):
            return items
        read = field(self._string()) if self.next[0] == "string" else field(self._index())
        self._expect("]")
        return read

    def _primary(self) -> Expression:
        kind, text = self.next
        if kind == "string":
            return literal(self._string())
        if kind == "number" or text == "-":
            return literal(self._number())
        if kind == "name":
            return self._named(self._advance())
        self._advance()
        return self._marked(text)

    def _marked(self, text: str) -> Expression:
        if text == "(":
            return self._closed(")")
        if text == "[":
            return array(None) if self._takes("]") else array(self._closed("]"))
        if text == "..":
            return recurse
        if text == ".":
            return self._after_dot() if self.next[0] == "string" or self.next[1] == "[" else identity
        raise JqError(f'"{text}" can\'t stand where it does' if text else "ends too early")

    def _named(self, name: str) -> Expression:
        if name.startswith("."):
            return field(name[1:])
        if name in _CONSTANTS:
            return literal(_CONSTANTS[name])
        if name == "if":
            return self._condition()
        arguments = [self.pipe()] if self._takes("(") else []
        while arguments and self._takes(";"):
            arguments.append(self.pipe())
        if arguments:
            self._expect(")")
        make = FUNCTIONS.get((name, len(arguments)))
        if make is None:
            raise JqError(f"{name} is not read here" + (f": {NOT_READ[name]}" if name in NOT_READ else ""))
        return make(*arguments)

    def _condition(self) -> Expression:
        test = self.pipe()
        self._expect("then")
        then = self.pipe()
        if self._takes("elif"):
            return when(test, then, self._condition())
        otherwise = self.pipe() if self._takes("else") else identity
        self._expect("end")
        return when(test, then, otherwise)

    def _closed(self, mark: str) -> Expression:
        read = self.pipe()
        self._expect(mark)
        return read

    def _string(self) -> str:
        text = self._advance()
        try:
            return str(json.loads(text))
        except ValueError:
            raise JqError(f"{text} is no text that is read here") from None

    def _number(self) -> float:
        sign = -1 if self._takes("-") else 1
        kind, text = self.next
        if kind != "number":
            raise JqError("a number is missing" + (f' before "{text}"' if text else " at the end"))
        self._advance()
        return sign * (float(text) if "." in text else int(text))

    def _index(self) -> int:
        number = self._number()
        if not isinstance(number, int):
            raise JqError(f"{number:g} is no index")
        return number

    def _takes(self, text: str) -> bool:
        if self.next[0] in ("mark", "name") and self.next[1] == text:
            self._advance()
            return True
        return False

    def _expect(self, text: str) -> None:
        if not self._takes(text):
            raise JqError(f'"{text}" is missing' + (f' before "{self.next[1]}"' if self.next[1] else " at the end"))

    def _advance(self) -> str:
        text = self.next[1]
        if self.next[0] != "end":
            self.next = next(self._tokens)
        return text

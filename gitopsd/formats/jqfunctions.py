"""What the parts of a jq expression do: each takes a spot in a document and gives those that it leads to.

A spot knows where it stands as long as it was reached by a path; a value that was made (a comparison's, a length) has no place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Spot:
    """A value and its place; `path` is None for a made value. `there` is false for what was asked for and is absent."""

    path: tuple[str | int, ...] | None
    value: Any
    there: bool = True

    def child(self, step: str | int, value: Any, *, there: bool = True) -> Spot:
        """The spot one step further."""
        return Spot(None if self.path is None else (*self.path, step), value, there)


@dataclass(slots=True)
class Budget:
    """How many spots may still be looked at."""

    left: int

    class SpentError(Exception):
        """The expression is too much work."""

    def spend(self, count: int = 1) -> None:
        """So many spots more."""
        self.left -= count
        if self.left < 0:
            raise Budget.SpentError


Expression = Callable[[Spot, Budget], Iterator[Spot]]


def identity(spot: Spot, budget: Budget) -> Iterator[Spot]:
    """`.`."""
    budget.spend()
    yield spot


def field(step: str | int | None) -> Expression:
    """`.name`, `.["name"]`, `.[0]`; indexes below zero count from the end."""

    def read(spot: Spot, budget: Budget) -> Iterator[Spot]:
        budget.spend()
        value = spot.value
        if isinstance(step, str) and isinstance(value, dict | None):
            there = value is not None and step in value
            yield spot.child(step, value[step] if there and value else None, there=there)
        elif isinstance(step, int) and isinstance(value, list):
            index = step + len(value) if step < 0 else step
            there = 0 <= index < len(value)
            yield spot.child(index, value[index] if there else None, there=there)

    return read


def items(spot: Spot, budget: Budget) -> Iterator[Spot]:
    """`.[]`."""
    value = spot.value
    pairs = enumerate(value) if isinstance(value, list) else value.items() if isinstance(value, dict) else ()
    for step, inner in pairs:
        budget.spend()
        yield spot.child(step, inner)


def recurse(spot: Spot, budget: Budget) -> Iterator[Spot]:
    """`..`: the value and all that is in it."""
    waiting = [spot]
    while waiting:
        found = waiting.pop()
        budget.spend()
        yield found
        waiting.extend(items(found, budget))


def literal(value: Any) -> Expression:
    """A text, a number, true, false, null."""

    def read(_: Spot, budget: Budget) -> Iterator[Spot]:
        budget.spend()
        yield Spot(None, value)

    return read


def array(inner: Expression | None) -> Expression:
    """`[...]`: a list of all that `inner` gives."""

    def read(spot: Spot, budget: Budget) -> Iterator[Spot]:
        budget.spend()
        yield Spot(None, [found.value for found in inner(spot, budget)] if inner else [])

    return read


def pipe(first: Expression, second: Expression) -> Expression:
    """`a | b`."""

    def read(spot: Spot, budget: Budget) -> Iterator[Spot]:
        for found in first(spot, budget):
            yield from second(found, budget)

    return read


def comma(first: Expression, second: Expression) -> Expression:
    """`a, b`."""

    def read(spot: Spot, budget: Budget) -> Iterator[Spot]:
        yield from first(spot, budget)
        yield from second(spot, budget)

    return read


def alternative(first: Expression, second: Expression) -> Expression:
    """`a // b`: what of `a` is neither null nor false; without any, `b`."""

    def read(spot: Spot, budget: Budget) -> Iterator[Spot]:
        found = [known for known in first(spot, budget) if _holds(known.value)]
        yield from found or second(spot, budget)

    return read


def when(test: Expression, then: Expression, otherwise: Expression) -> Expression:
    """`if a then b else c end`."""

    def read(spot: Spot, budget: Budget) -> Iterator[Spot]:
        for known in test(spot, budget):
            yield from (then if _holds(known.value) else otherwise)(spot, budget)

    return read


def logical(first: Expression, second: Expression, *, decides: bool) -> Expression:
    """`a or b` (true decides), `a and b` (false does)."""

    def read(spot: Spot, budget: Budget) -> Iterator[Spot]:
        for known in first(spot, budget):
            if _holds(known.value) is decides:
                yield Spot(None, decides)
            else:
                yield from (Spot(None, _holds(other.value)) for other in second(spot, budget))

    return read


_TESTS: Mapping[str, Callable[[Any, Any], bool]] = {
    "==": lambda one, other: bool(one == other),
    "!=": lambda one, other: bool(one != other),
    "<": lambda one, other: bool(one < other),
    "<=": lambda one, other: bool(one <= other),
    ">": lambda one, other: bool(one > other),
    ">=": lambda one, other: bool(one >= other),
}


def compared(operator: str, left: Expression, right: Expression) -> Expression:
    """`a == b` and its kin, in jq's order of all values."""
    test = _TESTS[operator]

    def read(spot: Spot, budget: Budget) -> Iterator[Spot]:
        for other in right(spot, budget):
            for one in left(spot, budget):
                yield Spot(None, test(_order(one.value, budget), _order(other.value, budget)))

    return read


def _order(value: Any, budget: Budget) -> Any:
    """A key by which any two values compare as in jq: null, false, true, numbers, texts, lists, maps."""
    budget.spend()
    if isinstance(value, list):
        return 5, [_order(item, budget) for item in value]
    if isinstance(value, dict):
        names = sorted(value)
        return 6, names, [_order(value[name], budget) for name in names]
    if value is None or isinstance(value, bool):
        return (0 if value is None else 1 + value,)
    return 4 if isinstance(value, str) else 3, value


def _holds(value: Any) -> bool:
    return value is not None and value is not False


# --- functions


def _select(test: Expression) -> Expression:
    def read(spot: Spot, budget: Budget) -> Iterator[Spot]:
        for known in test(spot, budget):
            if _holds(known.value):
                yield spot

    return read


def _empty(_: Spot, __: Budget) -> Iterator[Spot]:
    yield from ()


def _first(inner: Expression) -> Expression:
    def read(spot: Spot, budget: Budget) -> Iterator[Spot]:
        for found in inner(spot, budget):
            yield found
            return

    return read


def _of(function: Callable[[Any], Any]) -> Callable[[], Expression]:
    """A function of the value alone; what it does not apply to (TypeError) gives nothing."""

    def make() -> Expression:
        def read(spot: Spot, budget: Budget) -> Iterator[Spot]:
            budget.spend(_size(spot.value))
            try:
                value = function(spot.value)
            except TypeError:
                return
            yield Spot(None, value)

        return read

    return make


def _size(value: Any) -> int:
    """What going once through a value costs, a text's characters for little."""
    return 1 + (len(value) if isinstance(value, list | dict) else len(value) // 100 if isinstance(value, str) else 0)


def _with(function: Callable[[Any, Any, Budget], Any]) -> Callable[[Expression], Expression]:
    """A function of the value and an argument, likewise."""

    def make(argument: Expression) -> Expression:
        def read(spot: Spot, budget: Budget) -> Iterator[Spot]:
            for given in argument(spot, budget):
                try:
                    value = function(spot.value, given.value, budget)
                except TypeError:
                    continue
                yield Spot(None, value)

        return read

    return make


def _quantified(*, wanted: bool) -> Callable[[Expression], Expression]:
    """`any(test)` and `all(test)` over the items."""
    return lambda test: _quantified_over(wanted=wanted)(items, test)


def _quantified_over(*, wanted: bool) -> Callable[[Expression, Expression], Expression]:
    """`any(generator; test)` and `all(generator; test)`."""

    def make(generator: Expression, test: Expression) -> Expression:
        def read(spot: Spot, budget: Budget) -> Iterator[Spot]:
            verdicts = (_holds(known.value) for found in generator(spot, budget) for known in test(found, budget))
            yield Spot(None, wanted if any(verdict is wanted for verdict in verdicts) else not wanted)

        return read

    return make


def _in(values: Expression) -> Expression:
    def read(spot: Spot, budget: Budget) -> Iterator[Spot]:
        yield Spot(None, any(_order(found.value, budget) == _order(spot.value, budget) for found in values(spot, budget)))

    return read


def _length(value: Any) -> Any:
    if isinstance(value, bool):
        raise TypeError
    return 0 if value is None else abs(value) if isinstance(value, int | float) else len(value)


def _keys(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return sorted(value)
    return list(range(len(_list(value))))


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _has(value: Any, key: Any, _: Budget) -> bool:
    if isinstance(value, dict):
        return _text(key) in value
    if isinstance(key, bool) or not isinstance(key, int):
        raise TypeError
    return 0 <= key < len(_list(value))


def _contains(value: Any, part: Any, budget: Budget) -> bool:
    budget.spend(_size(value))
    if isinstance(value, dict) and isinstance(part, dict):
        return all(key in value and _contains(value[key], inner, budget) for key, inner in part.items())
    if isinstance(value, list) and isinstance(part, list):
        return all(any(_alike(item, inner) and _contains(item, inner, budget) for item in value) for inner in part)
    if isinstance(value, str) and isinstance(part, str):
        return part in value
    if not _alike(value, part):
        raise TypeError
    return bool(value == part)


def _alike(value: Any, part: Any) -> bool:
    return _TYPES[type(value)] == _TYPES[type(part)]


_TYPES = {bool: "boolean", int: "number", float: "number", str: "string", list: "array", dict: "object", type(None): "null"}

FUNCTIONS: Mapping[tuple[str, int], Callable[..., Expression]] = {
    ("select", 1): _select,
    ("empty", 0): lambda: _empty,
    ("first", 1): _first,
    ("recurse", 0): lambda: recurse,
    ("not", 0): _of(lambda value: not _holds(value)),
    ("length", 0): _of(_length),
    ("keys", 0): _of(_keys),
    ("type", 0): _of(lambda value: _TYPES[type(value)]),
    ("ascii_downcase", 0): _of(lambda value: _text(value).lower()),
    ("has", 1): _with(_has),
    ("contains", 1): _with(_contains),
    ("inside", 1): _with(lambda value, whole, budget: _contains(whole, value, budget)),
    ("startswith", 1): _with(lambda value, start, _: _text(value).startswith(_text(start))),
    ("endswith", 1): _with(lambda value, end, _: _text(value).endswith(_text(end))),
    ("any", 1): _quantified(wanted=True),
    ("all", 1): _quantified(wanted=False),
    ("any", 2): _quantified_over(wanted=True),
    ("all", 2): _quantified_over(wanted=False),
    ("IN", 1): _in,
}
"""By name and number of arguments."""

NOT_READ: Mapping[str, str] = {
    "test": "a regular expression can run for ever; use startswith, endswith or contains",
    "match": "a regular expression can run for ever; use startswith, endswith or contains",
    "to_entries": 'it makes new values; `.metadata.annotations["name"]` names an entry',
    "with_entries": 'it makes new values; `.metadata.annotations["name"]` names an entry',
    "map": "it makes a new list; `.[] | ...` names its items",
    "del": "an expression names what is ignored, and deletes nothing",
}
"""What people try, and what to write instead."""

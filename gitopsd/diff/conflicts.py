"""Fields that the server names in its answers, found again in what was sent, so that they can be left out of it."""

from __future__ import annotations

import re
from typing import Any

import orjson

from gitopsd.diff.fieldsets import is_item
from gitopsd.diff.ignore import without
from gitopsd.formats.jq import Place
from gitopsd.model.refs import Object

_SELECTOR = re.compile(r'\[((?:[^"\]]|"(?:[^"\\]|\\.)*")*)\]')
_KEY = re.compile(r'([^=,]+)=("(?:[^"\\]|\\.)*"|[^,]+)')
_UNDECLARED = re.compile(r"(\.\S+): field not declared in schema")


def left_out(body: Object, *fields: str) -> Object:
    """What is sent without these fields; those that can't be found in it change nothing."""
    left: Object = without(body, frozenset(place for field in fields if (place := place_of(field, body))))
    return left


def undeclared(message: str) -> tuple[str, ...]:
    """The fields that a kind's schema lacks, as the server complains of them."""
    return tuple(_UNDECLARED.findall(message))


def place_of(field: str, value: Any) -> Place | None:
    """Where the field stands that the server calls `.spec.ports[port=80,protocol="TCP"].name` or `.metadata.labels.a.b/c`.

    Names are not quoted there and may have dots, so `value` decides where one ends.
    """
    if not field:
        return ()
    if field.startswith(".") and isinstance(value, dict):
        names = sorted((name for name in value if field.startswith(name, 1)), key=len, reverse=True)
        found = ((name, place_of(field[1 + len(name) :], value[name])) for name in names)
        return next(((name, *rest) for name, rest in found if rest is not None), None)
    selector = _SELECTOR.match(field)
    if selector is None or not isinstance(value, list):
        return None
    index = _index(selector[1], value)
    rest = None if index is None else place_of(field[selector.end() :], value[index])
    return None if index is None or rest is None else (index, *rest)


def _index(selector: str, items: list[Any]) -> int | None:
    """Of `0`, `="member"` or `name="app",port=80`."""
    if selector.isdecimal():
        return int(selector) if int(selector) < len(items) else None
    if selector.startswith("="):
        member = orjson.loads(selector[1:])
        return next((index for index, item in enumerate(items) if item == member), None)
    key = {name: orjson.loads(text) for name, text in _KEY.findall(selector)}
    return next((index for index, item in enumerate(items) if is_item(item, key)), None)

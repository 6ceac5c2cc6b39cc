"""`ignoreDifferences`: what is taken out of a comparison, and with RespectIgnoreDifferences out of what is sent.

As in Argo CD a rule names fields by JSON pointers, by jq paths (see `formats.jq`), and by who holds them in the cluster.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from gitopsd.diff.fieldsets import FieldsV1, applied_fields, fields_of, graft, others_fields, places_of, subtract, within
from gitopsd.formats.jq import Place, places
from gitopsd.model.app import IgnoreDifference
from gitopsd.model.refs import Object


def ignored_places(obj: Object, rules: Iterable[IgnoreDifference], live: Object) -> frozenset[Place]:
    """Where the ignored fields of `obj` stand; `live` says who holds what. Raises JqError."""
    return frozenset(place for rule in rules for place in _named(obj, rule, live) if place)


def _named(obj: Object, rule: IgnoreDifference, live: Object) -> Iterator[Place]:
    for pointer in rule.json_pointers:
        if (place := _pointed(obj, pointer)) is not None:
            yield place
    for expression in rule.jq_path_expressions:
        yield from places(expression, obj)
    for fields in fields_of(live, frozenset(rule.managed_fields_managers)):
        yield from places_of(fields, obj)


def _pointed(value: Any, pointer: str) -> Place | None:
    """RFC 6901; None where there is no such field."""
    place: list[str | int] = []
    for token in pointer.split("/")[1:]:
        name = token.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict) and name in value:
            place.append(name)
        elif isinstance(value, list) and name.isdecimal() and int(name) < len(value):
            place.append(int(name))
        else:
            return None
        value = value[place[-1]]
    return tuple(place)


def without(value: Any, gone: frozenset[Place]) -> Any:
    """A copy without what stands at these places. A map or list of which nothing is left goes too, but no item of a list does."""
    below: dict[str | int, frozenset[Place]] = {}
    for place in gone:
        below[place[0]] = below.get(place[0], frozenset()) | {place[1:]}
    if isinstance(value, list):
        kept = ((index, item) for index, item in enumerate(value) if () not in below.get(index, frozenset()))
        return [without(item, below[index]) if index in below else item for index, item in kept]
    left = {key: inner for key, inner in value.items() if () not in below.get(key, frozenset())}
    for key in below.keys() & left.keys():
        if inner := without(left[key], below[key]):
            left[key] = inner
        else:
            del left[key]
    return left


def respected(body: Object, rules: Iterable[IgnoreDifference], live: Object, manager: str) -> Object:
    """What is sent for an object that exists, with the ignored fields left to whoever has them: in these, live wins.

    That is Argo CD's RespectIgnoreDifferences. The fields are taken out; but one that nobody holds besides us would be removed by
    the server then, so it is sent as it is live. Raises JqError.
    """
    mine: FieldsV1 = within(applied_fields(live, manager) or {}, live, ignored_places(live, rules, live))
    for fields in others_fields(live, manager):
        mine = subtract(mine, fields)
    sent: Object = without(body, ignored_places(body, rules, live))
    return dict(graft(sent, live, mine)) if mine else sent

"""JSON6902: lists of operations (RFC 6902) as kustomize applies them.

It differs from the RFC where its Go library does, each tried against the real one: a negative index counts from the end, whatever
stands before a path's first slash is ignored, a missing value is null, `replace` also adds a field, `copy` and `test` take a
missing field for null, `test` minds how a number is spelled, and the empty path, the whole object, goes with `replace` and
`test` alone. In the end all numbers pass through 64-bit floats (`as_floats`), so that whole ones past 2^53 lose digits.

The object is copied only along the paths that change.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from gitopsd.formats.scalars import RULES, Dialect, SpelledFloat, SpelledInt, plain
from gitopsd.model.errors import RenderError

Container: TypeAlias = dict[str, Any] | list[Any]
_INDEX = re.compile(r"[-+]?[0-9]{1,18}")
_EXACT = 2**53
Change: TypeAlias = Callable[[Container, str], Container]


class _OperationError(Exception):
    """Why an operation does not apply."""


def json6902(target: dict[str, Any], operations: Sequence[Any]) -> dict[str, Any]:
    """`target` after all operations. Raises RenderError that names the operation (index, verb, path) and the reason."""
    document: Any = plain(target)
    for index, operation in enumerate(operations):
        try:
            document = _apply(document, operation)
        except _OperationError as error:
            verb, path = (operation.get("op"), operation.get("path")) if isinstance(operation, dict) else ("", "")
            raise RenderError(f"operation {index} ({verb} {path}): {error}") from None
    if not isinstance(document, dict):
        raise RenderError("the operations leave no object")
    return document


def as_floats(value: Any) -> Any:
    """The value with large whole numbers as they are read from a float's JSON; parts without any are shared."""
    if isinstance(value, dict):
        changed = {key: new for key, old in value.items() if (new := as_floats(old)) is not old}
        return {**value, **changed} if changed else value
    if isinstance(value, list):
        items = [as_floats(item) for item in value]
        return items if any(new is not old for new, old in zip(items, value, strict=True)) else value
    if isinstance(value, int) and abs(value) > _EXACT:
        return plain(RULES[Dialect.RESOURCE].values[repr(float(value))])
    return value


def _apply(document: Any, operation: Any) -> Any:
    if not isinstance(operation, dict):
        raise _OperationError("is no mapping with `op` and `path`")
    verb = operation.get("op")
    if not isinstance(verb, str) or verb not in _VERBS:
        raise _OperationError(f"op must be one of {', '.join(_VERBS)}")
    return _VERBS[verb](document, operation)


def _parts(operation: dict[str, Any], name: str = "path") -> list[str]:
    path = operation.get(name)
    if not isinstance(path, str):
        raise _OperationError(f"needs a {name!r} of text")
    _, *parts = path.split("/")
    return [part.replace("~1", "/").replace("~0", "~") for part in parts]


def _add(document: Any, operation: dict[str, Any]) -> Any:
    return _insert(document, _parts(operation), plain(operation.get("value")))


def _insert(document: Any, parts: list[str], value: Any) -> Any:
    def insert(container: Container, key: str) -> Container:
        if isinstance(container, dict):
            return {**container, key: value}
        index = len(container) if key == "-" else _index(key, len(container) + 1)
        return [*container[:index], value, *container[index:]]

    return _edit(document, parts, insert)


def _remove(document: Any, operation: dict[str, Any]) -> Any:
    return _drop(document, _parts(operation))


def _drop(document: Any, parts: list[str]) -> Any:
    def drop(container: Container, key: str) -> Container:
        if isinstance(container, dict):
            if key not in container:
                raise _OperationError(f"there is no field {key!r} to remove")
            return {name: value for name, value in container.items() if name != key}
        index = _index(key, len(container))
        return [*container[:index], *container[index + 1 :]]

    return _edit(document, parts, drop)


def _replace(document: Any, operation: dict[str, Any]) -> Any:
    value = plain(operation.get("value"))
    parts = _parts(operation)
    if not parts:
        return value

    def replace(container: Container, key: str) -> Container:
        if isinstance(container, dict):
            return {**container, key: value}
        index = _index(key, len(container))
        return [*container[:index], value, *container[index + 1 :]]

    return _edit(document, parts, replace)


def _move(document: Any, operation: dict[str, Any]) -> Any:
    source = _parts(operation, "from")
    value = _look(document, source)
    return _insert(_drop(document, source), _parts(operation), value)


def _copy(document: Any, operation: dict[str, Any]) -> Any:
    source = _parts(operation, "from")
    if not source:
        raise _OperationError("the whole object can't be copied")
    return _insert(document, _parts(operation), _look(document, source))


def _test(document: Any, operation: dict[str, Any]) -> Any:
    expected = operation.get("value")
    if not (_equal(_look(document, _parts(operation)), expected) and _spelled_as_go_does(expected)):
        raise _OperationError("the test fails: the object has another value there")
    return document


_VERBS: dict[str, Callable[[Any, dict[str, Any]], Any]] = {
    "add": _add,
    "remove": _remove,
    "replace": _replace,
    "move": _move,
    "copy": _copy,
    "test": _test,
}


def _edit(value: Any, parts: list[str], change: Change) -> Any:
    """`value` with `change` applied to the container at all but the last of `parts`; copies what is on the way."""
    if not parts:
        raise _OperationError("the empty path is the whole object, which can only be replaced")
    if not isinstance(value, (dict, list)):
        raise _OperationError(f"there is no mapping or list that could hold {parts[0]!r}")
    first, *rest = parts
    if not rest:
        return change(value, first)
    if isinstance(value, list):
        index = _index(first, len(value))
        return [*value[:index], _edit(value[index], rest, change), *value[index + 1 :]]
    if first not in value:
        raise _OperationError(f"there is no field {first!r} on the way")
    return {**value, first: _edit(value[first], rest, change)}


def _look(value: Any, parts: list[str]) -> Any:
    """What stands at a path; null for a missing field at its end."""
    for depth, part in enumerate(parts, 1):
        if isinstance(value, list):
            value = value[_index(part, len(value))]
        elif isinstance(value, dict) and (part in value or depth == len(parts)):
            value = value.get(part)
        else:
            raise _OperationError(f"there is no field {part!r}")
    return value


def _index(text: str, length: int) -> int:
    """The place in a list; raises where that has none."""
    if not _INDEX.fullmatch(text):
        raise _OperationError(f"{text!r} is no index of a list")
    index = int(text)
    if not -length <= index < length:
        raise _OperationError(f"index {index} is outside of the list")
    return index % length if length else 0


def _spelled_as_go_does(value: Any) -> bool:
    if isinstance(value, (dict, list)):
        return all(map(_spelled_as_go_does, value.values() if isinstance(value, dict) else value))
    return not isinstance(value, (SpelledInt, SpelledFloat)) or value.text == repr(plain(value)).replace("e-0", "e-")


def _equal(one: Any, other: Any) -> bool:
    """Equality of JSON values: true is not 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_equal(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_equal, one, other))
    return bool(one == other)

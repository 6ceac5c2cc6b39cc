"""Which of the operations of a JSON6902 patch wrote a field."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gitopsd.formats.path import Path

if TYPE_CHECKING:
    from collections.abc import Sequence

_WRITES = {"add", "replace", "copy", "move"}


def operation_path(path: Path, operations: Sequence[Any]) -> Path:
    """The path, from the list of operations, of what wrote `path`: the last whose pointer leads to it or to a parent of it.

    An item appended by `-`, or moved by later operations, has another index at the end: then any index will do.
    """
    for alike in (_equal, _same_shape):
        for index in range(len(operations) - 1, -1, -1):
            operation = operations[index]
            if not isinstance(operation, dict) or operation.get("op") not in _WRITES:
                continue
            pointer = _tokens(operation.get("path"))
            if len(pointer) <= len(path) and all(map(alike, pointer, path)):
                return (index, "value", *path[len(pointer) :]) if "value" in operation else (index,)
    return ()


def _tokens(pointer: Any) -> list[str]:
    """RFC 6901: `~1` is a slash, `~0` a tilde."""
    return [token.replace("~1", "/").replace("~0", "~") for token in str(pointer).split("/")[1:]]


def _equal(part: str, key: str | int) -> bool:
    return part == str(key)


def _same_shape(part: str, key: str | int) -> bool:
    return part == key if isinstance(key, str) else part == "-" or part.isdigit()

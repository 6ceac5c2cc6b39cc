"""Documents to named tuples, by Go's rules: what `json.Unmarshal` takes and refuses, kustomize takes and refuses.

Keys match whatever their case; null is as if absent. What else is taken differs from file to file: see `Reading`.
"""

from __future__ import annotations

import types
from enum import Enum
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar, Union, get_args, get_origin, get_type_hints

from gitopsd.formats.scalars import text_of
from gitopsd.render.kustomize.errors import FieldError

T = TypeVar("T")


class Reading(Enum):
    """How strictly kustomize reads a file."""

    STRICT = "strict"
    """Kustomization files: no unknown key, and a number is no string."""

    KNOWN_KEYS = "known keys"
    """Transformer configurations: no unknown key."""

    LOOSE = "loose"
    """Configuration objects of plugins: unknown keys are skipped, and a number or boolean may stand for a string."""


class _Field(NamedTuple):
    name: str
    hint: Any


def decode(cls: type[T], value: Any, reading: Reading, path: str = "") -> T:
    """A named tuple from a mapping. Raises FieldError with the path of what is wrong."""
    if value is None:
        return cls()
    if not isinstance(value, dict):
        raise FieldError(f"must be a mapping, not {_kind(value)}", path)
    known: dict[str, _Field] = _fields_of(cls)  # type: ignore[arg-type] # a class is hashable, which mypy doubts of type[T]
    found: dict[str, Any] = {}
    for key, inner in value.items():
        target = known.get(str(key).lower())
        here = f"{path}.{key}" if path else str(key)
        if target is None:
            if reading is not Reading.LOOSE:
                raise FieldError(f"unknown field {key!r}", here)
        elif inner is not None:
            found[target.name] = _convert(target.hint, inner, here, reading)
    return cls(**found)


@lru_cache(maxsize=64)
def _fields_of(cls: Any) -> dict[str, _Field]:
    return {name.replace("_", ""): _Field(name, hint) for name, hint in get_type_hints(cls).items()}


def _is_record(hint: Any) -> bool:
    return isinstance(hint, type) and hasattr(hint, "_fields")


def _convert(hint: Any, value: Any, path: str, reading: Reading) -> Any:
    origin = get_origin(hint)
    if origin in {Union, types.UnionType}:
        hint = next(option for option in get_args(hint) if option is not type(None))
        origin = get_origin(hint)
    if hint is Any:
        return value
    if origin is tuple:
        return _convert_list(get_args(hint)[0], value, path, reading)
    if origin is dict:
        return _convert_mapping(get_args(hint)[1], value, path, reading)
    if _is_record(hint):
        return decode(hint, value, reading, path)
    return _as_text(value, path) if hint is str and reading is not Reading.STRICT else _convert_scalar(hint, value, path)


def _convert_list(item: Any, value: Any, path: str, reading: Reading) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise FieldError(f"must be a list, not {_kind(value)}", path)
    return tuple(
        _zero(item) if inner is None else _convert(item, inner, f"{path}[{index}]", reading) for index, inner in enumerate(value)
    )


def _convert_mapping(item: Any, value: Any, path: str, reading: Reading) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise FieldError(f"must be a mapping, not {_kind(value)}", path)
    return {
        str(key): _zero(item) if inner is None else _convert(item, inner, f"{path}.{key}", reading)
        for key, inner in value.items()
    }


def _zero(hint: Any) -> Any:
    return None if hint is Any else hint()


def _convert_scalar(hint: Any, value: Any, path: str) -> Any:
    fits = isinstance(value, hint) and (hint is bool or not isinstance(value, bool))
    if not fits:
        wanted = {str: "a string", bool: "true or false", int: "a whole number"}[hint]
        raise FieldError(f"must be {wanted}, not {_kind(value)}", path)
    return value


def _as_text(value: Any, path: str) -> str:
    """A scalar where a string is wanted and need not be quoted."""
    if isinstance(value, (dict, list)):
        raise FieldError(f"must be a string, not {_kind(value)}", path)
    return text_of(value)


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, (int, float)):
        return "a number (quote it to make it a string)"
    return "a string" if isinstance(value, str) else "a list" if isinstance(value, list) else "a mapping"

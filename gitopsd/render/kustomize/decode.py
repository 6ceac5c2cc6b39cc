"""Documents to dataclasses, by Go's rules: what `json.Unmarshal` takes and refuses, kustomize takes and refuses.

Keys match whatever their case; null is as if absent; a number is no string. Unknown keys are errors where the caller is
strict (kustomization files are, plugin configurations are not).
"""

from __future__ import annotations

import types
from dataclasses import dataclass, fields, is_dataclass
from functools import lru_cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from gitopsd.formats.scalars import text_of
from gitopsd.model.errors import RenderError

T = TypeVar("T")


class DecodeError(RenderError):
    """A value of the wrong shape at `field`, a path such as `images[0].newTag`."""

    def __init__(self, message: str, field: str) -> None:
        """The place is added by who knows the file."""
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    hint: Any


def decode(cls: type[T], value: Any, *, strict: bool, path: str = "") -> T:
    """An instance of a dataclass from a mapping. Raises DecodeError with the path of what is wrong."""
    if value is None:
        return cls()
    if not isinstance(value, dict):
        raise DecodeError(f"must be a mapping, not {_kind(value)}", path)
    known: dict[str, _Field] = _fields_of(cls)  # type: ignore[arg-type] # a class is hashable, which mypy doubts of type[T]
    found: dict[str, Any] = {}
    for key, inner in value.items():
        target = known.get(str(key).lower())
        here = f"{path}.{key}" if path else str(key)
        if target is None:
            if strict:
                raise DecodeError(f"unknown field {key!r}", here)
        elif inner is not None:
            found[target.name] = _convert(target.hint, inner, here, strict)
    return cls(**found)


@lru_cache(maxsize=64)
def _fields_of(cls: Any) -> dict[str, _Field]:
    hints = get_type_hints(cls)
    names = {item.name: item.metadata.get("key", _camel(item.name)) for item in fields(cls)}
    return {key.lower(): _Field(name, hints[name]) for name, key in names.items()}


def _camel(name: str) -> str:
    return name.replace("_", "")


def _convert(hint: Any, value: Any, path: str, strict: bool) -> Any:  # noqa: FBT001 - a type and what a file holds
    origin = get_origin(hint)
    if origin in {Union, types.UnionType}:
        hint = next(option for option in get_args(hint) if option is not type(None))
        origin = get_origin(hint)
    if hint is Any:
        return value
    if origin is tuple:
        return _convert_list(get_args(hint)[0], value, path, strict)
    if origin is dict:
        return _convert_mapping(get_args(hint)[1], value, path, strict)
    if isinstance(hint, type) and is_dataclass(hint):
        return decode(hint, value, strict=strict, path=path)
    return _convert_scalar(hint, value, path) if strict or hint is not str else _as_text(value, path)


def _convert_list(item: Any, value: Any, path: str, strict: bool) -> tuple[Any, ...]:  # noqa: FBT001
    if not isinstance(value, list):
        raise DecodeError(f"must be a list, not {_kind(value)}", path)
    return tuple(
        _zero(item) if inner is None else _convert(item, inner, f"{path}[{index}]", strict) for index, inner in enumerate(value)
    )


def _convert_mapping(item: Any, value: Any, path: str, strict: bool) -> dict[str, Any]:  # noqa: FBT001
    if not isinstance(value, dict):
        raise DecodeError(f"must be a mapping, not {_kind(value)}", path)
    return {
        str(key): _zero(item) if inner is None else _convert(item, inner, f"{path}.{key}", strict) for key, inner in value.items()
    }


def _zero(hint: Any) -> Any:
    return None if hint is Any else hint()


def _convert_scalar(hint: Any, value: Any, path: str) -> Any:
    fits = isinstance(value, hint) and (hint is bool or not isinstance(value, bool))
    if not fits:
        wanted = {str: "a string", bool: "true or false", int: "a whole number"}[hint]
        raise DecodeError(f"must be {wanted}, not {_kind(value)}", path)
    return value


def _as_text(value: Any, path: str) -> str:
    """A scalar where a string is wanted: plugin configurations may leave numbers and booleans unquoted."""
    if isinstance(value, (dict, list)):
        raise DecodeError(f"must be a string, not {_kind(value)}", path)
    return text_of(value)


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, (int, float)):
        return "a number (quote it to make it a string)"
    return "a string" if isinstance(value, str) else "a list" if isinstance(value, list) else "a mapping"

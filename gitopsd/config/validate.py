"""From a document to values: what the schema refuses, said with the place in the file and a word of help.

pydantic finds what is wrong; its words are for programmers, so the table below has ours. A refused value is never quoted
where it might be a secret written in the wrong place: only values of a closed choice are.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from gitopsd.config.documents import ConfigErrors, Document, Path, did_you_mean
from gitopsd.model.errors import ConfigError

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

Value = TypeVar("Value")

_UNKNOWN = ("extra_forbidden", "unexpected_keyword_argument")
_WORDS: Mapping[str, Callable[[dict[str, Any]], str]] = {
    "missing": lambda _: "is missing",
    "bool_type": lambda _: "must be true or false, without quotes",
    "int_type": lambda _: "must be a whole number, without quotes",
    "int_from_float": lambda _: "must be a whole number",
    "float_type": lambda _: "must be a number, without quotes",
    "string_type": lambda _: "must be text: put it in quotes",
    "tuple_type": lambda _: "must be a list",
    "dict_type": lambda _: "must be a mapping of names to values",
    "model_type": lambda _: "must be a mapping of names to values",
    "dataclass_type": lambda _: "must be a mapping of names to values",
    "literal_error": lambda context: f"must be {context['expected']}",
    "greater_than_equal": lambda context: f"must be at least {context['ge']}",
    "less_than_equal": lambda context: f"must be at most {context['le']}",
    "string_pattern_mismatch": lambda context: f"must match {context['pattern']}",
    "string_too_short": lambda _: "must not be empty",
    "string_too_long": lambda context: f"must have at most {context['max_length']} characters",
    "value_error": lambda context: str(context["error"]),
}


def validate(adapter: TypeAdapter[Value], document: Document, path: Path, context: Mapping[str, Any] | None = None) -> Value:
    """The value at `path` of `document`; raises ConfigErrors with everything that is wrong with it.

    Strict, as JSON: "yes" is no boolean and 1 no text, but a list does for a tuple.
    """
    value = document.value
    for step in path:
        value = value[step]
    try:
        return adapter.validate_json(json.dumps(value), strict=True, context=dict(context or {}))
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        schema = _schema_of(adapter)
        raise ConfigErrors(in_order(_explain(detail, document, path, schema) for detail in _without_unions(details))) from None


def unknown_fields(adapter: TypeAdapter[Any], document: Document) -> tuple[tuple[Path, ConfigError], ...]:
    """Each field of the document that the schema does not have, and what is said of it."""
    try:
        adapter.validate_json(json.dumps(document.value), strict=True)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        schema = _schema_of(adapter)
        return tuple((d["loc"], _explain(d, document, (), schema)) for d in details if d["type"] in _UNKNOWN)
    return ()


@cache
def _schema_of(adapter: TypeAdapter[Any]) -> dict[str, Any]:
    """Made once for each of the few adapters there are: it takes longer than a hundred validations."""
    return adapter.json_schema(mode="validation")


def in_order(errors: Iterable[ConfigError]) -> tuple[ConfigError, ...]:
    """The errors in the order of their lines, each said once."""
    unique = {str(error): error for error in errors}
    return tuple(sorted(unique.values(), key=_line_of))


def _line_of(error: ConfigError) -> tuple[int, int]:
    place = error.place
    return (place.line or 0, place.column or 0) if place else (0, 0)


def _without_unions(details: list[ErrorDetails]) -> list[ErrorDetails]:
    """One error of each place: a value that fits no member of a union (`int | str`) is complained about by every member."""
    found: dict[tuple[int | str, ...], ErrorDetails] = {}
    for detail in details:
        location = detail["loc"]
        if location and location[-1] in ("int", "str"):
            location = location[:-1]
        found.setdefault(location, {**detail, "loc": location})
    return list(found.values())


def _explain(detail: ErrorDetails, document: Document, path: Path, schema: dict[str, Any]) -> ConfigError:
    location = detail["loc"]
    if detail["type"] in _UNKNOWN:
        name = str(location[-1])
        hint = did_you_mean(name, names_at(schema, location[:-1]))
        return document.error((*path, *location), f'unknown field "{name}"{hint}')
    words = _WORDS.get(detail["type"])
    message = words(dict(detail.get("ctx") or {})) if words else f"is not acceptable: {detail['msg']}"
    return document.error((*path, *location), message)


def names_at(schema: dict[str, Any], location: Path) -> list[str]:
    """The fields that a JSON schema knows at `location`."""
    found: Any = schema
    for step in location:
        found = _mapping_or_list(found, schema)
        found = found.get("items", {}) if isinstance(step, int) else found.get("properties", {}).get(step, {})
    return list(_mapping_or_list(found, schema).get("properties", {}))


def _mapping_or_list(found: Any, schema: dict[str, Any]) -> dict[str, Any]:
    """The schema that describes a mapping or a list, behind references and `null` alternatives."""
    while isinstance(found, dict):
        if "$ref" in found:
            found = schema.get("$defs", {}).get(found["$ref"].rpartition("/")[2], {})
        elif "anyOf" in found:
            found = next((choice for choice in found["anyOf"] if choice.get("type") != "null"), {})
        else:
            return found
    return {}

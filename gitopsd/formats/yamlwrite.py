"""YAML as `kustomize build` prints it.

kustomize turns objects to JSON and that to YAML with a Go port of libyaml, so libyaml itself writes the same bytes, given
the same order of keys and styles of scalars. Most objects hold nothing that it would have to think about, but short words and
numbers: they are written here, in a third of the time, and a property test holds both ways to the same bytes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from functools import cmp_to_key, lru_cache
from io import StringIO
from typing import Any

from yaml import CDumper
from yaml.events import (
    DocumentEndEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
    StreamStartEvent,
)

from gitopsd.formats.scalars import reads_as_string

_WIDTH = 80
_UNTAGGED = (True, True)
_FIXED_POINT = range(-4, 6)
"""Powers of ten that Go writes without an exponent."""
_WORDS = {None: "null", True: "true", False: "false"}

_STREAM_START, _STREAM_END = StreamStartEvent(), StreamEndEvent()
_DOCUMENT_START, _DOCUMENT_END = DocumentStartEvent(explicit=False), DocumentEndEvent(explicit=False)
_MAPPING_END, _SEQUENCE_END = MappingEndEvent(), SequenceEndEvent()


def dump(documents: Iterable[Any]) -> str:
    """All documents, separated by `---` lines; empty without any. Values are JSON's, keys strings."""
    return "---\n".join(map(_document, documents))


def _document(value: Any) -> str:
    lines: list[str] = []
    try:
        _write_mapping(value, "", "", lines)
    except _NotPlainError:
        return by_libyaml(value)
    return "\n".join(lines) + "\n"


class _NotPlainError(Exception):
    """Something that libyaml has to write."""


_PLAIN = re.compile(r"[A-Za-z0-9_./](?:[A-Za-z0-9_./@+=,-]|[: ](?=[A-Za-z0-9_./@+=-]))*", re.ASCII)
"""Texts that stand without quotes, as long as nothing reads them as another type: they break no line, and begin no comment."""
_COLON_SPACE = ": "
_QUOTED = re.compile(r"[A-Za-z0-9_./:+-]*", re.ASCII)
"""Texts that stand between double quotes as they are."""
_MEMO = 60
"""The longest text that is remembered; a key of twice that would be written another way."""


def _write_mapping(value: Any, indent: str, lead: str, lines: list[str]) -> None:
    """The lines of a mapping that is not empty; its first begins with `lead`, the others with `indent`."""
    if not value or not isinstance(value, dict):
        raise _NotPlainError
    for key in sort_keys(value):
        inner = value[key]
        head = lead + _scalar(key) + ":"
        if not inner or not isinstance(inner, (dict, list)):
            _end(f"{head} {_leaf(inner)}", lines)
        else:
            lines.append(head)
            if isinstance(inner, dict):
                _write_mapping(inner, f"{indent}  ", f"{indent}  ", lines)
            else:
                _write_items(inner, indent, indent, lines)
        lead = indent


def _write_items(items: list[Any], indent: str, lead: str, lines: list[str]) -> None:
    """Likewise for a list."""
    for item in items:
        if not item or not isinstance(item, (dict, list)):
            _end(f"{lead}- {_leaf(item)}", lines)
        elif isinstance(item, dict):
            _write_mapping(item, f"{indent}  ", f"{lead}- ", lines)
        else:
            _write_items(item, f"{indent}  ", f"{lead}- ", lines)
        lead = indent


def _end(line: str, lines: list[str]) -> None:
    if len(line) > _WIDTH:  # libyaml would look for a place to break it
        raise _NotPlainError
    lines.append(line)


def _leaf(value: Any) -> str:
    if isinstance(value, str):
        return _scalar(value)
    if isinstance(value, (dict, list)):
        return "{}" if isinstance(value, dict) else "[]"
    return _number(value)


@lru_cache(maxsize=8192)
def _scalar(text: str) -> str:
    """A text with its quotes. Raises where it is not plain; one that is long is not remembered either."""
    if len(text) > _MEMO:
        raise _NotPlainError
    if text and _PLAIN.fullmatch(text) and _COLON_SPACE not in text and reads_as_string(text):
        return text
    if _QUOTED.fullmatch(text) and (not text or not reads_as_string(text)):
        return f'"{text}"'
    raise _NotPlainError


def by_libyaml(value: Any) -> str:
    """One document, by libyaml's emitter."""
    out = StringIO()
    emitter = CDumper(out, allow_unicode=True, width=_WIDTH)
    try:
        for event in (_STREAM_START, _DOCUMENT_START, *_events(value), _DOCUMENT_END, _STREAM_END):
            emitter.emit(event)
    finally:
        emitter.dispose()
    return out.getvalue()


def _events(value: Any) -> Iterator[Event]:
    if isinstance(value, dict):
        yield MappingStartEvent(None, None, implicit=True, flow_style=not value)
        for key in sort_keys(value):
            yield _string(key)
            yield from _events(value[key])
        yield _MAPPING_END
    elif isinstance(value, list):
        yield SequenceStartEvent(None, None, implicit=True, flow_style=not value)
        for item in value:
            yield from _events(item)
        yield _SEQUENCE_END
    elif isinstance(value, str):
        yield _string(value)
    else:
        yield ScalarEvent(None, None, _UNTAGGED, _number(value))


def _string(value: str) -> ScalarEvent:
    style = "|" if "\n" in value else None if reads_as_string(value) else '"'
    return ScalarEvent(None, None, _UNTAGGED, str(value), style=style)


def _number(value: float | None) -> str:
    if value is None or isinstance(value, bool):
        return _WORDS[value]
    return str(int(value)) if isinstance(value, int) else go_float(value)


def go_float(value: float) -> str:
    """The shortest text of a float as Go's `strconv.FormatFloat(f, 'g', -1, 64)` gives it: `1.5`, `1e-06`, `1.2345675e+06`."""
    sign = "-" if math.copysign(1, value) < 0 else ""
    mantissa, _, exponent = f"{float(value)!r}".lstrip("-").partition("e")
    whole, _, fraction = mantissa.partition(".")
    fraction = "" if fraction == "0" else fraction
    digits = (whole + fraction).lstrip("0")
    point = int(exponent or 0) + (len(whole) if whole != "0" else len(digits) - len(fraction))
    digits = digits.rstrip("0")
    if not digits:
        return f"{sign}0"
    power = point - 1
    if power not in _FIXED_POINT:
        tail = f".{digits[1:]}" if len(digits) > 1 else ""
        return f"{sign}{digits[0]}{tail}e{'-' if power < 0 else '+'}{abs(power):02d}"
    if point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    padded = digits.ljust(point, "0")
    return f"{sign}{padded[:point]}" + (f".{padded[point:]}" if len(padded) > point else "")


def sort_keys(keys: Iterable[str]) -> list[str]:
    """Keys in the order of Go's YAML: letters after other signs, runs of digits by their number (`a2` before `a10`)."""
    names = list(keys)
    return sorted(names) if all(map(str.isalpha, names)) else sorted(names, key=cmp_to_key(_compare))


def _compare(one: str, other: str) -> int:
    at = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), None)
    if at is None:
        return len(one) - len(other)
    a, b = one[at], other[at]
    if a.isalpha() and b.isalpha():
        return -1 if a < b else 1
    if a.isalpha() or b.isalpha():
        return 1 if a.isalpha() else -1
    return _compare_digits(one, other, at)


def _compare_digits(one: str, other: str, at: int) -> int:
    a, b = _run(one, at), _run(other, at)
    leading = "0" in (one[at], other[at]) and _run_before(one, at).strip("0")
    numbers = [int(("1" if leading else "0") + run) for run in (a, b)]
    if numbers[0] != numbers[1]:
        return -1 if numbers[0] < numbers[1] else 1
    if len(a) != len(b):
        return len(a) - len(b)
    return -1 if one[at] < other[at] else 1


def _run(text: str, at: int) -> str:
    end = at
    while end < len(text) and text[end].isdecimal():
        end += 1
    return text[at:end]


def _run_before(text: str, at: int) -> str:
    start = at
    while start > 0 and text[start - 1].isdecimal():
        start -= 1
    return text[start:at]

"""YAML as `kustomize build` prints it.

kustomize turns objects to JSON and that to YAML with a Go port of libyaml, so libyaml itself writes the same bytes, given
the same order of keys and styles of scalars.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from functools import cmp_to_key
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

"""Durations and sizes as Kubernetes writes them: `90s`, `1h30m`; `512Mi`, `2G`.

A bare number is refused: whoever writes `interval: 60` may mean seconds or minutes, and only they know.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

_DURATION_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6}
_DURATION_PATTERN = r"([0-9]+(\.[0-9]+)?(h|ms|us|µs|m|s))+"
_DURATION_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(h|ms|us|µs|m|s)")
_SIZE_UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
_SIZE_PATTERN = r"([0-9]{1,15})(k|M|G|T|Ki|Mi|Gi|Ti)?"
_LONGEST_TEXT = 32
_LONGEST_DURATION = timedelta(days=3650)


def parse_duration(text: object) -> timedelta:
    """The duration that `text` writes (Go's `time.ParseDuration`, not negative); raises ValueError that says how to write it."""
    if isinstance(text, timedelta):
        return text
    if not isinstance(text, str) or len(text) > _LONGEST_TEXT or not re.fullmatch(_DURATION_PATTERN, text):
        raise ValueError("is no duration: write a number and its unit, such as 30s, 5m or 1h30m")
    seconds = sum(float(number) * _DURATION_UNITS[unit] for number, unit in _DURATION_PART.findall(text))
    if seconds > _LONGEST_DURATION.total_seconds():
        raise ValueError("is longer than ten years")
    return timedelta(seconds=seconds)


def format_duration(value: timedelta) -> str:
    """The shortest way to write it: `1h30m`, `45s`, `250ms`."""
    micros = value // timedelta(microseconds=1)
    if micros == 0:
        return "0s"
    text = ""
    for unit, size in (("h", 3_600_000_000), ("m", 60_000_000), ("s", 1_000_000), ("ms", 1_000), ("us", 1)):
        count, micros = divmod(micros, size)
        text += f"{count}{unit}" if count else ""
    return text


def parse_size(text: object) -> int:
    """The bytes that `text` writes (a Kubernetes quantity of bytes, whole numbers only); raises ValueError that says how."""
    if type(text) is int and text >= 0:
        return text
    match = re.fullmatch(_SIZE_PATTERN, text) if isinstance(text, str) else None
    if match is None:
        raise ValueError("is no size: write bytes, or a number and its unit, such as 512Ki, 10Mi or 2Gi")
    return int(match[1]) * _SIZE_UNITS[match[2] or ""]


def format_size(value: int) -> str:
    """With the largest binary unit that divides it: `10Mi`, `1500`."""
    for unit in ("Ti", "Gi", "Mi", "Ki"):
        if value and value % _SIZE_UNITS[unit] == 0:
            return f"{value // _SIZE_UNITS[unit]}{unit}"
    return str(value)


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": f"^{_DURATION_PATTERN}$", "examples": ["30s", "5m", "1h30m"]}),
]
"""A field of a configuration that holds a duration; its value is a timedelta."""

Size = Annotated[
    int,
    BeforeValidator(parse_size),
    PlainSerializer(format_size, when_used="json"),
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": f"^{_SIZE_PATTERN}$"}, {"type": "integer", "minimum": 0}],
                    "examples": ["512Ki", "10Mi"]}),
]  # fmt: skip
"""A field of a configuration that holds a size in bytes."""

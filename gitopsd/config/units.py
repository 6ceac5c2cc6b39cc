"""Durations and sizes as Kubernetes writes them: `90s`, `1h30m`; `512Mi`, `2G`.

A bare number is refused: whoever writes `interval: 60` may mean seconds or minutes, and only they know.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from gitopsd.formats.durations import DURATION, format_duration, parse_duration

_SIZE_UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
_SIZE_PATTERN = r"([0-9]{1,15})(k|M|G|T|Ki|Mi|Gi|Ti)?"


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
    WithJsonSchema({"type": "string", "pattern": f"^{DURATION}$", "examples": ["30s", "5m", "1h30m"]}),
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

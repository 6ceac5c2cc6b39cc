"""Durations as Go and Kubernetes write them: `90s`, `1h30m`."""

from __future__ import annotations

import re
from datetime import timedelta

DURATION = r"([0-9]+(\.[0-9]+)?(h|ms|us|µs|m|s))+"
"""A regular expression for one."""

_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6}
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(h|ms|us|µs|m|s)")
_LONGEST_TEXT = 32
_LONGEST = timedelta(days=3650)


def parse_duration(text: object) -> timedelta:
    """The duration that `text` writes (Go's `time.ParseDuration`, not negative); raises ValueError that says how to write it."""
    if isinstance(text, timedelta):
        return text
    if not isinstance(text, str) or len(text) > _LONGEST_TEXT or not re.fullmatch(DURATION, text):
        raise ValueError("is no duration: write a number and its unit, such as 30s, 5m or 1h30m")
    seconds = sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))
    if seconds > _LONGEST.total_seconds():
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

"""What controllers' words mean: phases, states and reasons, read by their words (`vocabulary.json`)."""

from __future__ import annotations

import json
import re
from functools import cache, lru_cache
from importlib.resources import files
from itertools import pairwise
from typing import Any

from gitopsd.model.health import HealthStatus

_CUT = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_MAX_NAME = 80
"""Characters: what is longer is a sentence, not a name."""
_MIN_ACTIVITY = 7
"""Characters: shorter words in -ing are mostly things (ring, spring)."""


@cache
def table() -> dict[str, Any]:
    """The data file, parsed once."""
    parsed: dict[str, Any] = json.loads(files(__package__).joinpath("vocabulary.json").read_bytes())
    return parsed


@cache
def listed(*path: str) -> frozenset[str]:
    """One list of the data file, such as `("conditions", "sums")`."""
    found: Any = table()
    for key in path:
        found = found[key]
    return frozenset(found)


def words(name: str) -> tuple[str, ...]:
    """The words of a name in lower case: `CrashLoopBackOff` -> crash, loop, back, off; `PENDING_RERUN` -> pending, rerun."""
    return _cut(name[:_MAX_NAME])


@lru_cache(maxsize=4096)
def _cut(name: str) -> tuple[str, ...]:
    return tuple(word.lower() for word in _CUT.findall(name))


def holds(name: str, *path: str) -> bool:
    """Whether one of the words of a name, or two neighbours written together, is in a list of the data file."""
    found = words(name)
    return not listed(*path).isdisjoint((*found, *(a + b for a, b in pairwise(found))))


def ends(name: str, *path: str) -> bool:
    """Whether the last word of a name is in a list of the data file: `APIServerAvailable` ends in a sum."""
    found = words(name)
    return bool(found) and found[-1] in listed(*path)


def opens(sentence: str, *path: str) -> bool:
    """Whether the first word of a sentence is in a list of the data file: `Error: checksum mismatch`."""
    return bool(found := words(sentence)) and found[0] in listed(*path)


def _is_activity(word: str) -> bool:
    """Whether a word names something that goes on until it is done: creating, updating, but not running."""
    return len(word) >= _MIN_ACTIVITY and word.endswith("ing") and word not in listed("steady")


def meaning(name: str) -> HealthStatus | None:
    """The state that a phase, state or reason stands for; None where its words say nothing."""
    return _meaning(name) if 0 < len(name) <= _MAX_NAME else None


@lru_cache(maxsize=4096)
def _meaning(name: str) -> HealthStatus | None:
    parts = words(name)
    for status in table()["names"]:
        if "".join(parts) in listed("names", status):
            return HealthStatus(status)
    for status in table()["words"]:
        if holds(name, "words", status) or (status == HealthStatus.PROGRESSING and any(map(_is_activity, parts))):
            return HealthStatus(status)
    return None

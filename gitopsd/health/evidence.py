"""What an object says about itself, read once and safely.

A status is whatever some controller wrote there, or a stranger with the right to: any value may be of any type and any size.
Nothing here raises, and of lists only the first entries are read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

from gitopsd.model.refs import Object

_MAX_ITEMS = 200
_MAX_DIGITS = 19
_MAX_TEXT = 1000
"""Characters of a controller's words that are read and passed on."""


class Condition(NamedTuple):
    """One entry of `conditions`, all of it text. `type` has lost a prefix such as `ACK.` or `example.io/`."""

    type: str
    status: str
    reason: str
    message: str
    severity: str

    def __str__(self) -> str:
        """Why: the controller's message, else its reason, else the condition itself."""
        return self.message or self.reason or f"{self.type} is {self.status}"


Conditions = tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Evidence:
    """An object with what every rule asks of it; `spec` and `status` are empty where they are missing or no JSON objects."""

    obj: Object
    spec: Mapping[str, Any]
    status: Mapping[str, Any]
    generation: int | None
    conditions: Conditions
    """Those of the status that tell of the present generation."""
    stale: bool
    """The status tells of an earlier generation of the spec than the one that is there (kstatus, rule 2)."""


def evidence(obj: Object) -> Evidence:
    """Reads an object. Raises nothing, whatever the object holds."""
    spec, status = mapping(obj.get("spec")), mapping(obj.get("status"))
    generation = number(mapping(obj.get("metadata")).get("generation"))
    current, stale = conditions(status, generation)
    return Evidence(obj, spec, status, generation, current, stale or earlier(status.get("observedGeneration"), generation))


def conditions(holder: Any, generation: int | None) -> tuple[Conditions, bool]:
    """The conditions of a status, or of a part of one such as `status.parents[0]`, that tell of the present generation.

    Entries of an earlier generation are left out; the second value says whether that leaves none.
    """
    entries = [entry for entry in items(mapping(holder).get("conditions")) if isinstance(entry, dict)]
    current = [entry for entry in entries if not earlier(entry.get("observedGeneration"), generation)]
    return tuple(found for entry in current if (found := _condition(entry)).type), bool(entries) and not current


def _condition(entry: Mapping[str, Any]) -> Condition:
    return Condition(
        text(entry.get("type")).rpartition("/")[2].rpartition(".")[2],
        text(entry.get("status")).capitalize(),
        text(entry.get("reason")),
        text(entry.get("message")),
        text(entry.get("severity")),
    )


def earlier(observed: Any, generation: int | None) -> bool:
    """Whether an observed generation is behind the present one.

    One that is ahead is taken for current: early Argo Rollouts wrote a hash there, of digits alone by chance.
    """
    seen = number(observed)
    return seen is not None and generation is not None and seen < generation


def mapping(value: Any) -> Mapping[str, Any]:
    """`value` where it is a JSON object, else an empty one."""
    return value if isinstance(value, dict) else {}


def items(value: Any) -> Iterator[Any]:
    """The first entries of a JSON list, or values of a JSON object; nothing of anything else."""
    if isinstance(value, dict):
        return islice(value.values(), _MAX_ITEMS)
    return islice(value, _MAX_ITEMS) if isinstance(value, list) else iter(())


def text(value: Any) -> str:
    """A scalar as bounded text (`true` as JSON has it); empty for null, lists and objects."""
    if isinstance(value, str):
        return value[:_MAX_TEXT].strip()
    if isinstance(value, bool):
        return "true" if value else "false"
    # Python refuses to print integers of more than 4300 digits; a number that long says nothing about health.
    return str(value) if isinstance(value, int | float) and abs(value) < 1 << 64 else ""


def number(value: Any) -> int | None:
    """A count of at most 64 bits: an integer, or a text that is one (Argo Rollouts' observedGeneration); else None."""
    if isinstance(value, str) and len(value) <= _MAX_DIGITS and value.isascii() and value.isdigit():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 64 else None


def at(value: Any, path: tuple[str, ...]) -> Iterator[Any]:
    """The values at `path`, in which `*` stands for every entry of a list or object; none where something is missing."""
    if not path:
        yield value
    elif path[0] == "*":
        for item in items(value):
            yield from at(item, path[1:])
    elif isinstance(value, dict) and path[0] in value:
        yield from at(value[path[0]], path[1:])

"""The language of rules: what a line of `rules.json` says, and how it is read.

A rule is a list of lines, `STATE: TEST & TEST`; the first line whose tests all hold decides, and where none does, the general
reading. A line without tests always holds. A test is one of

    Ready                        the condition holds
    Ready=False                  the condition has this status; `/` adds reasons, `|` alternatives: Ready=False/Failed|Invalid
    .status.phase                the field is there, and neither empty, false nor 0
    .status.phase=Failed|Err*    the field's text is one of these, whatever its case; `*` stands for anything
    .status.ready<.spec.replicas the field's number (of `1/2` the first) is below that of another field, or is not there
    .spec.old=.spec.new          likewise, the other text being that of another field
    .spec.old!=.spec.new         the field is there and its text another; with a path twice: its values are not all the same
    .status.parents.*:Accepted   a test of a part of the object, from which paths then start; `*` stands for every entry, and
                                 entries that tell of an earlier generation are passed over
    !TEST                        the test does not hold

A key that a dot would cut stands in brackets: `.metadata.annotations.[cnpg.io/hibernation]`. `WORD: .status.state` takes the
state that the field's words stand for (see `vocabulary`). `@name` stands for the lines of a shared rule.

Lines that say Suspended are asked before all others; between them and the rest comes the general check that the status tells of
the present generation, because a controller that was told to pause does not observe a new one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

from gitopsd.health import vocabulary
from gitopsd.health.evidence import Conditions, Evidence, at, conditions, number, text
from gitopsd.health.general import STALE
from gitopsd.model.health import Health, HealthStatus

Test = Callable[[Evidence], str | None]
"""Why the test holds, in words that may be empty; None where it does not hold."""

_PATH = r"(?:\.(?:\[[^\]]+\]|[^.!=<:\[\]&]+))+"
_TEST = re.compile(rf"(?P<not>!?)(?P<path>{_PATH})?(?:(?P<op>!=|[=<:]?)(?P<rest>.*))")
_CONDITION = re.compile(r"(?P<type>[^=/]+)(?:=(?P<status>[^/]+))?(?:/(?P<reasons>.+))?")
_WAITING = "waiting for the controller to report"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a rule. `status` is None where the field at `word` names the state itself."""

    status: HealthStatus | None
    tests: tuple[Test, ...]
    word: tuple[str, ...] = ()

    def read(self, seen: Evidence) -> Health | None:
        """The health that the line gives, or None where it does not apply."""
        if self.status is None:
            return _worded(seen, self.word)
        message = ""
        for test in self.tests:
            if (why := test(seen)) is None:
                return None
            message = message or why
        if not message and self.status is HealthStatus.PROGRESSING:
            message = _WAITING
        return Health(self.status, message)


@dataclass(frozen=True, slots=True)
class Rule:
    """The lines for a kind, those that say Suspended first and apart."""

    pauses: tuple[Line, ...]
    lines: tuple[Line, ...]

    def read(self, seen: Evidence) -> Health | None:
        """The health that the rule gives, or None where the general reading is to decide."""
        for line in self.pauses:
            if health := line.read(seen):
                return health
        if seen.stale:
            return STALE
        for line in self.lines:
            if health := line.read(seen):
                return health
        return None


def compile_rule(lines: Iterable[str], shared: Mapping[str, Sequence[str]]) -> Rule:
    """The rule that lines say, with the shared rules that they may name. Raises ValueError for a line that is none."""
    compiled = tuple(_line(line) for line in _expand(lines, shared))
    pauses = tuple(line for line in compiled if line.status is HealthStatus.SUSPENDED)
    return Rule(pauses, tuple(line for line in compiled if line.status is not HealthStatus.SUSPENDED))


def _expand(lines: Iterable[str], shared: Mapping[str, Sequence[str]]) -> Iterator[str]:
    for line in lines:
        if line.startswith("@"):
            yield from _expand(shared[line[1:]], shared)
        else:
            yield line


def _line(line: str) -> Line:
    state, _, tests = line.partition(":")
    if state == "WORD":
        return Line(None, (), _path(tests.strip()))
    return Line(HealthStatus(state), tuple(_test(test.strip()) for test in tests.split("&") if test.strip()))


def _path(path: str) -> tuple[str, ...]:
    return tuple(part.strip("[]") for part in re.findall(r"\[[^\]]+\]|[^.\[\]]+", path))


def _worded(seen: Evidence, path: tuple[str, ...]) -> Health | None:
    for value in at(seen.obj, path):
        if status := vocabulary.meaning(text(value)):
            return Health(status, text(seen.status.get("message")) or f"{path[-1]} is {text(value)}")
    return None


def _test(source: str) -> Test:
    parts = _TEST.fullmatch(source)
    if parts is None or (parts["path"] and not parts["op"] and parts["rest"]):
        raise ValueError(f"the rules of health: {source!r} is no test")
    test = _positive(_path(parts["path"] or ""), parts["op"], parts["rest"])
    if not parts["not"]:
        return test
    return lambda seen: "" if test(seen) is None else None


def _positive(path: tuple[str, ...], op: str, rest: str) -> Test:
    if not path:
        return _of_status(op + rest)
    if op == ":":
        return _of_parts(path, rest)
    if op == "=":
        return _equals(path, tuple(value.strip() for value in rest.split("|")))
    if op:
        if not re.fullmatch(_PATH, rest):
            raise ValueError(f"the rules of health: {rest!r} is no path")
        return _below(path, _path(rest)) if op == "<" else _differs(path, _path(rest))
    return lambda seen: next((_told(seen, path, value) for value in at(seen.obj, path) if value), None)


def _told(seen: Evidence, path: tuple[str, ...], value: Any) -> str:
    """Why a field's value decides: the status's own message where it has one."""
    shown = f" is {text(value)}" if text(value) else ""
    return text(seen.status.get("message")) or ".".join(path[path[0] == "status" :]) + shown


def _equals(path: tuple[str, ...], wanted: tuple[str, ...]) -> Test:
    patterns = [value.lower() for value in wanted if not value.startswith(".")]
    others = [_path(value) for value in wanted if value.startswith(".")]

    def test(seen: Evidence) -> str | None:
        for value in at(seen.obj, path):
            found = text(value).lower()
            # What stands in the object is compared as it is: only a rule's own text is a pattern.
            if _any(found, patterns) or any(found in _texts(seen, other) for other in others):
                return _told(seen, path, value)
        return None

    return test


def _differs(path: tuple[str, ...], other: tuple[str, ...]) -> Test:
    def test(seen: Evidence) -> str | None:
        known = _texts(seen, other)
        return next((_told(seen, path, value) for value in at(seen.obj, path) if known - {text(value).lower()}), None)

    return test


def _texts(seen: Evidence, path: tuple[str, ...]) -> set[str]:
    return {text(value).lower() for value in at(seen.obj, path)}


def _below(path: tuple[str, ...], limit: tuple[str, ...]) -> Test:
    def test(seen: Evidence) -> str | None:
        found, wanted = _counted(next(at(seen.obj, path), 0)), number(next(at(seen.obj, limit), None))
        return None if wanted is None or found >= wanted else f"{path[-1]}: {found} of {wanted}"

    return test


def _counted(value: Any) -> int:
    """A count, also where it is written as a share: `1/2`."""
    return number(value.partition("/")[0] if isinstance(value, str) else value) or 0


def _of_parts(path: tuple[str, ...], source: str) -> Test:
    inner = _test(source)

    def test(seen: Evidence) -> str | None:
        for part in at(seen.obj, path):
            found, stale = conditions(part, seen.generation)
            if isinstance(part, dict) and not stale and (why := inner(replace(seen, obj=part, conditions=found))) is not None:
                return why
        return None

    return test


def _of_status(source: str) -> Test:
    matches = _condition(source)
    return lambda seen: matches(seen.conditions)


def _condition(source: str) -> Callable[[Conditions], str | None]:
    parts = _CONDITION.fullmatch(source)
    if parts is None:
        raise ValueError(f"the rules of health: {source!r} is no test of a condition")
    type_, statuses = parts["type"], (parts["status"] or ("*" if parts["reasons"] else "True")).split("|")
    reasons = (parts["reasons"] or "*").split("|")

    def matches(found: Conditions) -> str | None:
        for condition in found:
            if condition.type == type_ and _any(condition.status, statuses) and _any(condition.reason, reasons):
                return str(condition)
        return None

    return matches


def _any(value: str, patterns: Sequence[str]) -> bool:
    return any(pattern == value or ("*" in pattern and fnmatchcase(value, pattern)) for pattern in patterns)

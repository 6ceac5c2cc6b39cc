"""Semantic versions (semver.org 2.0), and the ranges of them that `targetRevision` may name (as Masterminds/semver reads them).

A range is alternatives with `||` between, each a list of comparisons that must all hold: `>=1.2, <2`, `^1.2`, `~1.2.3`,
`1.x`, `1.2 - 1.4`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import total_ordering

_MAX_LENGTH = 256
_NUMBER = r"(?:0|[1-9][0-9]{0,17})"
_VERSION = re.compile(
    rf"v?({_NUMBER})(?:\.({_NUMBER}))?(?:\.({_NUMBER}))?(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z.-]+)?"
)
_PART = r"(?:[xX*]|[0-9]{1,18})"
_COMPARISON = re.compile(
    rf"\s*(=|==|!=|>=|=>|<=|=<|>|<|~>|~|\^)?\s*v?({_PART})(?:\.({_PART}))?(?:\.({_PART}))?(-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?\s*"
)
_HYPHEN = re.compile(r"(?<=\S)\s+-\s+(?=\S)")


@total_ordering
@dataclass(frozen=True, slots=True)
class Version:
    """A version; build metadata counts for nothing. A pre-release comes before its release."""

    major: int
    minor: int
    patch: int
    prerelease: tuple[str, ...] = ()

    def __lt__(self, other: Version) -> bool:
        """Precedence (semver.org, 11)."""
        return self._order() < other._order()

    def _order(self) -> tuple[object, ...]:
        words = tuple((0, int(word), "") if word.isdigit() else (1, 0, word) for word in self.prerelease)
        return (self.major, self.minor, self.patch, not self.prerelease, words)


def parse_version(text: str) -> Version | None:
    """The version that a tag names, with or without a leading `v`, missing parts as 0; None where it names none."""
    match = _VERSION.fullmatch(text) if len(text) <= _MAX_LENGTH else None
    if match is None:
        return None
    major, minor, patch, prerelease = match.groups()
    return Version(int(major), int(minor or 0), int(patch or 0), tuple(prerelease.split(".")) if prerelease else ())


@dataclass(frozen=True, slots=True)
class _Bounds:
    """`low` <= version < `high` (either may be open). `negated` turns it round; `prereleases` lets those of these bounds in."""

    low: Version | None
    high: Version | None
    prereleases: bool
    negated: bool = False

    def holds(self, version: Version) -> bool:
        if version.prerelease and not self.prereleases:
            return False
        inside = (self.low is None or self.low <= version) and (self.high is None or version < self.high)
        return inside is not self.negated


Range = tuple[tuple[_Bounds, ...], ...]


def parse_range(text: str) -> Range | None:
    """The range that `text` writes; None where it is none. A full version alone is no range: it may be the name of a tag."""
    if len(text) > _MAX_LENGTH or _is_exact(text):
        return None
    alternatives = []
    for alternative in text.split("||"):
        bounds = _alternative(alternative)
        if not bounds:
            return None
        alternatives.append(bounds)
    return tuple(alternatives)


def best(wanted: Range, tags: Iterable[str]) -> str | None:
    """The tag with the highest version in the range, None where none is in it.

    Pre-releases count only where the range names one.
    """
    fitting = [(version, tag) for tag in tags if (version := parse_version(tag)) and _in_range(wanted, version)]
    return max(fitting, default=(None, None))[1]


def _in_range(wanted: Range, version: Version) -> bool:
    return any(all(bounds.holds(version) for bounds in alternative) for alternative in wanted)


def _is_exact(text: str) -> bool:
    match = _VERSION.fullmatch(text.strip())
    return match is not None and match[3] is not None


def _alternative(text: str) -> tuple[_Bounds, ...] | None:
    ends = _HYPHEN.split(text.strip())
    if len(ends) == len(("from", "to")):
        text = f">={ends[0]}, <={ends[1]}"
    bounds: list[_Bounds] = []
    for part in re.split(r"\s*,\s*|(?<=[0-9xX*])\s+(?=[=<>!~^vV0-9xX*])", text.strip()):
        match = _COMPARISON.fullmatch(part)
        if match is None:
            return None
        bounds.append(_bounds(*match.groups()))
    return tuple(bounds)


def _bounds(operator: str | None, major: str, minor: str | None, patch: str | None, prerelease: str | None) -> _Bounds:
    """What one comparison allows. A missing part, or `x`, stands for any: `>1.2` is from 1.3 on, `<=1.2` up to all of 1.2."""
    given = [int(part) for part in _leading((major, minor, patch))]
    if not given:
        return _Bounds(None, None, prereleases=False)
    low = _filled(given, tuple(prerelease[1:].split(".")) if prerelease else ())
    span = _above(given, len(given))
    bound = _OPERATORS[operator or "="](low, span, given)
    return _Bounds(*bound, prereleases=prerelease is not None, negated=operator == "!=")


def _leading(parts: Iterable[str | None]) -> Iterable[str]:
    for part in parts:
        if part is None or part in "xX*":
            return
        yield part


def _above(given: list[int], place: int) -> Version:
    """The first version that differs in part `place` (from 1) or before: pre-releases of it included, as they come before it."""
    numbers = given[:place]
    numbers[-1] += 1
    return _filled(numbers)


def _filled(numbers: list[int], prerelease: tuple[str, ...] = ()) -> Version:
    major, minor, patch = (*numbers, 0, 0)[:3]
    return Version(major, minor, patch, prerelease)


def _just_above(low: Version, span: Version, given: list[int]) -> Version:
    """The end of what a comparison names: the version itself, or all that its missing parts stand for."""
    if len(given) < len(("major", "minor", "patch")):
        return span
    if low.prerelease:
        return Version(low.major, low.minor, low.patch, (*low.prerelease, "0"))
    return Version(low.major, low.minor, low.patch + 1, ("0",))


def _caret(given: list[int]) -> Version:
    """Nothing left of the first part that is not 0 may change."""
    place = next((index for index, number in enumerate(given, 1) if number), len(given))
    return _above(given, place)


_Ends = tuple[Version | None, Version | None]
_OPERATORS: dict[str, Callable[[Version, Version, list[int]], _Ends]] = {
    "=": lambda low, span, given: (low, _just_above(low, span, given)),
    "!=": lambda low, span, given: (low, _just_above(low, span, given)),
    ">": lambda low, span, given: (_just_above(low, span, given), None),
    ">=": lambda low, _span, _given: (low, None),
    "<": lambda low, _span, _given: (None, low),
    "<=": lambda low, span, given: (None, _just_above(low, span, given)),
    "~": lambda low, _span, given: (low, _above(given, min(len(given), 2))),
    "^": lambda low, _span, given: (low, _caret(given)),
}
_OPERATORS |= {"==": _OPERATORS["="], "=>": _OPERATORS[">="], "=<": _OPERATORS["<="], "~>": _OPERATORS["~"]}

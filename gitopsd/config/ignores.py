"""What can be wrong with a rule of `ignoreDifferences`, found where it is written and not where it is used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gitopsd.config.rules import Finding
from gitopsd.formats.jq import JqError, compiled

_PARTS = ("jsonPointers", "jqPathExpressions", "managedFieldsManagers")


def ignore_findings(rule: Mapping[str, Any]) -> Iterator[Finding]:
    """Pointers and expressions that are none, and a rule that ignores nothing."""
    if not any(rule.get(part) for part in _PARTS):
        yield (), f"ignores nothing: it needs one of {', '.join(_PARTS)}"
    for index, pointer in _texts(rule.get("jsonPointers")):
        if not pointer.startswith("/"):
            yield ("jsonPointers", index), "is no JSON pointer: it must begin with / as in /spec/replicas"
    for index, expression in _texts(rule.get("jqPathExpressions")):
        try:
            compiled(expression)
        except JqError as error:
            yield ("jqPathExpressions", index), str(error)


def _texts(values: Any) -> Iterator[tuple[int, str]]:
    if isinstance(values, list):
        yield from ((index, value) for index, value in enumerate(values) if isinstance(value, str))

"""Which objects a patch or a replacement is for: patterns over ids, selectors over labels and annotations."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from gitopsd.formats.regexp import is_literal, whole
from gitopsd.model.errors import RenderError
from gitopsd.render.kustomize.resource import metadata_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from gitopsd.render.kustomize.api import Selector
    from gitopsd.render.kustomize.ids import Gvk
    from gitopsd.render.kustomize.resource import Resource, ResourceSet


def pattern(text: str) -> Callable[[str], bool]:
    """Whether a text as a whole matches a regular expression; an empty expression matches all. Raises RenderError."""
    return whole(text) if text else _anything


def _anything(_value: str) -> bool:
    return True


def gvk_matches(selector: Selector, gvk: Gvk) -> bool:
    """Whether group, version and kind match the selector's patterns."""
    return pattern(selector.kind)(gvk.kind) and pattern(selector.group)(gvk.group) and pattern(selector.version)(gvk.version)


def select(resources: ResourceSet, selector: Selector) -> list[Resource]:
    """The resources that a patch target names, by their original or their current name and namespace."""
    if selector.name and is_literal(selector.name):
        candidates = resources.named(selector.name)
    elif selector.kind:
        candidates = resources.of_kinds(pattern(selector.kind))
    else:
        candidates = list(resources)
    return [resource for resource in candidates if _selected(resource, selector)]


def _selected(resource: Resource, selector: Selector) -> bool:
    now, before = resource.id, resource.original
    name, namespace = pattern(selector.name), pattern(selector.namespace)
    return (
        gvk_matches(selector, now.gvk)
        and (name(before.name) or name(now.name))
        and (namespace(before.namespace) or namespace(now.namespace))
        and markers_match(resource.object, selector)
    )


def markers_match(obj: dict[str, Any], selector: Selector) -> bool:
    """Whether labels and annotations match the selector's expressions."""
    metadata = metadata_of(obj)
    return matches(selector.label_selector, metadata.get("labels")) and matches(
        selector.annotation_selector, metadata.get("annotations")
    )


class _Requirement(NamedTuple):
    key: str
    operator: str
    values: frozenset[str]

    def holds(self, labels: Mapping[str, Any]) -> bool:
        present = self.key in labels
        value = str(labels.get(self.key))
        match self.operator:
            case "exists":
                return present
            case "absent":
                return not present
            case "in":
                return present and value in self.values
            case "notin":
                return not present or value not in self.values
        return present and _is_number(value) and _compare(self.operator, int(value), int(next(iter(self.values))))


def _is_number(text: str) -> bool:
    return re.fullmatch(r"-?\d+", text) is not None


def _compare(operator: str, left: int, right: int) -> bool:
    return left > right if operator == "gt" else left < right


def matches(expression: str, labels: Any) -> bool:
    """Whether labels satisfy a selector as kubectl's `-l` takes it. Raises RenderError for one that can't be read."""
    if not expression.strip():
        return True
    mapping = labels if isinstance(labels, Mapping) else {}
    return all(requirement.holds(mapping) for requirement in _parse(expression))


_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
_KEY = rf"(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?/)?{_NAME}"
_VALUE = rf"(?:{_NAME})?"
_TERM = re.compile(
    rf"""\s*(?:
        (?P<set_key>{_KEY})\s+(?P<set_op>in|notin)\s*\((?P<set>[^()]*)\)
      | (?P<key>{_KEY})\s*(?P<op>==|=|!=|>|<)\s*(?P<value>{_VALUE})
      | (?P<absent>!)\s*(?P<absent_key>{_KEY})
      | (?P<exists>{_KEY})
    )\s*(?P<end>,|$)""",
    re.VERBOSE,
)
_OPERATORS = {"=": "in", "==": "in", "!=": "notin", ">": "gt", "<": "lt"}


@lru_cache(maxsize=256)
def _parse(expression: str) -> tuple[_Requirement, ...]:
    requirements: list[_Requirement] = []
    position, more = 0, True
    while more:
        term = _TERM.match(expression, position)
        if term is None:
            raise RenderError(f"{expression!r} is not a label selector")
        requirements.append(_requirement(term, expression))
        position, more = term.end(), term["end"] == ","
    return tuple(requirements)


def _requirement(term: re.Match[str], expression: str) -> _Requirement:
    if term["set_key"]:
        return _Requirement(term["set_key"], term["set_op"], frozenset(part.strip() for part in term["set"].split(",")))
    if term["key"]:
        operator = _OPERATORS[term["op"]]
        if operator in {"gt", "lt"} and not _is_number(term["value"]):
            raise RenderError(f"{expression!r}: {term['value']!r} must be a whole number")
        return _Requirement(term["key"], operator, frozenset({term["value"]}))
    if term["absent"]:
        return _Requirement(term["absent_key"], "absent", frozenset())
    return _Requirement(term["exists"], "exists", frozenset())

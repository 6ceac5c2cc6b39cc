"""Which lists merge, and by which keys: the part of OpenAPI that strategic merges need.

kustomize reads `x-kubernetes-patch-strategy`, `x-kubernetes-patch-merge-key` and `x-kubernetes-list-map-keys` of the API server's
OpenAPI. A list merges only if its strategy says so; the map keys name several fields that identify an item together (a
container's port and protocol), the merge key one; a list without either is a set of plain values (finalizers).

A `MapType` holds only fields that lead to such a list: what is missing there has nothing to merge. It may be
cyclic, as schemas are.
"""

from __future__ import annotations

import json
import pkgutil
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple, Self, TypeAlias

_STRATEGY = "x-kubernetes-patch-strategy"
_MERGE_KEY = "x-kubernetes-patch-merge-key"
_MAP_KEYS = "x-kubernetes-list-map-keys"
_GVK = "x-kubernetes-group-version-kind"

ANY_FIELD = "*"
"""The name in a MapType for the values of a map whose keys are data."""

MapType: TypeAlias = dict[str, "MapType | ListType"]
Kind: TypeAlias = tuple[str, str]
"""apiVersion and kind."""


class ListType(NamedTuple):
    """A list that merges. `keys` together identify an item; without any the items are plain values."""

    keys: tuple[str, ...]
    items: MapType


class Schema(NamedTuple):
    """The types of all known kinds."""

    kinds: Mapping[Kind, MapType]

    @classmethod
    @cache
    def builtin(cls) -> Self:
        """The kinds of Kubernetes itself, from `data/merge_keys.json` (see `tools/merge_keys.py`)."""
        return cls.from_compact(_builtin())

    @classmethod
    def from_openapi(cls, document: Any, *, with_builtin: bool = False) -> Self:
        """From a user's OpenAPI document: `definitions` (v2) or `components.schemas` (v3). What is malformed has no keys.

        It stands for all kinds, unless `with_builtin` adds Kubernetes' own, which then win over definitions of their names.
        kustomize adds them to a document that it comes upon after it has met objects.
        """
        return cls.from_compact(compact(document, _builtin() if with_builtin else None))

    @classmethod
    def from_compact(cls, document: Mapping[str, Any]) -> Self:
        """From what `compact` gives."""
        types: dict[str, MapType] = {name: {} for name in document["types"]}
        for name, fields in document["types"].items():
            types[name].update({field: _field(spec, types) for field, spec in fields.items()})
        kinds = {
            (version, kind): types.get(name, {})
            for version, by_kind in document["kinds"].items()
            for kind, name in by_kind.items()
        }
        return cls(kinds)

    def type_of(self, value: Any) -> MapType | None:
        """The type of what says its own apiVersion and kind; None where it doesn't, or is unknown."""
        if not isinstance(value, dict):
            return None
        version, kind = value.get("apiVersion"), value.get("kind")
        return self.kinds.get((version, kind)) if isinstance(version, str) and isinstance(kind, str) else None


def _field(spec: Any, types: Mapping[str, MapType]) -> MapType | ListType:
    """A type's name, or `[keys, name of the items' type or null]` for a list that merges."""
    if isinstance(spec, str):
        return types[spec]
    keys, items = spec
    return ListType(tuple(keys), types[items] if items else {})


@cache
def _builtin() -> dict[str, Any]:
    # importlib.resources reads it as well, and takes as long to load as a small overlay takes to render.
    document: dict[str, Any] = json.loads(pkgutil.get_data("gitopsd.render.kustomize", "data/merge_keys.json") or b"{}")
    return document


def compact(document: Any, stronger: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What matters of an OpenAPI document, as JSON: `types` by name with their fields, and `kinds` by version and kind.

    Types that lead to no merging list are left out, as fields and everywhere else. What `stronger`, itself compact, knows stays.
    """
    definitions = _definitions(document)
    types: dict[str, dict[str, Any]] = dict(stronger["types"]) if stronger else {}
    for name, definition in definitions.items():
        _collect(name, definition, types)
    _prune(types)
    kinds: dict[str, dict[str, str]] = {}
    for name, definition in sorted(definitions.items()):
        for version, kind in _kinds(definition):
            kinds.setdefault(version, {})[kind] = name if name in types else ""
    for version, by_kind in stronger["kinds"].items() if stronger else ():
        kinds[version] = {**kinds.get(version, {}), **by_kind}
    return {"kinds": kinds, "types": types}


def _definitions(document: Any) -> dict[str, dict[str, Any]]:
    found = _mapping(document).get("definitions") or _mapping(_mapping(document).get("components")).get("schemas")
    return {name: definition for name, definition in _mapping(found).items() if isinstance(definition, dict)}


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _kinds(definition: dict[str, Any]) -> Iterator[Kind]:
    found = definition.get(_GVK)
    for gvk in found if isinstance(found, list) else [found]:
        if isinstance(gvk, dict) and gvk.get("kind"):
            group, version = str(gvk.get("group") or ""), str(gvk.get("version") or "")
            yield (f"{group}/{version}" if group else version), str(gvk["kind"])


def _collect(name: str, definition: dict[str, Any], types: dict[str, dict[str, Any]]) -> None:
    """Adds the type `name` and those that its definition holds inline, which get names of their own."""
    if name in types:
        return
    types[name] = {}
    fields = {ANY_FIELD: definition.get("additionalProperties"), **_mapping(definition.get("properties"))}
    for field, schema in fields.items():
        if not isinstance(schema, dict):
            continue
        if schema.get("type") != "array":
            types[name][field] = _named(schema, f"{name}.{field}", types)
        elif "merge" in str(schema.get(_STRATEGY, "")).split(","):
            types[name][field] = [_keys(schema), _named(_mapping(schema.get("items")), f"{name}.{field}", types)]


def _named(schema: dict[str, Any], inline: str, types: dict[str, dict[str, Any]]) -> str:
    """The name of a schema's type: what it refers to (v3 wraps a reference in `allOf`), or a new one for itself."""
    wrapped = schema.get("allOf")
    target = wrapped[0] if isinstance(wrapped, list) and len(wrapped) == 1 else schema
    reference = _mapping(target).get("$ref")
    if isinstance(reference, str):
        return reference.rpartition("/")[2]
    _collect(inline, schema, types)
    return inline


def _keys(schema: dict[str, Any]) -> list[str]:
    """The map keys if there are any, else the merge key."""
    several = schema.get(_MAP_KEYS)
    if isinstance(several, list):
        return [str(key) for key in several]
    return [str(schema[_MERGE_KEY])] if schema.get(_MERGE_KEY) else []


def _prune(types: dict[str, dict[str, Any]]) -> None:
    """Drops types without merging lists in them, and what refers to those, until nothing changes."""
    useful = {name for name, fields in types.items() if any(isinstance(spec, list) for spec in fields.values())}
    grown = True
    while grown:
        more = {
            name for name, fields in types.items() if any(spec in useful for spec in fields.values() if isinstance(spec, str))
        }
        grown = not more <= useful
        useful |= more
    for name in list(types):
        if name not in useful:
            del types[name]
            continue
        kept = {field: spec for field, spec in types[name].items() if isinstance(spec, list) or spec in useful}
        types[name] = {field: _pruned(spec, useful) for field, spec in sorted(kept.items())}


def _pruned(spec: Any, useful: set[str]) -> Any:
    return spec if isinstance(spec, str) else [spec[0], spec[1] if spec[1] in useful else None]

"""Reading an OpenAPI 3.1 description: enough of JSON Schema to find fault with a document, and to make up requests."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of the description."""

    method: str
    path: str
    details: dict[str, Any]

    def parameters(self, place: str) -> list[dict[str, Any]]:
        """Those in `path`, `query` or `header`."""
        return [parameter for parameter in self.details.get("parameters", ()) if parameter["in"] == place]


@dataclass(frozen=True, slots=True)
class Description:
    """The whole of it."""

    document: dict[str, Any]

    def operations(self) -> list[Operation]:
        """All operations, in their order."""
        paths = self.document["paths"].items()
        return [Operation(method.upper(), path, details) for path, methods in paths for method, details in methods.items()]

    def resolved(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The schema itself, where there is only a reference. A reference that leads nowhere is a KeyError."""
        while "$ref" in schema:
            node: Any = self.document
            for step in schema["$ref"].removeprefix("#/").split("/"):
                node = node[step]
            schema = node
        return schema

    def references(self, node: Any = None) -> Iterator[dict[str, Any]]:
        """Everything that refers to something."""
        node = self.document if node is None else node
        if isinstance(node, dict):
            if isinstance(node.get("$ref"), str):
                yield node
            for value in node.values():
                yield from self.references(value) if value is not None else ()
        elif isinstance(node, list):
            for value in node:
                yield from self.references(value) if value is not None else ()

    def faults(self, value: Any, schema: dict[str, Any], at: str = "") -> list[str]:
        """Where a document is not what the schema says: types, required and unknown properties, items, constants."""
        schema = self.resolved(schema)
        if "anyOf" in schema:
            found = [self.faults(value, choice, at) for choice in schema["anyOf"]]
            return [] if any(not faults for faults in found) else found[0]
        if "const" in schema:
            return [] if value == schema["const"] else [f"{at}: is not {schema['const']}"]
        kind = schema.get("type")
        if kind and (not isinstance(value, _TYPES[kind]) or (isinstance(value, bool) and kind != "boolean")):
            return [f"{at}: is no {kind}"]
        if kind == "object":
            return self._properties(value, schema, at)
        if kind == "array":
            return [fault for n, item in enumerate(value) for fault in self.faults(item, schema.get("items", {}), f"{at}[{n}]")]
        return []

    def _properties(self, value: dict[str, Any], schema: dict[str, Any], at: str) -> list[str]:
        known = schema.get("properties", {})
        more = schema.get("additionalProperties", not known)
        faults = [f"{at}.{name}: is missing" for name in schema.get("required", ()) if name not in value]
        for name, inner in value.items():
            if name in known:
                faults += self.faults(inner, known[name], f"{at}.{name}")
            elif not more:
                faults.append(f"{at}.{name}: is not described")
            elif isinstance(more, dict):
                faults += self.faults(inner, more, f"{at}.{name}")
        return faults

    def values(self, schema: dict[str, Any]) -> st.SearchStrategy[Any]:
        """Values that a schema allows."""
        schema = self.resolved(schema)
        if "anyOf" in schema:
            return st.one_of([self.values(choice) for choice in schema["anyOf"]])
        match schema.get("type"):
            case "object":
                return st.fixed_dictionaries({}, optional={n: self.values(s) for n, s in schema.get("properties", {}).items()})
            case "array":
                return st.lists(self.values(schema["items"]), max_size=4)
            case "string":
                return st.text(max_size=schema.get("maxLength", 40))
            case "integer":
                return st.integers(schema.get("minimum"), schema.get("maximum"))
            case "boolean":
                return st.booleans()
            case "null":
                return st.none()
        return anything


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
"""Any JSON."""


def placeholders(path: str) -> set[str]:
    """The names in braces."""
    return set(re.findall(r"\{(\w+)\}", path))

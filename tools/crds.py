"""Writes deploy/components/definitions/crds.yaml: the definitions of Application and AppProject, from gitopsd's own schema.

    python -m tools.crds > deploy/components/definitions/crds.yaml

Names, scope and printer columns are Argo CD's, so that either one's definition serves the other. As there, status is a part of the
object and no subresource. What gitopsd does not model is kept as it is. In what it models of an Application the server knows
misspelt fields; those of an AppProject are for gitopsd to refuse.
"""

from __future__ import annotations

import sys
from typing import Any

from gitopsd.config.application import GROUP, application_schema
from gitopsd.config.project import project_schema
from gitopsd.formats.yamlwrite import dump

VERSION = "v1alpha1"
_ANYTHING = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
_KEPT = ("description", "enum", "minimum", "maximum")

_COLUMNS = (
    ("Sync Status", ".status.sync.status", 0),
    ("Health Status", ".status.health.status", 0),
    ("Revision", ".status.sync.revision", 10),
    ("Project", ".spec.project", 10),
)
"""What `kubectl get applications` shows; the last two with `-o wide`."""


def structural(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """A JSON Schema as Kubernetes takes it: without references, unions and titles."""
    if "$ref" in schema:
        return structural(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    if "anyOf" in schema:
        choices = [choice for choice in schema["anyOf"] if choice.get("type") != "null"]
        if len(choices) > 1:
            return {"x-kubernetes-int-or-string": True}
        return structural(choices[0], definitions) | {"nullable": True}
    kept = {name: schema[name] for name in _KEPT if name in schema}
    return kept | _shape(schema, definitions)


def _shape(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    match schema:
        case {"type": "array", "items": items}:
            return {"type": "array", "items": structural(items, definitions)}
        case {"type": "object", "properties": fields}:
            properties = {name: structural(inner, definitions) for name, inner in fields.items()}
            required = {"required": schema["required"]} if "required" in schema else {}
            return {"type": "object", "properties": properties, **required}
        case {"type": "object", "additionalProperties": dict() as values}:
            return {"type": "object", "additionalProperties": structural(values, definitions)}
        case {"type": "object"}:
            return _ANYTHING
        case _:
            return {"type": schema["type"]}


def application() -> dict[str, Any]:
    """The definition of Application."""
    schema = application_schema()
    spec = structural(schema["properties"]["spec"], schema["$defs"])
    columns = [{"name": name, "type": "string", "jsonPath": path, "priority": priority} for name, path, priority in _COLUMNS]
    return definition("Application", ["app", "apps"], spec, {"status": _ANYTHING, "operation": _ANYTHING}, columns)


def project() -> dict[str, Any]:
    """The definition of AppProject."""
    schema = project_schema()
    spec = keeping(structural(schema["properties"]["spec"], schema["$defs"]))
    return definition("AppProject", ["appproj", "appprojs"], spec, {"status": _ANYTHING}, [])


def keeping(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema by which the server drops nothing: a field that gitopsd does not know may forbid something, and is refused."""
    match schema:
        case {"properties": fields}:
            kept = {name: keeping(inner) for name, inner in fields.items()}
            return {**schema, "properties": kept, "x-kubernetes-preserve-unknown-fields": True}
        case {"items": items}:
            return {**schema, "items": keeping(items)}
        case _:
            return schema


def definition(
    kind: str, short: list[str], spec: dict[str, Any], more: dict[str, Any], columns: list[dict[str, Any]]
) -> dict[str, Any]:
    """A CustomResourceDefinition with one version."""
    singular = kind.lower()
    properties = {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": {"type": "object"},
        "spec": spec,
        **more,
    }
    version = {
        "name": VERSION,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": {"type": "object", "required": ["metadata", "spec"], "properties": properties}},
        **({"additionalPrinterColumns": columns} if columns else {}),
    }
    names = {"kind": kind, "listKind": f"{kind}List", "plural": f"{singular}s", "singular": singular, "shortNames": short}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{singular}s.{GROUP}"},
        "spec": {"group": GROUP, "scope": "Namespaced", "names": names, "versions": [version]},
    }


def text() -> str:
    """The file."""
    return "# Written by tools/crds.py; a test holds it to the schema.\n" + dump([application(), project()])


if __name__ == "__main__":
    sys.stdout.write(text())

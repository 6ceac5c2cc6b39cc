"""`crds:` files describe fields of custom kinds with extensions: which hold labels, annotations, names of other objects."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from gitopsd.model.errors import RenderError
from gitopsd.render.kustomize.config import NameReference, TransformerConfig
from gitopsd.render.kustomize.fieldspec import FieldSpec
from gitopsd.render.kustomize.ids import Gvk

if TYPE_CHECKING:
    from collections.abc import Iterable

_PREFIX = "x-kubernetes-"
_REFERENCE = f"{_PREFIX}object-ref-"
_KIND_FIELDS = {"kind", "apiVersion", "metadata"}


def config_from_crds(documents: Iterable[Any]) -> TransformerConfig:
    """The field specs that OpenAPI definitions (`name: {Schema: {properties: ...}}`) declare. Raises RenderError."""
    config = TransformerConfig()
    for definitions in documents:
        if not isinstance(definitions, dict):
            raise RenderError("a file of crds holds a mapping of type names to OpenAPI definitions")
        for name, definition in definitions.items():
            if not isinstance(definition, dict | None):
                raise RenderError(f"a file of crds holds OpenAPI definitions by name, not objects: {name} is none")
        for name in definitions:
            if definitions.keys() and _properties(definitions, name).keys() >= _KIND_FIELDS:
                config = config.merge(_config_of(definitions, name))
    return config


def _config_of(definitions: dict[str, Any], name: str) -> TransformerConfig:
    gvk = Gvk(kind=name.rpartition(".")[2])
    found: dict[str, list[FieldSpec]] = {"common_annotations": [], "common_labels": [], "name_prefix": []}
    references: list[NameReference] = []
    marks = {"annotation": "common_annotations", "label-selector": "common_labels", "identity": "name_prefix"}
    for path, schema in _walk(definitions, name, (), frozenset()):
        for mark, target in marks.items():
            if _PREFIX + mark in schema:
                found[target].append(FieldSpec("/".join(path), gvk))
        if f"{_REFERENCE}api-version" in schema and f"{_REFERENCE}kind" in schema:
            key = str(schema.get(f"{_REFERENCE}name-key", "name"))
            target_gvk = Gvk(version=str(schema[f"{_REFERENCE}api-version"]), kind=str(schema[f"{_REFERENCE}kind"]))
            references.append(NameReference(target_gvk, (FieldSpec("/".join((*path, key)), gvk),)))
    known: dict[str, Any] = {key: tuple(specs) for key, specs in found.items()}
    config = TransformerConfig(**known)
    for reference in references:
        config = config.merge(TransformerConfig(name_reference=(reference,)))
    return config


def _walk(
    definitions: dict[str, Any], name: str, path: tuple[str, ...], seen: frozenset[str]
) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """Each property below a definition with its path, following references to other definitions once."""
    for field, schema in _properties(definitions, name).items():
        if not isinstance(schema, dict):
            continue
        here = (*path, field)
        yield here, schema
        reference = schema.get("$ref")
        if isinstance(reference, str) and reference not in seen:
            yield from _walk(definitions, reference, here, seen | {reference})


def _properties(definitions: dict[str, Any], name: str) -> dict[str, Any]:
    value: Any = definitions.get(name)
    for key in ("schema", "properties"):
        if not isinstance(value, dict):
            return {}
        value = next((inner for inner_key, inner in value.items() if inner_key.lower() == key), None)
    return value if isinstance(value, dict) else {}

"""The field specs of each transformation: kustomize's defaults, and what `configurations:` and `crds:` add to them."""

from __future__ import annotations

import json
import pkgutil
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from gitopsd.model.errors import RenderError
from gitopsd.render.kustomize.fieldspec import FieldSpec
from gitopsd.render.kustomize.ids import Gvk
from gitopsd.render.kustomize.order import kind_order

if TYPE_CHECKING:
    from collections.abc import Iterable

Specs = tuple[FieldSpec, ...]


@dataclass(frozen=True, slots=True)
class NameReference:
    """The fields that may hold the name of an object of kind `target`."""

    target: Gvk
    fields: Specs


@dataclass(frozen=True, slots=True)
class TransformerConfig:
    """Where each transformer edits. The names are those of kustomize's configuration files, in snake case."""

    name_prefix: Specs = ()
    name_suffix: Specs = ()
    namespace: Specs = ()
    common_labels: Specs = ()
    labels: Specs = ()
    template_labels: Specs = ()
    common_annotations: Specs = ()
    var_reference: Specs = ()
    images: Specs = ()
    replicas: Specs = ()
    name_reference: tuple[NameReference, ...] = ()

    def merge(self, other: TransformerConfig) -> TransformerConfig:
        """Both together, in kustomize's order. Raises RenderError where they disagree about creating a field.

        It matters that this is done layer by layer: since specs of a kind come before those of all kinds, a custom spec for
        one kind ends the default for all kinds at the same path.
        """
        if other is self or (other is default_config() and self == TransformerConfig()):
            return other
        merged = {
            item.name: tuple(sorted(merge_specs(getattr(self, item.name), getattr(other, item.name)), key=_spec_order))
            for item in fields(self)
            if item.name != "name_reference"
        }
        references = {reference.target: reference.fields for reference in self.name_reference}
        for reference in other.name_reference:
            references[reference.target] = merge_specs(references.get(reference.target, ()), reference.fields)
        ordered = sorted(references.items(), key=lambda item: kind_order(item[0]))
        return TransformerConfig(**merged, name_reference=tuple(NameReference(*item) for item in ordered))


def merge_specs(ours: Specs, theirs: Iterable[FieldSpec]) -> Specs:
    """Our specs and those of theirs that are new. Raises RenderError if one is there with another `create`."""
    by_path: dict[str, list[FieldSpec]] = {}
    for spec in ours:
        by_path.setdefault(spec.path, []).append(spec)
    result = list(ours)
    for spec in theirs:
        bucket = by_path.setdefault(spec.path, [])
        known = next((one for one in bucket if spec.gvk.selects(one.gvk)), None)
        if known is None:
            bucket.append(spec)
            result.append(spec)
        elif known.create != spec.create:
            raise RenderError(f"conflicting fieldspecs: {spec.path} of {spec.gvk} is given with create true and false")
    return tuple(result)


def _spec_order(spec: FieldSpec) -> tuple[int, str]:
    return kind_order(spec.gvk)


_NAMES = {
    "namePrefix": "name_prefix",
    "nameSuffix": "name_suffix",
    "namespace": "namespace",
    "commonLabels": "common_labels",
    "labels": "labels",
    "templateLabels": "template_labels",
    "commonAnnotations": "common_annotations",
    "varReference": "var_reference",
    "images": "images",
    "replicas": "replicas",
}


@lru_cache(maxsize=1)
def default_config() -> TransformerConfig:
    """What kustomize 5.8 has built in (`fieldspecs.json`, where one line may name several kinds)."""
    table: dict[str, list[dict[str, Any]]] = json.loads(pkgutil.get_data(__name__, "fieldspecs.json") or b"{}")
    references = [
        NameReference(Gvk(entry.get("group", ""), entry.get("version", ""), entry["kind"]), _expand(entry["fields"]))
        for entry in table.pop("nameReference")
    ]
    specs = {_NAMES[name]: tuple(sorted(_expand(entries), key=_spec_order)) for name, entries in table.items()}
    references.sort(key=lambda reference: kind_order(reference.target))
    return TransformerConfig(**specs, name_reference=tuple(references))


def _expand(entries: list[dict[str, Any]]) -> Specs:
    return tuple(
        FieldSpec(entry["path"], Gvk(entry.get("group", ""), entry.get("version", ""), kind), entry.get("create", False))
        for entry in entries
        for kind in entry.get("kinds", [""])
    )


def read_config(document: Any) -> TransformerConfig:
    """A file of `configurations:`; unknown keys are ignored. Raises RenderError for a spec of the wrong shape."""
    if document is None:
        return TransformerConfig()
    if not isinstance(document, dict):
        raise RenderError("a transformer configuration must be a mapping")
    by_lower = {name.lower(): ours for name, ours in _NAMES.items()}
    found: dict[str, Any] = {}
    for name, entries in document.items():
        if name.lower() == "namereference":
            found["name_reference"] = tuple(
                NameReference(_gvk(entry), tuple(_read_spec(spec) for spec in _list_of(entry.get("fieldSpecs"), name)))
                for entry in _list_of(entries, name)
            )
        elif (ours := by_lower.get(name.lower())) is not None:
            found[ours] = tuple(_read_spec(entry) for entry in _list_of(entries, name))
    return TransformerConfig(**found)


def _list_of(entries: Any, name: str) -> list[dict[str, Any]]:
    if entries is None:
        return []
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise RenderError(f"{name} must be a list of field specs")
    return entries


def _gvk(entry: dict[str, Any]) -> Gvk:
    return Gvk(*(str(entry.get(part) or "") for part in ("group", "version", "kind")))


def _read_spec(entry: dict[str, Any]) -> FieldSpec:
    return FieldSpec(str(entry.get("path") or ""), _gvk(entry), entry.get("create") is True)

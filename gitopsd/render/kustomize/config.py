"""The field specs of each transformation: kustomize's defaults, and what `configurations:` and `crds:` add to them."""

from __future__ import annotations

import json
import pkgutil
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from gitopsd.model.errors import RenderError
from gitopsd.render.kustomize.api import FieldSpecArgs
from gitopsd.render.kustomize.decode import Reading, decode
from gitopsd.render.kustomize.fieldspec import FieldSpec
from gitopsd.render.kustomize.ids import Gvk
from gitopsd.render.kustomize.order import kind_order

if TYPE_CHECKING:
    from collections.abc import Iterable

Specs = tuple[FieldSpec, ...]


class NameReference(NamedTuple):
    """The fields that may hold the name of an object of kind `target`."""

    target: Gvk
    fields: Specs


class TransformerConfig(NamedTuple):
    """Where each transformer edits. The names are those of kustomize's configuration files, in snake case."""

    name_prefix: Specs = ()
    name_suffix: Specs = ()
    namespace: Specs = ()
    common_labels: Specs = ()
    labels: Specs = ()
    template_labels: Specs = ()
    volume_claim_template_labels: Specs = ()
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
            name: tuple(sorted(merge_specs(getattr(self, name), getattr(other, name)), key=_spec_order))
            for name in _NAMES.values()
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
    "volumeClaimTemplateLabels": "volume_claim_template_labels",
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


class _NameReferenceArgs(NamedTuple):
    """An entry of `nameReference` as written."""

    group: str = ""
    version: str = ""
    kind: str = ""
    field_specs: tuple[FieldSpecArgs, ...] = ()


_Args = tuple[FieldSpecArgs, ...]


class _ConfigArgs(NamedTuple):
    """A file of `configurations:` as written."""

    name_prefix: _Args = ()
    name_suffix: _Args = ()
    namespace: _Args = ()
    common_labels: _Args = ()
    labels: _Args = ()
    template_labels: _Args = ()
    volume_claim_template_labels: _Args = ()
    common_annotations: _Args = ()
    var_reference: _Args = ()
    images: _Args = ()
    replicas: _Args = ()
    name_reference: tuple[_NameReferenceArgs, ...] = ()


def read_config(document: Any) -> TransformerConfig:
    """A file of `configurations:`. Raises FieldError for an unknown key, or a spec of the wrong shape."""
    args = decode(_ConfigArgs, document, Reading.KNOWN_KEYS)
    specs = {name: tuple(map(field_spec, getattr(args, name))) for name in _NAMES.values()}
    references = (
        NameReference(Gvk(one.group, one.version, one.kind), tuple(map(field_spec, one.field_specs)))
        for one in args.name_reference
    )
    return TransformerConfig(**specs, name_reference=tuple(references))


def field_spec(args: FieldSpecArgs) -> FieldSpec:
    """A field spec as the transformers take it."""
    return FieldSpec(args.path, Gvk(args.group, args.version, args.kind), args.create)

"""`vars:`, the old way of using one object's field in others: `$(NAME)` in the fields of `varReference`."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from gitopsd.formats.scalars import text_of
from gitopsd.model.errors import RenderError
from gitopsd.render.kustomize.errors import FieldError
from gitopsd.render.kustomize.fieldpath import MISSING, lookup, split_path
from gitopsd.render.kustomize.fieldspec import Json, compiled, rewrite
from gitopsd.render.kustomize.growth import check_text
from gitopsd.render.kustomize.ids import CLUSTER, DEFAULT_NAMESPACE, Id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from gitopsd.model.errors import Place
    from gitopsd.render.kustomize.api import Var
    from gitopsd.render.kustomize.config import Specs
    from gitopsd.render.kustomize.resource import Resource, ResourceSet

_REFERENCE = re.compile(r"\$(?:\$|\(([^)]*)\))")
_INDEX = re.compile(r"\[(\d+)\]")


class Declared(NamedTuple):
    """A var, and what finds the place where it is declared."""

    var: Var
    place: Callable[[], Place]


def declare(known: dict[str, Declared], resources: ResourceSet, declared: Iterable[Var], place: Callable[[str], Place]) -> None:
    """Adds a layer's vars, and notes them at the objects they read. Raises FieldError for a clash or an ambiguous object."""
    for index, var in enumerate(declared):
        field = f"vars[{index}]"
        matched = _matches(resources, var)
        if len(matched) > 1:
            raise FieldError(f"var {var.name}: found {len(matched)} objects that it may mean (unable to disambiguate)", field)
        if var.name in known:
            raise FieldError(f"var '{var.name}' already encountered", field)
        known[var.name] = Declared(var, partial(place, field))
        for resource in matched:
            resource.referenced_by_vars.append(var.name)


def merge(known: dict[str, Declared], other: Mapping[str, Declared]) -> None:
    """Adds the vars of a base. Raises RenderError if a name is there already."""
    for name, declared in other.items():
        if name in known:
            raise RenderError(f"var '{name}' already encountered")
        known[name] = declared


def _matches(resources: ResourceSet, var: Var) -> list[Resource]:
    reference = var.objref
    gvk = reference.gvk
    cluster = (f"{gvk.group}/{gvk.version}" if gvk.group else gvk.version, gvk.kind) in resources.cluster_scoped
    if cluster or reference.namespace:
        return resources.any(Id(gvk, CLUSTER if cluster else reference.namespace or DEFAULT_NAMESPACE, reference.name))
    return [
        resource
        for resource in resources.named(reference.name)
        if any(one.gvk == gvk and one.name == reference.name for one in (resource.id, *resource.past_ids()))
    ]


def resolve(known: Mapping[str, Declared], resources: ResourceSet, specs: Specs) -> None:
    """Puts the value of each var where `$(NAME)` stands. Raises RenderError for a var without object or field."""
    if not known:
        return
    holders = {name: resource for resource in reversed(list(resources)) for name in resource.referenced_by_vars}
    found = {name: _value(declared, holders.get(name)) for name, declared in known.items()}
    values = {name: value for name, value in found.items() if not isinstance(value, (dict, list))}  # those stay unresolved
    places = compiled(specs)
    for resource in resources:
        tree = places.tree(resource.original.gvk)
        if tree is not None:
            resources.put(resource, rewrite(resource.object, tree, lambda _spec, value: _expand_in(value, values)))


def _value(declared: Declared, holder: Resource | None) -> Json:
    var, place = declared
    if holder is None:
        message = f"var '{var.name}' ({var.objref.gvk}) cannot be mapped to a field in the set of known resources"
        raise RenderError(message, place())
    path = var.fieldref.field_path
    value = lookup(holder.object, split_path(_INDEX.sub(r".\1", path)))
    if value is MISSING:
        message = f"field {path!r} specified in var '{var.name}' not found in corresponding resource {holder.id}"
        raise RenderError(message, place())
    return value


def _expand_in(value: Json, values: Mapping[str, Json]) -> Json:
    if isinstance(value, str):
        return expand(value, values)
    if isinstance(value, list):
        return [_expand_item(item, values) for item in value]
    if isinstance(value, dict):
        return {key: expand(item, values) if isinstance(item, str) else item for key, item in value.items()}
    return value


def _expand_item(item: Json, values: Mapping[str, Json]) -> Json:
    if not isinstance(item, str):
        raise RenderError(f"invalid value type expect a string in a list with vars, there is {item!r}")
    return expand(item, values)


def expand(text: str, values: Mapping[str, Json]) -> Json:
    """The text with `$(NAME)` replaced and `$$` made `$`; a text that is one reference takes the value's own type."""
    whole = _REFERENCE.fullmatch(text)
    if whole and whole[1] in values:
        return values[whole[1]]

    length = len(text)

    def replace(match: re.Match[str]) -> str:
        nonlocal length
        if match[1] is None:
            return "$"
        value = text_of(values[match[1]]) if match[1] in values else match[0]
        length += len(value)
        check_text(length)
        return value

    end = text.rfind(")") + 1  # behind it nothing is a reference, and to look for its end from each `$(` takes quadratic time
    return _REFERENCE.sub(replace, text[:end]) + text[end:].replace("$$", "$")

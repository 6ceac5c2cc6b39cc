"""What ConfigMaps and Secrets have in common, and how a generated one meets one that is there."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from gitopsd.formats.scalars import text_of
from gitopsd.model.errors import RenderError
from gitopsd.render.kustomize.api import GeneratorArgs, GeneratorOptions
from gitopsd.render.kustomize.generators.sources import load_pairs
from gitopsd.render.kustomize.resource import metadata_of, with_metadata

if TYPE_CHECKING:
    from collections.abc import Callable

    from gitopsd.model.refs import Object
    from gitopsd.render.kustomize.resource import Resource, ResourceSet

_DATA = ("data", "binaryData")
_LINE = 70


def data_object(kind: str, args: GeneratorArgs, read: Callable[[str], bytes]) -> tuple[Object, dict[str, bytes]]:
    """A new object of `kind` without data, and its keys and values. Raises RenderError if it has no name."""
    if not args.name:
        raise RenderError(f"a {kind} generator must have a name")
    options = args.options or GeneratorOptions()
    markers = {"labels": dict(options.labels), "annotations": dict(options.annotations), "namespace": args.namespace}
    obj: Object = {
        "apiVersion": "v1",
        "kind": kind,
        "metadata": {"name": args.name, **{name: value for name, value in markers.items() if value}},
    }
    pairs = load_pairs(args, read)
    if options.immutable:
        obj["immutable"] = True
    return obj, pairs


def wrapped_base64(value: bytes) -> str:
    """Base64 as kustomize writes it: in lines of 70 characters, each ended, if there is more than one."""
    text = base64.b64encode(value).decode()
    if len(text) < _LINE:
        return text
    return "".join(f"{text[start : start + _LINE]}\n" for start in range(0, len(text), _LINE))


def merge_options(own: GeneratorOptions | None, common: GeneratorOptions | None) -> GeneratorOptions | None:
    """A generator's options over those of all; its own labels and annotations win, a switch is on if either says so."""
    if own is None or common is None:
        return own or common
    return GeneratorOptions(
        labels=common.labels | own.labels,
        annotations=common.annotations | own.annotations,
        disable_name_suffix_hash=common.disable_name_suffix_hash or own.disable_name_suffix_hash,
        immutable=common.immutable or own.immutable,
    )


def absorb(resources: ResourceSet, made: Resource) -> None:
    """Adds a generated object, or merges it into the one that has or had its id, as its behavior says.

    Raises RenderError if one is there and the behavior is `create`, or none is and it is not, or more than one is.
    """
    there = resources.any(made.id)
    if len(there) > 1:
        raise RenderError(f"found multiple objects that could accept merge of {made.id}")
    if not there:
        if made.behavior != "create":
            raise RenderError(f"id {made.id} does not exist; cannot merge or replace")
        resources.append(made)
        return
    if made.behavior == "create":
        raise RenderError(f"id {made.id} exists; can not use behavior: 'create', behavior must be merge or replace")
    old = there[0]
    merged = _over(old.object, made.object)
    if made.behavior == "merge":
        merged = {name: value for name, value in merged.items() if name not in _DATA} | _merged_data(old.object, made.object)
    else:
        old.origin = made.origin or old.origin
    old.shares = False
    old.needs_hash = old.needs_hash and made.needs_hash
    resources.put(old, merged)


def _over(old: Object, new: Object) -> Object:
    """The new object under the old one's name, with the labels and annotations of both."""
    metadata = metadata_of(old)
    both = {name: _strings(metadata.get(name)) | _strings(metadata_of(new).get(name)) for name in ("labels", "annotations")}
    return with_metadata(
        new,
        name=metadata.get("name"),
        namespace=metadata.get("namespace"),
        **{name: value or None for name, value in both.items()},
    )


def _merged_data(old: Object, new: Object) -> Object:
    both = {name: _data(old.get(name)) | _data(new.get(name)) for name in _DATA}
    return {name: value for name, value in both.items() if value}


def _data(mapping: object) -> dict[str, str]:
    """The values as text; unlike in labels, a null is empty."""
    return {key: "" if value is None else text_of(value) for key, value in mapping.items()} if isinstance(mapping, dict) else {}


def _strings(mapping: object) -> dict[str, str]:
    return {key: text_of(value) for key, value in mapping.items()} if isinstance(mapping, dict) else {}

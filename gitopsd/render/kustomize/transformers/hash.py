"""The hash of generated ConfigMaps and Secrets at the end of their names: a change of content is a change of name."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from gitopsd.render.kustomize.resource import with_metadata

if TYPE_CHECKING:
    from gitopsd.model.refs import Object
    from gitopsd.render.kustomize.resource import ResourceSet

_FRIENDLY = str.maketrans("013ae", "ghkmt")
"""Digits and letters that would make up words are replaced, as Kubernetes does in generated names."""

_HASHED = {"ConfigMap": (("data",), ("binaryData",)), "Secret": (("type", "data"), ("stringData",))}
"""By kind: the fields that always count (empty if absent) and those that count if they are there."""


class HashTransformer:
    """Appends hashes; done once, after all layers."""

    def __call__(self, resources: ResourceSet) -> None:
        """Renames each object that a generator made, unless its hash is disabled."""
        for resource in resources:
            if resource.needs_hash:
                name = f"{resource.id.name}-{content_hash(resource.object)}"
                resources.rename(resource, with_metadata(resource.object, name=name))


def content_hash(obj: Object) -> str:
    """Ten characters of SHA-256 over kind and content, as kustomize encodes them: Go's JSON, and the name always empty."""
    kind = str(obj.get("kind") or "")
    if kind in _HASHED:
        always, optional = _HASHED[kind]
        content = {"kind": kind, "name": "", **{name: _value(obj, name) for name in always}}
        content |= {name: obj[name] for name in optional if isinstance(obj.get(name), dict)}
    else:
        content = obj
    return hashlib.sha256(go_json(content)).hexdigest()[:10].translate(_FRIENDLY)


def _value(obj: Object, name: str) -> object:
    return "" if obj.get(name) is None else obj[name]


def go_json(value: object) -> bytes:
    """As Go's `json.Marshal`: sorted keys, no blanks, and the characters escaped that HTML and JavaScript would mind."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text.encode("utf-8", "replace")

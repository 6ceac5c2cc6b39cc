"""Masking: a change of a Secret stays visible, its value does not (invariant 5)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from typing import Any

from gitopsd.model.refs import Object

Mask = Callable[[Any], str]
"""Turns a value into a word that is equal for equal values and tells nothing else."""

_SECRET_FIELDS = ("data", "stringData")
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def keyed_mask(key: bytes) -> Mask:
    """A mask with a secret key: without it nobody can try values against a digest. Use a fresh random key for each process."""

    def mask(value: Any) -> str:
        digest = hmac.new(key, repr(value).encode(), hashlib.sha256).hexdigest()
        return f"<hidden:{digest[:12]}>"

    return mask


def masked(obj: Object, mask: Mask) -> Object:
    """A copy of `obj` that may be shown: values of a Secret, and kubectl's copy of them in an annotation, replaced by digests."""
    if obj.get("kind") != "Secret" or obj.get("apiVersion") != "v1":
        return obj
    shown = dict(obj)
    for name in _SECRET_FIELDS:
        values = obj.get(name)
        if isinstance(values, dict):
            shown[name] = {key: mask(value) for key, value in values.items()}
        elif values is not None:
            shown[name] = mask(values)
    metadata = obj.get("metadata")
    if (
        isinstance(metadata, dict)
        and isinstance(annotations := metadata.get("annotations"), dict)
        and LAST_APPLIED in annotations
    ):
        shown["metadata"] = metadata | {"annotations": annotations | {LAST_APPLIED: mask(annotations[LAST_APPLIED])}}
    return shown

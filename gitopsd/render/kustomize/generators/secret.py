"""`secretGenerator:` makes Secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitopsd.render.kustomize.generators.base import data_object, wrapped_base64

if TYPE_CHECKING:
    from collections.abc import Callable

    from gitopsd.model.refs import Object
    from gitopsd.render.kustomize.api import GeneratorArgs


def make_secret(args: GeneratorArgs, read: Callable[[str], bytes]) -> Object:
    """A Secret, all values in base64. Raises RenderError, which never quotes a value."""
    obj, pairs = data_object("Secret", args, read)
    obj["type"] = args.type or "Opaque"
    obj["data"] = {key: wrapped_base64(value) for key, value in pairs.items()}
    return obj

"""`configMapGenerator:` makes ConfigMaps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitopsd.render.kustomize.generators.base import data_object, wrapped_base64

if TYPE_CHECKING:
    from collections.abc import Callable

    from gitopsd.model.refs import Object
    from gitopsd.render.kustomize.api import GeneratorArgs


def make_config_map(args: GeneratorArgs, read: Callable[[str], bytes]) -> Object:
    """A ConfigMap; what is not UTF-8 goes to `binaryData`. Raises RenderError."""
    obj, pairs = data_object("ConfigMap", args, read)
    for key, value in pairs.items():
        try:
            obj.setdefault("data", {})[key] = value.decode()
        except UnicodeDecodeError:
            obj.setdefault("binaryData", {})[key] = wrapped_base64(value)
    return obj

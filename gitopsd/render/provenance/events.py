"""What the engine tells: that a step of a build has run, and what became of an object in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from gitopsd.model.refs import Object

if TYPE_CHECKING:
    from gitopsd.render.kustomize.kustomization import Layer
    from gitopsd.render.kustomize.transformers.base import Transformer


@dataclass(frozen=True, slots=True)
class Event:
    """A step that made or changed objects. What a build does of itself has a layer (the outermost) and no field."""

    by: str
    layer: Layer
    field: str = ""
    """The field of the layer's file that asked for it: `patches[1]`."""

    file: str = ""
    """For objects of files: the file, as the layer names it."""

    index: int = 0
    """Which object of the file, or which part of the transformer."""

    work: Transformer | None = None
    """The part of the transformer that ran."""

    plugin: str = ""
    """The name of the configuration object of a plugin."""


class Version(NamedTuple):
    """An object as it was after an event."""

    event: Event
    object: Object

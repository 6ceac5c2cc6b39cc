"""The bounds of one render. Each one that is passed gives a LimitError that names it and the place."""

from __future__ import annotations

from dataclasses import dataclass, field

from gitopsd.formats import yamlread


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one render may ask for. The defaults allow ten times the largest repositories that we know of."""

    objects: int = 100_000
    """Objects in the result, those of bases counted once for each time they are included."""
    layers: int = 64
    """Kustomizations inside each other."""
    roots: int = 10_000
    """Kustomizations read in all."""
    files: int = 100_000
    """Files read in all."""
    bytes: int = 512 * 1024 * 1024
    """The sum of their sizes."""
    yaml: yamlread.Limits = field(default_factory=yamlread.Limits)
    """Those of each file."""

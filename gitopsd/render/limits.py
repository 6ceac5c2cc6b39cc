"""The bounds of one render. Each one that is passed gives a LimitError that names it and the place."""

from __future__ import annotations

from typing import NamedTuple

from gitopsd.formats import yamlread


class Limits(NamedTuple):
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
    yaml: yamlread.Limits = yamlread.DEFAULT_LIMITS
    """Those of each file."""

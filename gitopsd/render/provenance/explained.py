"""What an explanation says."""

from __future__ import annotations

import dataclasses
from typing import Any

from gitopsd.formats.path import Path, render_path
from gitopsd.model.errors import Place


@dataclasses.dataclass(frozen=True, slots=True)
class Step:
    """Something that made or changed a field."""

    by: str
    """What did it: `resource`, or kustomize's name of a generator or transformer (`PatchTransformer`)."""

    place: Place | None
    """Where what it wrote stands: a line of a manifest, a patch, a kustomization or a file; None for what is computed."""

    asked: Place | None
    """The field of the kustomization file that asked for it; None for what every build does."""

    value: Any = dataclasses.field(repr=False)
    """The field as it was after the step (it may be a Secret's, so it is in no repr)."""

    detail: str = ""
    """What else it read: the source of a replacement, the name of a plugin."""


@dataclasses.dataclass(frozen=True, slots=True)
class Explained:
    """One field of a rendered object: a leaf, that is a scalar or an empty list or mapping."""

    named: Path
    """Its path, items of lists by identity."""

    path: Path
    """The same with indices alone."""

    value: Any = dataclasses.field(repr=False)
    steps: tuple[Step, ...]
    """The first made the field, each other one changed it; never empty."""

    @property
    def field(self) -> str:
        """As people write it: `spec.template.spec.containers[name=app].image`."""
        return render_path(self.named)

    @property
    def origin(self) -> Place | None:
        """Where the field first stood."""
        return self.steps[0].place

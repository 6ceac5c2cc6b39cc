"""What every part of the configuration is."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from gitopsd.model.wire import wire_name


class Section(BaseModel):
    """A part of the file: frozen, and without unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=wire_name, use_attribute_docstrings=True)

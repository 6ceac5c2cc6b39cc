"""Errors told again by who knows more: which object, which plugin, which field of which file."""

from __future__ import annotations

from gitopsd.model.errors import LimitError, Place, RenderError


def retold(error: RenderError, message: str, place: Place | None = None) -> RenderError:
    """The error with another message and, unless it has one, a place; a passed bound stays a passed bound."""
    kind = LimitError if isinstance(error, LimitError) else RenderError
    return kind(message, error.place or place)

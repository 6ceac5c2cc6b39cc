"""Errors told again by who knows more: which object, which plugin, which field of which file."""

from __future__ import annotations

from gitopsd.model.errors import LimitError, Place, RenderError


class FieldError(RenderError):
    """Something wrong at `field` of a document, a path such as `images[0].newTag`; who knows its file adds the place."""

    def __init__(self, message: str, field: str) -> None:
        """`message` says what is wrong there."""
        super().__init__(message)
        self.field = field


def retold(error: RenderError, message: str, place: Place | None = None) -> RenderError:
    """The error with another message and, unless it has one, a place; a passed bound stays a passed bound."""
    kind = LimitError if isinstance(error, LimitError) else RenderError
    return kind(message, error.place or place)

"""The way into the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitopsd.model.errors import LimitError, RenderError
from gitopsd.render.kustomize.accumulate import build_layer, open_layer
from gitopsd.render.kustomize.finish import finish
from gitopsd.render.kustomize.loading import Root, Session
from gitopsd.render.kustomize.origin import Origin
from gitopsd.render.kustomize.settings import BuildSettings, Edits
from gitopsd.render.needs import Answers, Needs

if TYPE_CHECKING:
    from gitopsd.model.refs import Object
    from gitopsd.model.tree import Tree

_NO_ANSWERS: Answers = {}


def build(
    tree: Tree,
    path: str,
    settings: BuildSettings | None = None,
    answers: Answers = _NO_ANSWERS,
    edits: Edits | None = None,
) -> list[Object]:
    """The objects of the kustomization in the folder `path` of `tree` ("" is the root), in order; nobody may change them.

    Raises Needs for what `answers` lacks (see `gitopsd.render.needs`), LimitError past a bound, and RenderError for what is
    wrong, with the place of the field at fault.
    """
    session = Session(settings or BuildSettings(), answers, edits or Edits())
    try:
        objects = _build(session, tree, path)
    except RenderError:
        if session.wanted:
            raise Needs(list(session.wanted)) from None
        raise
    except RecursionError:
        raise LimitError("values stand deeper in each other than a build can follow") from None
    if session.wanted:
        raise Needs(list(session.wanted))
    return objects


def _build(session: Session, tree: Tree, path: str) -> list[Object]:
    entry = tree.entry(path)
    if entry is None or entry.kind != "dir":
        reason = "does not exist" if entry is None else "is not a directory"
        raise RenderError(f"must build at directory: '{path or '.'}' {reason}")
    layer = open_layer(Root(session, tree, path), None)
    if session.edits.options is not None:
        from gitopsd.render.kustomize.options import edit_layer  # noqa: PLC0415 - only Applications have options

        layer = edit_layer(layer, session.edits.options, session.edits.variables)
    if layer.spec.build_metadata:
        layer = layer.with_origin(Origin())
    return finish(build_layer(layer), layer)

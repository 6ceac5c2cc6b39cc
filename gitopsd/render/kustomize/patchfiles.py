"""Patches as kustomizations give them, read into transformers: by path or inline, merges or operations."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

from gitopsd.formats.scalars import Dialect, plain
from gitopsd.formats.yamlread import load_documents
from gitopsd.model.errors import RenderError
from gitopsd.render.kustomize.documents import objects_in
from gitopsd.render.kustomize.errors import retold
from gitopsd.render.kustomize.transformers.patch import (
    Merging,
    PatchJson6902Transformer,
    PatchStrategicMergeTransformer,
    PatchTransformer,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from gitopsd.model.refs import Object
    from gitopsd.render.kustomize.api import PatchArgs
    from gitopsd.render.kustomize.loading import Root
    from gitopsd.render.kustomize.transformers.base import Transformer


def patch_step(args: PatchArgs, root: Root) -> Callable[[], Transformer]:
    """Sets up an entry of `patches`."""
    return partial(_patch, args, root)


def json_patch_step(args: PatchArgs, root: Root) -> Callable[[], Transformer]:
    """Sets up an entry of `patchesJson6902`."""
    return partial(_json_patch, args, root)


def strategic_merge_step(entries: Iterable[str], root: Root) -> Callable[[], Transformer]:
    """Sets up `patchesStrategicMerge`: paths and inline patches."""
    return partial(_strategic_merge, tuple(entries), root)


def _patch(args: PatchArgs, root: Root) -> Transformer:
    documents = _documents(args, root)
    if _is_json_patch(documents):
        if args.target is None:
            raise RenderError(f"must specify a target for JSON patch {_source(args)}")
        return PatchTransformer((), _operations(documents), args.target, root.session.schema)
    try:
        patches = tuple(objects_in(documents))
    except RenderError as error:
        raise retold(error, f"unable to parse SM or JSON patch from {_source(args)}: {error.message}") from error
    if args.target is not None and len(patches) > 1:
        message = f"{_source(args)} holds several strategic merges: they can't have a common target, each names its own"
        raise RenderError(message)
    return PatchTransformer(
        patches,
        (),
        args.target,
        root.session.schema,
        name_change=args.options.allow_name_change,
        kind_change=args.options.allow_kind_change,
    )


def _json_patch(args: PatchArgs, root: Root) -> Transformer:
    if args.target is None:
        raise RenderError("must specify a target for a JSON patch")
    if not args.target.name:
        raise RenderError("must specify the target name")
    documents = _documents(args, root)
    if not _is_json_patch(documents):
        raise RenderError(f"{_source(args)} is not a list of JSON6902 operations")
    if not _operations(documents):
        raise RenderError(f"{_source(args)} appears to be empty")
    return PatchJson6902Transformer(_operations(documents), args.target)


def _strategic_merge(entries: tuple[str, ...], root: Root) -> Transformer:
    patches: list[Merging] = []
    for index, entry in enumerate(entries):
        objects = inline_objects(entry) if is_inline(entry) else root.objects(root.read(entry))
        patches += [Merging(patch, f"patchesStrategicMerge[{index}]") for patch in objects]
    if entries and not patches:
        raise RenderError(f"patch appears to be empty; files={list(entries)}")
    return PatchStrategicMergeTransformer(tuple(patches), root.session.schema)


def is_inline(entry: str) -> bool:
    """Whether an entry that may be a path is YAML itself."""
    return "\n" in entry or ": " in entry or entry.lstrip().startswith("{")


def inline_objects(text: str) -> list[Object]:
    """The objects of an inline document."""
    return objects_in(load_documents(text.encode(), "(inline)", Dialect.RESOURCE))


def _documents(args: PatchArgs, root: Root) -> Any:
    if not args.patch.strip() and not args.path:
        raise RenderError("must specify one of patch and path")
    if args.patch.strip() and args.path:
        raise RenderError(f"patch and path can't be set at the same time (path: {args.path})")
    # operations pass through kubectl's kind of reader, where `yes` is true; only objects are read as resources are
    operations = _read(args, root, Dialect.KUBECTL)
    if not _is_json_patch(operations):
        return _read(args, root, Dialect.RESOURCE)
    data = root.read(args.path).data if args.path else args.patch.encode()
    if not data.lstrip().startswith(b"["):
        return plain(operations)  # kustomize writes YAML as JSON first
    _check_json(data, args)
    return operations


def _read(args: PatchArgs, root: Root, dialect: Dialect) -> list[Any]:
    if args.path:
        return root.documents(root.read(args.path), dialect)
    return load_documents(args.patch.encode(), "(inline patch)", dialect, root.session.settings.limits.yaml)


def _check_json(data: bytes, args: PatchArgs) -> None:
    """What begins as JSON does has to be it all through; YAML's flow style won't do. Raises RenderError."""
    try:
        json.loads(data)
    except ValueError as error:
        raise RenderError(f"unable to parse SM or JSON patch from {_source(args)}: it is no JSON: {error}") from error


def _source(args: PatchArgs) -> str:
    return f"[path: {args.path!r}]" if args.path else "the inline patch"


def _is_json_patch(documents: list[Any]) -> bool:
    """Whether these are operations; kustomize reads the first document of a JSON6902 patch and no other."""
    return bool(documents) and isinstance(documents[0], list)


def _operations(documents: list[Any]) -> list[Any]:
    operations: list[Any] = documents[0]
    return operations

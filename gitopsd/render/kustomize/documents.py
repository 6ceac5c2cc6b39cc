"""The objects in a file of resources, by kustomize's rules of what an object is."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from gitopsd.model.errors import RenderError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gitopsd.model.refs import Object


def objects_in(documents: Iterable[Any]) -> list[Object]:
    """The objects of a stream of documents; empty ones are left out, lists of objects give their items.

    Items come behind the documents that follow their list, as in kustomize. Raises RenderError for a document that is no
    object: one without kind or name.
    """
    waiting = deque(document for document in documents if document)
    found: list[Object] = []
    while waiting:
        document = waiting.popleft()
        _check(document)
        items = document.get("items", _ABSENT) if document["kind"].endswith("List") else _ABSENT
        if items is _ABSENT:
            found.append(document)
        elif isinstance(items, list):
            waiting.extend(item for item in items if item)
        elif isinstance(items, dict):
            raise RenderError(f"items of a {document['kind']} must be a list, not a mapping")
    return found


_ABSENT = object()


def _check(document: Any) -> None:
    if not isinstance(document, dict) or not {"apiVersion", "kind", "metadata"} & document.keys():
        raise RenderError("missing Resource metadata: a resource is a mapping with apiVersion, kind and metadata")
    kind, metadata = document.get("kind"), document.get("metadata")
    if not isinstance(kind, str) or not kind:
        message = "missing kind in a resource" + (f" named {_name(metadata)!r}" if _name(metadata) else "")
        raise RenderError(message)
    if not _name(metadata) and not kind.endswith("List"):
        raise RenderError(f"missing metadata.name in a resource of kind {kind}")


def _name(metadata: Any) -> Any:
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return None if isinstance(name, (dict, list)) else name

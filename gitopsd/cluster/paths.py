"""Paths of the API: where a kind's collection and its objects are."""

from __future__ import annotations

from urllib.parse import quote

from gitopsd.model.surface import Resource

METADATA_ONLY = frozenset({("v1", "ConfigMap"), ("v1", "Secret")})
"""Kinds that are watched without their content, so that no value of a Secret is ever held (and no bulky ConfigMap)."""


def collection(resource: Resource, namespace: str = "") -> str:
    """The path of all objects of a kind, or of those in one namespace."""
    root = f"/apis/{resource.group}" if resource.group else "/api"
    place = f"/namespaces/{quote(namespace, safe='')}" if namespace and resource.namespaced else ""
    return f"{root}/{resource.version}{place}/{resource.plural}"


def item(resource: Resource, namespace: str, name: str) -> str:
    """The path of one object. Names come from Git: whatever they hold, they stay one segment."""
    return f"{collection(resource, namespace)}/{quote(name, safe='')}"

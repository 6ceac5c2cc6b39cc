"""`openapi:` chooses the schema that strategic merges go by. The first kustomization of a build that says something wins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gitopsd.formats.scalars import Dialect
from gitopsd.model.errors import RenderError
from gitopsd.render.kustomize.patches import Schema

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gitopsd.render.kustomize.kustomization import Layer

_BUILT_IN = "v1.21.2"
_GVK = "x-kubernetes-group-version-kind"


def choose_schema(layer: Layer) -> None:
    """Sets the build's schema from a layer, unless an earlier one did. Raises RenderError for a version that isn't built in."""
    path, version = layer.spec.openapi.get("path"), layer.spec.openapi.get("version")
    session = layer.root.session
    file = layer.root.read(path) if path else None
    if session.schema_is_set or not (file or version):
        return
    if file and version:
        raise RenderError("builtin version and custom schema provided, cannot use both", layer.place("openapi"))
    if version not in {None, _BUILT_IN}:
        raise RenderError(f"the specified OpenAPI version is not built in: {version}", layer.place("openapi.version"))
    session.schema_is_set = True
    if file is not None:
        documents = layer.root.documents(file, Dialect.KUSTOMIZATION)
        document = documents[0] if documents else {}
        if not isinstance(document, dict):
            raise RenderError(f"{path} is no OpenAPI document: it holds no mapping", layer.place("openapi.path"))
        session.schema = Schema.from_openapi(document, with_builtin=session.objects > 0)
        session.cluster_scoped |= _cluster_scoped(document)


def _cluster_scoped(document: Mapping[str, Any]) -> frozenset[tuple[str, str]]:
    """The kinds that have paths in an OpenAPI document, but none with a namespace."""
    paths = document.get("paths")
    scopes: dict[tuple[str, str], bool] = {}
    for path, operations in (paths if isinstance(paths, dict) else {}).items():
        get = operations.get("get") if isinstance(operations, dict) else None
        gvk = get.get(_GVK) if isinstance(get, dict) else None
        if isinstance(gvk, dict):
            version = f"{gvk['group']}/{gvk.get('version')}" if gvk.get("group") else str(gvk.get("version"))
            key = (version, str(gvk.get("kind")))
            scopes[key] = scopes.get(key, False) or "namespaces/{namespace}" in path
    return frozenset(key for key, namespaced in scopes.items() if not namespaced)

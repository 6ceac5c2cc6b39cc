"""How kustomize names objects: by group, version, kind, namespace and name.

Unlike an `ObjectRef`, an id holds the version: kustomize takes two versions of a kind for different objects. A namespaced
object without a namespace stands in `default`, and a cluster-scoped one in no namespace, whatever it says.
"""

from __future__ import annotations

import json
import pkgutil
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from gitopsd.formats.scalars import text_of

if TYPE_CHECKING:
    from gitopsd.model.refs import Object

CLUSTER = "_non_namespaceable_"
"""The effective namespace of cluster-scoped objects (kustomize's own word, visible to namespace patterns of patch targets)."""

DEFAULT_NAMESPACE = "default"


class Gvk(NamedTuple):
    """A group, version and kind; as a selector, an empty part matches anything."""

    group: str = ""
    version: str = ""
    kind: str = ""

    def selects(self, other: Gvk) -> bool:
        """Whether each part that is given here is the same in `other`."""
        return (
            (not self.kind or self.kind == other.kind)
            and (not self.group or self.group == other.group)
            and (not self.version or self.version == other.version)
        )

    def __str__(self) -> str:
        """As kustomize prints it, so that its users recognise it: `Deployment.v1.apps`, `Service.v1.[noGrp]`."""
        return f"{self.kind or '[noKind]'}.{self.version or '[noVer]'}.{self.group or '[noGrp]'}"


ANY_KIND = Gvk()


class Id(NamedTuple):
    """One object of a build. `namespace` is the effective one: never empty."""

    gvk: Gvk
    namespace: str
    name: str

    def __str__(self) -> str:
        """As kustomize prints it: `Deployment.v1.apps/api.web`."""
        namespace = "[noNs]" if self.namespace in {DEFAULT_NAMESPACE, CLUSTER} else self.namespace
        return f"{self.gvk}/{self.name or '[noName]'}.{namespace}"


def parse_api_version(api_version: str) -> tuple[str, str]:
    """Group and version; `builtin`, the apiVersion of kustomize's own plugins, is a group."""
    group, slash, version = api_version.partition("/")
    if slash:
        return group, version
    return (api_version, "") if api_version == "builtin" else ("", api_version)


def text_or_empty(value: Any) -> str:
    """A scalar as it was spelled; a missing one is empty."""
    return "" if value is None else text_of(value)


@lru_cache(maxsize=4096)
def gvk_of(api_version: str, kind: str) -> Gvk:
    """The parsed form of an object's `apiVersion` and `kind`."""
    group, version = parse_api_version(api_version)
    return Gvk(group, version, kind)


def identify(obj: Object, cluster_scoped: frozenset[tuple[str, str]]) -> Id:
    """The id of an object as it stands now."""
    api_version, kind = text_or_empty(obj.get("apiVersion")), text_or_empty(obj.get("kind"))
    metadata = obj.get("metadata")
    if not isinstance(metadata, dict):
        metadata = {}
    namespaced = (api_version, kind) not in cluster_scoped
    namespace = text_or_empty(metadata.get("namespace")) or DEFAULT_NAMESPACE if namespaced else CLUSTER
    return Id(gvk_of(api_version, kind), namespace, text_or_empty(metadata.get("name")))


@lru_cache(maxsize=1)
def known_cluster_scoped() -> frozenset[tuple[str, str]]:
    """The `(apiVersion, kind)` that kustomize's built-in schema knows to be cluster-scoped; any other counts as namespaced."""
    table: dict[str, list[str]] = json.loads(pkgutil.get_data(__name__, "clusterscoped.json") or b"{}")
    return frozenset((api_version, kind) for api_version, kinds in table.items() for kind in kinds)

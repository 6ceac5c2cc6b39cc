"""What a caller may choose for a build."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from gitopsd.render.cache import ParseCache
from gitopsd.render.kustomize.api import NOTHING
from gitopsd.render.limits import Limits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gitopsd.model.app import KustomizeOptions
    from gitopsd.render.provenance.trace import Trace


class LoadRestrictor(Enum):
    """Which files a kustomization may read, by kustomize's names."""

    ROOT_ONLY = "LoadRestrictionsRootOnly"
    """Those in or below its own folder. Other kustomizations may stand anywhere in the tree."""

    NONE = "LoadRestrictionsNone"
    """Any in the tree."""


class Reorder(Enum):
    """The order of the result where the kustomization itself says nothing (`sortOptions` wins)."""

    LEGACY = "legacy"
    """Namespaces and definitions first, webhooks last: what `kustomize build` does without a flag."""

    NONE = "none"
    """As accumulated."""


class BuildSettings(NamedTuple):
    """`cache` keeps parsed files, by default none; `kustomize_version` is what the label `managed-by` claims; `trace` listens."""

    load_restrictor: LoadRestrictor = LoadRestrictor.ROOT_ONLY
    reorder: Reorder = Reorder.LEGACY
    limits: Limits = Limits()
    cache: ParseCache = ParseCache(0)
    enable_helm: bool = False
    kustomize_version: str = "v5.8.1"
    trace: Trace | None = None


class Edits(NamedTuple):
    """What an Application's `source.kustomize` changes; `variables` are what it, and charts, may refer to (`ARGOCD_APP_NAME`)."""

    options: KustomizeOptions | None = None
    variables: Mapping[str, str] = NOTHING

"""The order of the output: as accumulated, or kustomize's order of kinds with the legacy sort."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitopsd.model.errors import RenderError
from gitopsd.render.kustomize.ids import Gvk

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gitopsd.render.kustomize.api import SortOptions
    from gitopsd.render.kustomize.resource import Resource, ResourceSet

ORDER_FIRST = (
    "Namespace", "ResourceQuota", "StorageClass", "CustomResourceDefinition", "ServiceAccount", "PodSecurityPolicy", "Role",
    "ClusterRole", "RoleBinding", "ClusterRoleBinding", "ConfigMap", "Secret", "Endpoints", "Service", "LimitRange",
    "PriorityClass", "PersistentVolume", "PersistentVolumeClaim", "Deployment", "StatefulSet", "CronJob", "PodDisruptionBudget",
)  # fmt: skip
ORDER_LAST = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")


def _ranks(first: Sequence[str], last: Sequence[str]) -> dict[str, int]:
    return {kind: rank - len(first) for rank, kind in enumerate(first)} | {kind: 1 + rank for rank, kind in enumerate(last)}


_DEFAULT_RANKS = _ranks(ORDER_FIRST, ORDER_LAST)


def kind_order(gvk: Gvk, ranks: dict[str, int] = _DEFAULT_RANKS) -> tuple[int, str]:
    """A sort key: first the kinds others refer to, last the webhooks; between them by group, version and kind.

    The `~` in place of what is missing is kustomize's: it puts the core group behind all named ones, but real namespaces before
    other kinds of that name.
    """
    no_group = "" if gvk.kind == "Namespace" and gvk.kind in ranks else "~G"
    return ranks.get(gvk.kind, 0), f"{gvk.group or no_group}_{gvk.version or '~V'}_{gvk.kind or '~K'}"


def sort(resources: ResourceSet, options: SortOptions | None) -> None:
    """Orders the resources as `sortOptions` says; None or `fifo` leaves them as accumulated."""
    if options is None or options.order == "fifo":
        if options is not None and options.legacy_sort_options is not None:
            message = "the field 'sortOptions.legacySortOptions' is set but the selected sort order is 'fifo', not 'legacy'"
            raise RenderError(message)
        return
    if options.order != "legacy":
        raise RenderError("the field 'sortOptions.order' must be one of [fifo, legacy]")
    legacy = options.legacy_sort_options
    ranks = _ranks(legacy.order_first, legacy.order_last) if legacy else _DEFAULT_RANKS

    def key(resource: Resource) -> tuple[tuple[int, str], str]:
        namespace = resource.namespace or "~X"
        return kind_order(resource.id.gvk, ranks), f"{resource.id.gvk}|{namespace}|{resource.id.name or '~N'}"

    resources.sort(key)

"""Which other tool owns an object, by the marks that such tools leave."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gitopsd.model.marks import PART_OF_LABEL, Mark
from gitopsd.model.refs import Object, ObjectRef

Texts = Mapping[str, Any]


def owning_tool(obj: Object, ref: ObjectRef) -> str | None:
    """Who owns `obj` besides gitopsd, as people name it (`Argo CD application argocd/web`), or None.

    Only marks that name an owner count; `app.kubernetes.io/instance` and the like are anybody's.
    """
    metadata = obj.get("metadata") or {}
    labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
    if not labels and not annotations:
        return None
    return next((owner for tool in _TOOLS if (owner := tool(labels, annotations, ref))), None)


def _argo(
    labels: Texts,  # noqa: ARG001 - all tools are asked alike
    annotations: Texts,
    ref: ObjectRef,
) -> str | None:
    """`argocd.argoproj.io/tracking-id` is `app:group/Kind:namespace/name`.

    Outside of Argo CD's own namespace `app` is `namespace_name`. One that names another object is a copy (Argo CD's own rule).
    """
    app, _, tracked = str(annotations.get("argocd.argoproj.io/tracking-id") or "").partition(":")
    kind, _, name = tracked.partition(":")
    if not app or kind != f"{ref.group}/{ref.kind}" or name.rpartition("/")[2] != ref.name:
        return None
    return f"Argo CD application {app.replace('_', '/', 1)}"


def _labelled(prefix: str, what: str) -> Callable[[Texts, Texts, ObjectRef], str | None]:
    def find(labels: Texts, _: Texts, __: ObjectRef) -> str | None:
        name = labels.get(f"{prefix}/name")
        return f"{what} {labels.get(f'{prefix}/namespace')}/{name}" if name else None

    return find


def _helm(labels: Texts, annotations: Texts, _: ObjectRef) -> str | None:
    name = annotations.get("meta.helm.sh/release-name")
    if not name or labels.get("app.kubernetes.io/managed-by") != "Helm":
        return None
    return f"Helm release {annotations.get('meta.helm.sh/release-namespace')}/{name}"


def _applyset(labels: Texts, annotations: Texts, _: ObjectRef) -> str | None:
    """An ApplySet (KEP-3659) that is not one of ours: ours come with an annotation."""
    set_id = labels.get(PART_OF_LABEL)
    return f"ApplySet {set_id}" if set_id and Mark.of({"metadata": {"annotations": annotations}}) is None else None


_TOOLS: tuple[Callable[[Texts, Texts, ObjectRef], str | None], ...] = (
    _argo,
    _labelled("kustomize.toolkit.fluxcd.io", "Flux Kustomization"),
    _labelled("helm.toolkit.fluxcd.io", "Flux HelmRelease"),
    _helm,
    _applyset,
)

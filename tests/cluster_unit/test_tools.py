"""Whose an object is, by the marks of other tools."""

from __future__ import annotations

import pytest

from gitopsd.cluster.tools import owning_tool
from gitopsd.model.app import AppKey
from gitopsd.model.marks import OWNER_ANNOTATION, PART_OF_LABEL, Mark
from gitopsd.model.refs import Object, ObjectRef

REF = ObjectRef("apps", "Deployment", "web", "api")
TRACKING = "argocd.argoproj.io/tracking-id"


@pytest.mark.parametrize(
    ("labels", "annotations", "owner"),
    [
        ({}, {}, None),
        ({}, {TRACKING: "shop:apps/Deployment:web/api"}, "Argo CD application shop"),
        ({}, {TRACKING: "team_shop:apps/Deployment:web/api"}, "Argo CD application team/shop"),
        ({}, {TRACKING: "shop:apps/Deployment:web/other"}, None),
        ({}, {TRACKING: "shop:/Service:web/api"}, None),
        ({}, {TRACKING: ""}, None),
        (
            {"kustomize.toolkit.fluxcd.io/name": "shop", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"},
            {},
            "Flux Kustomization flux-system/shop",
        ),
        ({"helm.toolkit.fluxcd.io/name": "r", "helm.toolkit.fluxcd.io/namespace": "f"}, {}, "Flux HelmRelease f/r"),
        (
            {"app.kubernetes.io/managed-by": "Helm"},
            {"meta.helm.sh/release-name": "r", "meta.helm.sh/release-namespace": "n"},
            "Helm release n/r",
        ),
        ({"app.kubernetes.io/managed-by": "Helm"}, {}, None),
        ({"app.kubernetes.io/instance": "shop"}, {}, None),
        ({PART_OF_LABEL: "applyset-x-v1"}, {}, "ApplySet applyset-x-v1"),
        ({PART_OF_LABEL: "applyset-x-v1"}, {OWNER_ANNOTATION: str(Mark("i", AppKey("a", "b"), REF))}, None),
    ],
)
def test_names_the_owner(labels: dict[str, str], annotations: dict[str, str], owner: str | None) -> None:
    """Only marks that name an owner, and mean this object, count."""
    obj: Object = {"metadata": {"labels": labels, "annotations": annotations}}
    assert owning_tool(obj, REF) == owner

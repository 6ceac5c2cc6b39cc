"""`source.kustomize` of an Application."""

from __future__ import annotations

from typing import Any

import pytest

from gitopsd.model.app import KustomizeOptions, KustomizePatch, KustomizeReplica, Selector
from gitopsd.model.errors import RenderError
from gitopsd.model.tree import DictTree
from gitopsd.render.kustomize.build import build
from gitopsd.render.kustomize.settings import Edits
from tests.render.kustomize.building import DEPLOYMENT

FILES = {"app/kustomization.yaml": "resources: [d.yaml]\nnamePrefix: own-\ncommonLabels: {a: own}", "app/d.yaml": DEPLOYMENT}
COMPONENT = {"extra/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nnameSuffix: -c"}


def built(options: KustomizeOptions, files: dict[str, str] = FILES, **variables: str) -> Any:
    """The Deployment with options."""
    return build(DictTree(files), "app", edits=Edits(options, variables))[0]


def test_names_and_namespace_take_the_place_of_the_files() -> None:
    """As `kustomize edit set` does."""
    found = built(KustomizeOptions(name_prefix="p-", name_suffix="-s", namespace="n"))
    assert found["metadata"] == {"name": "p-web-s", "namespace": "n", "labels": {"a": "own"}}


def test_images_and_replicas() -> None:
    """Images are `[old=]new[:tag|@digest]`; counts may be texts."""
    options = KustomizeOptions(images=("nginx=mirror/nginx:v9",), replicas=(KustomizeReplica("web", "4"),))
    found = built(options)
    assert found["spec"]["template"]["spec"]["containers"][0]["image"] == "mirror/nginx:v9"
    assert found["spec"]["replicas"] == 4


def test_labels_and_annotations() -> None:
    """A label that the file has is refused without force; annotations may name the application."""
    with pytest.raises(RenderError, match=r"spec\.source\.kustomize\.commonLabels: 'a' is already in the kustomization file"):
        built(KustomizeOptions(common_labels={"a": "x"}))
    assert built(KustomizeOptions(common_labels={"a": "x"}, force_common_labels=True))["metadata"]["labels"] == {"a": "x"}
    plain = built(KustomizeOptions(common_labels={"b": "x"}, label_without_selector=True))
    assert plain["spec"]["selector"]["matchLabels"] == {"a": "own"}
    named = KustomizeOptions(common_annotations={"n": "$ARGOCD_APP_NAME-${OTHER}"}, common_annotations_envsubst=True)
    assert built(named, ARGOCD_APP_NAME="shop")["metadata"]["annotations"] == {"n": "shop-"}


def test_patches_and_components_come_behind_the_files() -> None:
    """A component that is missing may be ignored."""
    patch = KustomizePatch(patch='[{"op": "add", "path": "/spec/replicas", "value": 2}]', target=Selector(kind="Deployment"))
    options = KustomizeOptions(patches=(patch,), components=("../extra", "../gone"), ignore_missing_components=True)
    found = built(options, FILES | COMPONENT)
    assert (found["spec"]["replicas"], found["metadata"]["name"]) == (2, "own-web-c")


def test_errors_name_the_option() -> None:
    """What the Application asked for is not looked for in the file."""
    with pytest.raises(
        RenderError, match=r"app/kustomization.yaml: spec.source.kustomize.components\[0\]: ../gone does not exist"
    ):
        built(KustomizeOptions(components=("../gone",)))
    with pytest.raises(RenderError, match=r"spec\.source\.kustomize\.images: 'nginx' must be name:tag"):
        built(KustomizeOptions(images=("nginx",)))

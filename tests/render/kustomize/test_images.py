"""`images:`."""

from __future__ import annotations

import pytest

from gitopsd.render.kustomize.transformers.images import ImageName, split_image
from tests.render.kustomize.building import built


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("nginx", ("nginx", "", "")),
        ("nginx:1", ("nginx", "1", "")),
        ("reg:5000/nginx", ("reg:5000/nginx", "", "")),
        ("reg:5000/nginx:1@sha256:ab", ("reg:5000/nginx", "1", "sha256:ab")),
        ("nginx@sha256:ab", ("nginx", "", "sha256:ab")),
    ],
)
def test_an_image_has_three_parts(text: str, parts: tuple[str, str, str]) -> None:
    """The port of a registry is no tag; the parts make the whole again."""
    assert split_image(text) == ImageName(*parts)
    assert str(split_image(text)) == text


@pytest.mark.parametrize(
    ("old", "change", "new"),
    [
        ("nginx:1", "newTag: v2", "nginx:v2"),
        ("nginx@sha256:ab", "newTag: v2", "nginx:v2"),
        ("nginx:1", "newName: mirror/nginx", "mirror/nginx:1"),
        ("nginx:1", "digest: sha256:cd", "nginx@sha256:cd"),
        ("nginx", "newTag: v2, digest: sha256:cd", "nginx:v2@sha256:cd"),
        ("nginx:1", "newTag: v2, newName: other", "other:v2"),
        ("nginx-ingress:1", "newTag: v2", "nginx-ingress:1"),
        ("library/nginx:1", "newTag: v2", "library/nginx:1"),
    ],
)
def test_changes(old: str, change: str, new: str) -> None:
    """A whole name must match; a new tag or digest replaces both."""
    pod = f"{{apiVersion: v1, kind: Pod, metadata: {{name: p}}, spec: {{containers: [{{name: c, image: '{old}'}}]}}}}"
    found = built({"kustomization.yaml": f"resources: [p.yaml]\nimages: [{{name: nginx, {change}}}]", "p.yaml": pod})
    assert found[0]["spec"]["containers"][0]["image"] == new


def test_containers_anywhere_but_not_in_definitions() -> None:
    """Custom resources hold containers too; a definition only describes them."""
    text = """\
{apiVersion: example.com/v1, kind: Widget, metadata: {name: w}, deep: [{containers: [{image: nginx}]}]}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: d}
spec: {deep: {containers: [{image: nginx}]}}
"""
    widget, definition = built({"kustomization.yaml": "resources: [a.yaml]\nimages: [{name: nginx, newTag: v2}]", "a.yaml": text})
    assert widget["deep"] == [{"containers": [{"image": "nginx:v2"}]}]
    assert definition["spec"]["deep"] == {"containers": [{"image": "nginx"}]}

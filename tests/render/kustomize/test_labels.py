"""`labels:`, `commonLabels:` and `commonAnnotations:`."""

from __future__ import annotations

from typing import Any

from tests.render.kustomize.building import DEPLOYMENT, built


def deployment(kustomization: str) -> Any:
    """The Deployment under a kustomization."""
    return built({"kustomization.yaml": f"resources: [d.yaml]\n{kustomization}", "d.yaml": DEPLOYMENT})[0]


def test_labels_stand_in_metadata_alone_unless_asked() -> None:
    """`includeTemplates` adds the template, `includeSelectors` selector and template."""
    plain = deployment("labels: [{pairs: {a: b}}]")
    assert plain["metadata"]["labels"] == {"a": "b"}
    assert plain["spec"].keys() == {"template"}
    template = deployment("labels: [{pairs: {a: b}, includeTemplates: true}]")
    assert template["spec"]["template"]["metadata"]["labels"] == {"a": "b"}
    assert "selector" not in template["spec"]
    selector = deployment("labels: [{pairs: {a: b}, includeSelectors: true}]")
    assert selector["spec"]["selector"] == {"matchLabels": {"a": "b"}}
    assert selector["spec"]["template"]["metadata"]["labels"] == {"a": "b"}


def test_labels_at_fields_of_ones_own() -> None:
    """`fields` adds places, which are created where they say so."""
    found = deployment("labels: [{pairs: {a: b}, fields: [{path: spec/extra/here, create: true}, {path: spec/missing}]}]")
    assert found["spec"]["extra"] == {"here": {"a": "b"}}
    assert "missing" not in found["spec"]


def test_annotations_stand_in_templates_too() -> None:
    """`commonAnnotations` reaches the pods; values are text."""
    found = deployment("commonAnnotations: {a: 'true'}")
    assert found["metadata"]["annotations"] == found["spec"]["template"]["metadata"]["annotations"] == {"a": "true"}


def test_a_label_that_was_put_in_several_places_changes_in_all_of_them() -> None:
    """kustomize puts one YAML node into metadata, selector and template: what patches one of them patches all."""
    files = {
        "base/kustomization.yaml": "resources: [d.yaml]\ncommonLabels: {env: dev}",
        "base/d.yaml": DEPLOYMENT,
        "top/kustomization.yaml": "resources: [../base]\nlabels: [{pairs: {env: prod}}]",
    }
    found = built(files, "top")[0]
    assert found["metadata"]["labels"] == {"env": "prod"}
    assert found["spec"]["selector"]["matchLabels"] == {"env": "prod"}
    assert found["spec"]["template"]["metadata"]["labels"] == {"env": "prod"}


def test_claim_templates_can_be_left_out() -> None:
    """`includeVolumeClaimTemplates: false` keeps labels from the claims of a StatefulSet, which can't change."""
    text = "{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: s}, spec: {volumeClaimTemplates: [{metadata: {name: v}}]}}"

    def claim(option: str) -> Any:
        kustomization = f"resources: [s.yaml]\nlabels: [{{pairs: {{a: b}}, includeTemplates: true{option}}}]"
        return built({"kustomization.yaml": kustomization, "s.yaml": text})[0]["spec"]["volumeClaimTemplates"][0]["metadata"]

    assert claim("") == {"name": "v", "labels": {"a": "b"}}
    assert claim(", includeVolumeClaimTemplates: false") == {"name": "v"}

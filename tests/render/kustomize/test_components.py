"""Components work on what the kustomization that names them has so far."""

from __future__ import annotations

from tests.render.kustomize.building import built, config_map, refusal

COMPONENT = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"


def test_a_component_changes_its_parents_resources_before_the_parent_does() -> None:
    """The prefix of the component comes first, that of the parent before it."""
    files = {
        "app/kustomization.yaml": "resources: [a.yaml]\ncomponents: [../extra]\nnamePrefix: p-",
        "app/a.yaml": config_map("a"),
        "extra/kustomization.yaml": f"{COMPONENT}namePrefix: c-\nresources: [made.yaml]",
        "extra/made.yaml": config_map("made"),
    }
    assert [obj["metadata"]["name"] for obj in built(files, "app")] == ["p-c-a", "p-c-made"]


def test_components_and_kustomizations_are_not_confused() -> None:
    """Each must stand in its own list."""
    files = {"a/kustomization.yaml": "components: [../b]", "b/kustomization.yaml": "namePrefix: x"}
    assert (
        "a/kustomization.yaml:1:14: components[0]: expected kind 'Component' for path '../b' but got 'Kustomization'"
        in refusal(files, "a")
    )
    files = {"a/kustomization.yaml": "resources: [../b]", "b/kustomization.yaml": f"{COMPONENT}namePrefix: x"}
    assert "expected kind != 'Component' for path '../b'" in refusal(files, "a")

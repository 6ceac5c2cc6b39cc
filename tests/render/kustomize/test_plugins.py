"""`generators:`, `transformers:` and `validators:` with configurations of their own."""

from __future__ import annotations

import pytest

from tests.render.kustomize.building import built, config_map, refusal

PREFIX = "{apiVersion: builtin, kind: PrefixTransformer, metadata: {name: any}, prefix: p-, fieldSpecs: [{path: metadata/name}]}"


@pytest.mark.parametrize(
    ("entry", "files"),
    [
        ("t.yaml", {"t.yaml": PREFIX}),
        ("../made", {"made/kustomization.yaml": "resources: [t.yaml]", "made/t.yaml": PREFIX}),
        (f"'{PREFIX}'", {}),
    ],
)
def test_in_a_file_in_a_folder_or_inline(entry: str, files: dict[str, str]) -> None:
    """A configuration may itself be what a kustomization gives."""
    top = {"top/kustomization.yaml": f"resources: [a.yaml]\ntransformers: [{entry}]", "top/a.yaml": config_map("a")}
    placed = {path if "/" in path else f"top/{path}": text for path, text in files.items()}
    assert built(top | placed, "top")[0]["metadata"]["name"] == "p-a"


def test_a_generator_with_unquoted_values() -> None:
    """Unlike kustomization files, configurations may leave numbers and booleans unquoted."""
    text = "{apiVersion: builtin, kind: ConfigMapGenerator, metadata: {name: c}, literals: [a=1], options: {annotations: {n: 5}}}"
    found = built({"kustomization.yaml": "generators: [g.yaml]", "g.yaml": text})[0]
    assert found["metadata"]["annotations"] == {"n": "5"}


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("{apiVersion: example.com/v1, kind: Runner, metadata: {name: r}}", "unable to load external plugin 'Runner'"),
        (
            "{apiVersion: v1, kind: F, metadata: {name: f, annotations: {config.kubernetes.io/function: 'exec: {path: x}'}}}",
            "functions and programs of a repository are never run",
        ),
        ("{apiVersion: builtin, kind: NoSuch, metadata: {name: n}}", "unable to load builtin NoSuch"),
        ("{apiVersion: builtin, kind: ConfigMapGenerator, metadata: {name: n}}", "is not a transformer"),
        ("{apiVersion: builtin, kind: PrefixTransformer, metadata: {name: n}}", "fails configuration: fieldSpecs"),
    ],
)
def test_refusals(text: str, error: str) -> None:
    """Programs, containers and unknown kinds are refused by name."""
    assert error in refusal({"kustomization.yaml": "transformers: [t.yaml]", "t.yaml": text})


def test_a_validator_may_change_nothing() -> None:
    """One that does is refused, with what it changed."""
    files = {"kustomization.yaml": "resources: [a.yaml]\nvalidators: [t.yaml]", "a.yaml": config_map("a"), "t.yaml": PREFIX}
    assert "validator shouldn't modify the resource map: PrefixTransformer changed ConfigMap" in refusal(files)


def test_configurations_add_and_override_fields() -> None:
    """A custom place for one kind ends the default for all kinds at the same path, as in kustomize."""
    files = {
        "kustomization.yaml": "resources: [a.yaml, s.yaml]\nnamePrefix: p-\nconfigurations: [c.yaml]",
        "a.yaml": config_map("a"),
        "s.yaml": "{apiVersion: v1, kind: Secret, metadata: {name: s}}",
        "c.yaml": "namePrefix:\n- {path: metadata/name, kind: Secret}",
    }
    assert [obj["metadata"]["name"] for obj in built(files)] == ["a", "p-s"]


def test_custom_references() -> None:
    """`nameReference` in a configuration, or extensions in a file of `crds`, make custom fields follow names."""
    crds = """\
example.com/v1.Widget:
  Schema:
    properties:
      apiVersion: {type: string}
      kind: {type: string}
      metadata: {type: object}
      confRef: {x-kubernetes-object-ref-api-version: v1, x-kubernetes-object-ref-kind: ConfigMap}
"""
    configuration = "nameReference:\n- kind: ConfigMap\n  fieldSpecs: [{path: spec/conf, kind: Widget}]"
    files = {
        "kustomization.yaml": "resources: [a.yaml, w.yaml]\nnamePrefix: p-\nconfigurations: [c.yaml]\ncrds: [crds.yaml]",
        "a.yaml": config_map("a"),
        "w.yaml": "{apiVersion: example.com/v1, kind: Widget, metadata: {name: w}, spec: {conf: a}, confRef: {name: a}}",
        "c.yaml": configuration,
        "crds.yaml": crds,
    }
    widget = built(files)[1]
    assert (widget["spec"], widget["confRef"]) == ({"conf": "p-a"}, {"name": "p-a"})

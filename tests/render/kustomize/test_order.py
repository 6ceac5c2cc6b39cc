"""The order of the result, and what `buildMetadata` adds."""

from __future__ import annotations

from gitopsd.render.kustomize.config import TransformerConfig, default_config
from gitopsd.render.kustomize.settings import BuildSettings
from tests.render.kustomize.building import built, config_map

METADATA = ["originAnnotations", "transformerAnnotations", "managedByLabel"]
TEXT = "\n---\n".join(
    f"{{apiVersion: {version}, kind: {kind}, metadata: {{name: {name}}}}}"
    for version, kind, name in [
        ("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", "w"),
        ("apps/v1", "Deployment", "d"),
        ("v1", "ConfigMap", "b"),
        ("v1", "ConfigMap", "a"),
        ("v1", "Namespace", "n"),
    ]
)


def order(kustomization: str, settings: BuildSettings | None = None) -> str:
    """The names in order."""
    files = {"kustomization.yaml": f"resources: [all.yaml]\n{kustomization}", "all.yaml": TEXT}
    return "".join(obj["metadata"]["name"] for obj in (built(files, "", settings) if settings else built(files)))


def test_legacy_by_default_and_sort_options_over_all() -> None:
    """What others need comes first, webhooks last; `sortOptions` may say otherwise."""
    assert order("", BuildSettings()) == "nabdw"
    assert order("") == "wdban"
    assert order("sortOptions: {order: fifo}", BuildSettings()) == "wdban"
    assert order("sortOptions: {order: legacy, legacySortOptions: {orderFirst: [Deployment], orderLast: [Namespace]}}") == "dwabn"


def test_origins_and_transformations() -> None:
    """Paths are relative to the folder that is built."""
    files = {
        "base/kustomization.yaml": "resources: [a.yaml]\nnamePrefix: p-",
        "base/a.yaml": config_map("a"),
        "top/kustomization.yaml": f"resources: [../base]\nbuildMetadata: {METADATA}",
    }
    metadata = built(files, "top")[0]["metadata"]
    assert metadata["annotations"]["config.kubernetes.io/origin"] == "path: ../base/a.yaml\n"
    assert metadata["annotations"]["alpha.config.kubernetes.io/transformations"] == (
        "- configuredIn: ../base/kustomization.yaml\n  configuredBy:\n    apiVersion: builtin\n    kind: PrefixTransformer\n"
    )
    assert metadata["labels"] == {"app.kubernetes.io/managed-by": "kustomize-v5.8.1"}


def test_local_objects_are_left_out() -> None:
    """What is marked as local only serves the build."""
    text = "{apiVersion: v1, kind: X, metadata: {name: x, annotations: {config.kubernetes.io/local-config: 'true'}}}"
    assert built({"kustomization.yaml": "resources: [x.yaml]", "x.yaml": text}) == []


def test_the_default_configuration_is_what_a_first_layer_gets() -> None:
    """The short cut for layers without configurations of their own gives what merging would."""
    default = default_config()
    copy = TransformerConfig().merge(TransformerConfig(**{name: getattr(default, name) for name in default._fields}))
    assert copy == default

"""The generators and transformers of a kustomization file, in the order in which kustomize runs them.

Each is a `Step`: what does the work, with the field that asked for it and the name that `buildMetadata` and explanations
give it. Steps are run in one place, by `accumulate`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from gitopsd.model.refs import Object
from gitopsd.render.kustomize.api import GeneratorArgs, Label
from gitopsd.render.kustomize.config import TransformerConfig, field_spec, merge_specs
from gitopsd.render.kustomize.fieldspec import FieldSpec, compiled
from gitopsd.render.kustomize.generators.base import merge_options
from gitopsd.render.kustomize.generators.configmap import make_config_map
from gitopsd.render.kustomize.generators.secret import make_secret
from gitopsd.render.kustomize.origin import Configured
from gitopsd.render.kustomize.patchfiles import json_patch_step, patch_step, strategic_merge_step
from gitopsd.render.kustomize.transformers.affix import PrefixTransformer, SuffixTransformer
from gitopsd.render.kustomize.transformers.base import Transformer
from gitopsd.render.kustomize.transformers.images import ContainerSites, ImageTagTransformer
from gitopsd.render.kustomize.transformers.labels import AnnotationsTransformer, LabelTransformer
from gitopsd.render.kustomize.transformers.namespace import NamespaceTransformer, other_places
from gitopsd.render.kustomize.transformers.replicas import ReplicaCountTransformer

if TYPE_CHECKING:
    from gitopsd.render.kustomize.api import HelmChart
    from gitopsd.render.kustomize.kustomization import Layer
    from gitopsd.render.kustomize.loading import Root
    from gitopsd.render.kustomize.resource import Resource

W = TypeVar("W")


class Step(NamedTuple, Generic[W]):
    """Some work of a layer. `make` sets it up; it runs, and fails, as part of the step."""

    make: Callable[[], W]
    field: str
    by: Configured
    file: str = ""
    """The file that configures it, from the layer's folder; empty if that is the kustomization file."""


class Generated(NamedTuple):
    """What a generator made: objects, and how they meet those that are there."""

    objects: tuple[Object, ...] = ()
    behavior: str = "create"
    needs_hash: bool = False
    from_helm: bool = False


class Configuration(NamedTuple):
    """A configuration object, and the entry of the kustomization that brought it: `transformers[0]`."""

    resource: Resource
    field: str


GeneratorStep = Step[Generated]
TransformerStep = Step[Transformer]


def generator_steps(layer: Layer) -> Iterator[GeneratorStep]:
    """ConfigMaps, then Secrets, then Helm charts."""
    spec, root = layer.spec, layer.root
    for index, args in enumerate(spec.config_map_generator):
        full = args._replace(options=merge_options(args.options, spec.generator_options))
        make = partial(generate_data, make_config_map, full, root)
        yield Step(make, f"configMapGenerator[{index}]", Configured(kind="ConfigMapGenerator"))
    for index, args in enumerate(spec.secret_generator):
        full = args._replace(options=merge_options(args.options, spec.generator_options))
        make = partial(generate_data, make_secret, full, root)
        yield Step(make, f"secretGenerator[{index}]", Configured(kind="SecretGenerator"))
    for index, chart in enumerate(spec.helm_charts):
        make = partial(inflated, chart._replace(namespace=chart.namespace or spec.namespace), layer)
        yield Step(make, f"helmCharts[{index}]", Configured(kind="HelmChartInflationGenerator"))


def generate_data(make: Callable[[GeneratorArgs, Callable[[str], bytes]], Object], args: GeneratorArgs, root: Root) -> Generated:
    """A ConfigMap or Secret with how its generator wants it treated."""
    disabled = args.options is not None and args.options.disable_name_suffix_hash
    behavior = args.behavior if args.behavior in {"merge", "replace"} else "create"
    return Generated((make(args, lambda path: root.read(path).data),), behavior, needs_hash=not disabled)


def inflated(chart: HelmChart, layer: Layer) -> Generated:
    """The objects of a Helm chart."""
    from gitopsd.render.kustomize.charts import inflate  # noqa: PLC0415 - what charts need is loaded where there is one

    return Generated(inflate(chart, layer.spec.helm_globals, layer.root), from_helm=True)


def transformer_steps(layer: Layer, config: TransformerConfig) -> Iterator[TransformerStep]:
    """All that a kustomization file transforms, in kustomize's order."""
    for steps in TRANSFORMATIONS:
        yield from steps(layer, config)


def _strategic_merges(layer: Layer, _config: TransformerConfig) -> Iterator[TransformerStep]:
    if entries := layer.spec.patches_strategic_merge:
        make = strategic_merge_step(entries, layer.root)
        yield Step(make, "patchesStrategicMerge", Configured(kind="PatchStrategicMergeTransformer"))


def _patches(layer: Layer, _config: TransformerConfig) -> Iterator[TransformerStep]:
    for index, patch in enumerate(layer.spec.patches):
        yield Step(patch_step(patch, layer.root), f"patches[{index}]", Configured(kind="PatchTransformer"))


def _namespace(layer: Layer, config: TransformerConfig) -> Iterator[TransformerStep]:
    if namespace := layer.spec.namespace:
        yield _ready("namespace", NamespaceTransformer(namespace, other_places(config.namespace)))


def _affixes(layer: Layer, config: TransformerConfig) -> Iterator[TransformerStep]:
    if prefix := layer.spec.name_prefix:
        yield _ready("namePrefix", PrefixTransformer(prefix, compiled(config.name_prefix)))
    if suffix := layer.spec.name_suffix:
        yield _ready("nameSuffix", SuffixTransformer(suffix, compiled(config.name_suffix)))


def _all_labels(layer: Layer, config: TransformerConfig) -> Iterator[TransformerStep]:
    for index, label in enumerate(layer.spec.labels):
        yield Step(partial(_labels, label, config), f"labels[{index}]", Configured(kind="LabelTransformer"))
    if layer.spec.labels or layer.spec.common_labels:  # kustomize counts the second as a step even where it says nothing
        yield _ready("commonLabels", LabelTransformer(layer.spec.common_labels, compiled(config.common_labels)))


def _annotations(layer: Layer, config: TransformerConfig) -> Iterator[TransformerStep]:
    if annotations := layer.spec.common_annotations:
        yield _ready("commonAnnotations", AnnotationsTransformer(annotations, compiled(config.common_annotations)))


def _json_patches(layer: Layer, _config: TransformerConfig) -> Iterator[TransformerStep]:
    for index, patch in enumerate(layer.spec.patches_json6902):
        yield Step(json_patch_step(patch, layer.root), f"patchesJson6902[{index}]", Configured(kind="PatchJson6902Transformer"))


def _replicas(layer: Layer, config: TransformerConfig) -> Iterator[TransformerStep]:
    for index, replica in enumerate(layer.spec.replicas):
        yield _ready(f"replicas[{index}]", ReplicaCountTransformer(replica, compiled(config.replicas)))


def _images(layer: Layer, config: TransformerConfig) -> Iterator[TransformerStep]:
    specs, sites = compiled(config.images), ContainerSites()
    for index, image in enumerate(layer.spec.images):
        yield _ready(f"images[{index}]", ImageTagTransformer(image, specs, sites))


def _replacements(layer: Layer, _config: TransformerConfig) -> Iterator[TransformerStep]:
    if entries := layer.spec.replacements:
        from gitopsd.render.kustomize.replacementfiles import replacements_step  # noqa: PLC0415 - few kustomizations have any

        yield Step(replacements_step(entries, layer.root), "replacements", Configured(kind="ReplacementTransformer"))


TRANSFORMATIONS = (
    _strategic_merges,
    _patches,
    _namespace,
    _affixes,
    _all_labels,
    _annotations,
    _json_patches,
    _replicas,
    _images,
    _replacements,
)
"""The order in which kustomize transforms, whatever the order in the file."""


def _labels(label: Label, config: TransformerConfig) -> Transformer:
    specs = tuple(field_spec(one) for one in label.fields)
    if label.include_selectors:
        specs = merge_specs(merge_specs(specs, config.common_labels), config.labels)
    else:
        specs = merge_specs(specs, _template_labels(label, config))
        specs = merge_specs(merge_specs(specs, config.labels), (FieldSpec("metadata/labels", create=True),))
    return LabelTransformer(label.pairs, compiled(specs))


def _template_labels(label: Label, config: TransformerConfig) -> Iterator[FieldSpec]:
    """The templates that a label is for: of pods, of claims, both or none."""
    if label.include_templates:
        yield from config.template_labels
    claims = label.include_volume_claim_templates
    if label.include_templates if claims is None else claims:
        yield from config.volume_claim_template_labels


def _ready(field: str, transformer: Transformer) -> TransformerStep:
    return Step(lambda: transformer, field, Configured(kind=type(transformer).__name__))

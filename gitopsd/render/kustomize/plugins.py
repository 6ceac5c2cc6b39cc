"""Generators and transformers with a configuration object of their own (`generators:`, `transformers:`, `validators:`).

Only kustomize's built-in kinds run. Programs and containers are refused by name: a repository never runs a program here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from gitopsd.model.errors import RenderError
from gitopsd.model.refs import Object
from gitopsd.render.kustomize.api import (
    NOTHING,
    FieldSpecArgs,
    GeneratorArgs,
    HelmChart,
    Image,
    ObjectMeta,
    PatchArgs,
    Replacement,
    Replica,
    Selector,
    StringMap,
)
from gitopsd.render.kustomize.config import field_spec
from gitopsd.render.kustomize.decode import Reading, decode
from gitopsd.render.kustomize.errors import FieldError, retold
from gitopsd.render.kustomize.fieldspec import FieldSpecs
from gitopsd.render.kustomize.generators.configmap import make_config_map
from gitopsd.render.kustomize.generators.iam import IamPolicy, make_service_account
from gitopsd.render.kustomize.generators.secret import make_secret
from gitopsd.render.kustomize.origin import Configured
from gitopsd.render.kustomize.patchfiles import inline_objects, json_patch_step, patch_step, strategic_merge_step
from gitopsd.render.kustomize.replacementfiles import read_replacements
from gitopsd.render.kustomize.resource import metadata_of
from gitopsd.render.kustomize.steps import Configuration, Generated, GeneratorStep, Step, TransformerStep, generate_data, inflated
from gitopsd.render.kustomize.transformers.affix import PrefixTransformer, SuffixTransformer
from gitopsd.render.kustomize.transformers.base import Transformer
from gitopsd.render.kustomize.transformers.hash import HashTransformer
from gitopsd.render.kustomize.transformers.images import ContainerSites, ImageTagTransformer
from gitopsd.render.kustomize.transformers.labels import AnnotationsTransformer, LabelTransformer
from gitopsd.render.kustomize.transformers.namespace import SUBJECT_MODES, NamespaceTransformer, other_places
from gitopsd.render.kustomize.transformers.patch import Merging, PatchStrategicMergeTransformer
from gitopsd.render.kustomize.transformers.replacement import ReplacementTransformer
from gitopsd.render.kustomize.transformers.replicas import ReplicaCountTransformer
from gitopsd.render.kustomize.transformers.valueadd import ValueAddTransformer, read_value_add

if TYPE_CHECKING:
    from gitopsd.render.kustomize.kustomization import Layer

T = TypeVar("T")

_FUNCTION_MARKS = ("config.kubernetes.io/function", "config.k8s.io/function")


class _Config(NamedTuple):
    """All fields that the simple built-in transformers read."""

    metadata: ObjectMeta = ObjectMeta()
    field_specs: tuple[FieldSpecArgs, ...] = ()
    labels: StringMap = NOTHING
    annotations: StringMap = NOTHING
    prefix: str = ""
    suffix: str = ""
    unset_only: bool = False
    set_role_binding_subjects: str = ""
    image_tag: Image = Image()
    replica: Replica = Replica()
    replacements: tuple[Replacement, ...] = ()

    @property
    def specs(self) -> FieldSpecs:
        return FieldSpecs(field_spec(one) for one in self.field_specs)


class _StrategicMergeConfig(NamedTuple):
    paths: tuple[str, ...] = ()
    patches: str = ""


class _JsonPatchConfig(NamedTuple):
    target: Selector | None = None
    path: str = ""
    json_op: str = ""


def configured_generators(layer: Layer, configs: Iterable[Configuration]) -> Iterator[GeneratorStep]:
    """A step for each configuration object of `generators:`. Raises RenderError for one that is no built-in generator."""
    for config in configs:
        make = _factory(config, _GENERATORS, "generator", layer)
        yield _step(config, partial(make, config.resource.object, layer))


def configured_transformers(layer: Layer, configs: Iterable[Configuration]) -> Iterator[TransformerStep]:
    """A step for each configuration object. Raises RenderError for one that is no built-in transformer."""
    for config in configs:
        make = _factory(config, _TRANSFORMERS, "transformer", layer)
        yield _step(config, partial(make, config.resource.object, layer))


def _step(configuration: Configuration, make: Callable[[], T]) -> Step[T]:
    config = configuration.resource

    def configured() -> T:
        try:
            return make()
        except FieldError as error:
            raise RenderError(f"plugin {config.id} fails configuration: {error.field}: {error.message}") from error
        except RenderError as error:
            raise retold(error, f"plugin {config.id} fails configuration: {error.message}") from error

    metadata = metadata_of(config.object)
    by = Configured(
        str(config.object.get("apiVersion", "")),
        config.id.gvk.kind,
        str(metadata.get("name", "")),
        str(metadata.get("namespace", "")),
    )
    return Step(configured, configuration.field, by, config.origin.path if config.origin else "")


def _factory(
    configuration: Configuration, table: Mapping[str, Callable[[Object, Layer], T]], role: str, layer: Layer
) -> Callable[[Object, Layer], T]:
    config = configuration.resource
    kind = config.id.gvk.kind
    if config.id.gvk.group != "builtin":
        marks = metadata_of(config.object).get("annotations")
        function = isinstance(marks, dict) and any(mark in marks for mark in _FUNCTION_MARKS)
        what = "functions and programs of a repository are never run" if function else "only built-in plugins run"
        raise RenderError(
            f"external plugins disabled; unable to load external plugin {kind!r} ({config.id}): {what}",
            layer.place(configuration.field),
        )
    if kind in table:
        return table[kind]
    known = kind in _GENERATORS or kind in _TRANSFORMERS
    message = f"plugin {config.id} is not a {role}" if known else f"unable to load builtin {config.id.gvk}"
    raise RenderError(message, layer.place(configuration.field))


def _read(obj: Object) -> _Config:
    return decode(_Config, obj, Reading.LOOSE)


def _data(make: Any) -> Callable[[Object, Layer], Generated]:
    def generate(obj: Object, layer: Layer) -> Generated:
        args = decode(GeneratorArgs, obj, Reading.LOOSE)
        metadata = _read(obj).metadata
        full = args._replace(name=args.name or metadata.name, namespace=args.namespace or metadata.namespace)
        return generate_data(make, full, layer.root)

    return generate


def _chart(obj: Object, layer: Layer) -> Generated:
    return inflated(decode(HelmChart, obj, Reading.LOOSE), layer)


def _iam(obj: Object, _layer: Layer) -> Generated:
    return Generated((make_service_account(decode(IamPolicy, obj, Reading.LOOSE)),))


_GENERATORS: dict[str, Callable[[Object, Layer], Generated]] = {
    "ConfigMapGenerator": _data(make_config_map),
    "SecretGenerator": _data(make_secret),
    "HelmChartInflationGenerator": _chart,
    "IAMPolicyGenerator": _iam,
}


def _namespace(obj: Object, _layer: Layer) -> Transformer:
    config = _read(obj)
    if config.set_role_binding_subjects not in {"", *SUBJECT_MODES}:
        message = f"invalid value {config.set_role_binding_subjects!r} for setRoleBindingSubjects, must be one of {SUBJECT_MODES}"
        raise RenderError(message)
    subjects = config.set_role_binding_subjects or SUBJECT_MODES[0]
    return NamespaceTransformer(config.metadata.namespace, other_places(config.specs.specs), config.unset_only, subjects)


def _needs_specs(config: _Config) -> FieldSpecs:
    if not config.field_specs:
        raise RenderError("fieldSpecs is not expected to be nil")
    return config.specs


def _prefix(obj: Object, _layer: Layer) -> Transformer:
    config = _read(obj)
    return PrefixTransformer(config.prefix, _needs_specs(config))


def _suffix(obj: Object, _layer: Layer) -> Transformer:
    config = _read(obj)
    return SuffixTransformer(config.suffix, _needs_specs(config))


class PrefixSuffixTransformer(NamedTuple):
    """Both at once, an old kind."""

    both: tuple[Transformer, Transformer]

    def __call__(self, resources: Any) -> None:
        """First the prefix."""
        for one in self.both:
            one(resources)


def _affixes(obj: Object, layer: Layer) -> Transformer:
    return PrefixSuffixTransformer((_prefix(obj, layer), _suffix(obj, layer)))


def _images(obj: Object, _layer: Layer) -> Transformer:
    config = _read(obj)
    return ImageTagTransformer(config.image_tag, config.specs, ContainerSites())


def _replicas(obj: Object, _layer: Layer) -> Transformer:
    config = _read(obj)
    return ReplicaCountTransformer(config.replica, config.specs)


def _label(obj: Object, _layer: Layer) -> Transformer:
    config = _read(obj)
    return LabelTransformer(config.labels, config.specs)


def _annotations(obj: Object, _layer: Layer) -> Transformer:
    config = _read(obj)
    return AnnotationsTransformer(config.annotations, config.specs)


def _replacements(obj: Object, layer: Layer) -> Transformer:
    return ReplacementTransformer(read_replacements(_read(obj).replacements, layer.root))


def _patch(obj: Object, layer: Layer) -> Transformer:
    return patch_step(decode(PatchArgs, obj, Reading.LOOSE), layer.root)()


def _json_patch(obj: Object, layer: Layer) -> Transformer:
    config = decode(_JsonPatchConfig, obj, Reading.LOOSE)
    if bool(config.path) == bool(config.json_op):
        raise RenderError("must specify a file path or jsonOp, not both" if config.path else "empty file path and empty jsonOp")
    return json_patch_step(PatchArgs(config.path, config.json_op, config.target), layer.root)()


def _strategic_merge(obj: Object, layer: Layer) -> Transformer:
    config = decode(_StrategicMergeConfig, obj, Reading.LOOSE)
    if not config.paths and not config.patches:
        raise RenderError("empty file path and empty patch content")
    transformer = strategic_merge_step(config.paths, layer.root)()
    patches = transformer.patches if isinstance(transformer, PatchStrategicMergeTransformer) else ()
    if config.patches:
        patches = (*patches, *(Merging(patch, "patches") for patch in inline_objects(config.patches)))
    if not patches:
        raise RenderError(f"patch appears to be empty; files={list(config.paths)}")
    return PatchStrategicMergeTransformer(patches, layer.root.session.schema)


def _hash(_obj: Object, _layer: Layer) -> Transformer:
    return HashTransformer()


def _value_add(obj: Object, layer: Layer) -> Transformer:
    return ValueAddTransformer(*read_value_add(obj, layer.root))


_TRANSFORMERS: dict[str, Callable[[Object, Layer], Transformer]] = {
    "AnnotationsTransformer": _annotations,
    "HashTransformer": _hash,
    "ImageTagTransformer": _images,
    "LabelTransformer": _label,
    "NamespaceTransformer": _namespace,
    "PatchJson6902Transformer": _json_patch,
    "PatchStrategicMergeTransformer": _strategic_merge,
    "PatchTransformer": _patch,
    "PrefixSuffixTransformer": _affixes,
    "PrefixTransformer": _prefix,
    "ReplacementTransformer": _replacements,
    "ReplicaCountTransformer": _replicas,
    "SuffixTransformer": _suffix,
    "ValueAddTransformer": _value_add,
}

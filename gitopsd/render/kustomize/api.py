"""The fields of kustomization files and of plugin configurations (kustomize.config.k8s.io v1beta1, v1alpha1).

These classes are the schema: `decode` reads documents into them. A key is the field's name in camel case, in any case.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from gitopsd.render.kustomize.ids import Gvk, parse_api_version

Strings = tuple[str, ...]
StringMap = dict[str, str]


@dataclass(frozen=True, slots=True)
class ObjectMeta:
    """The metadata of a kustomization or a plugin configuration."""

    name: str = ""
    namespace: str = ""
    labels: StringMap = field(default_factory=dict)
    annotations: StringMap = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Selector:
    """Which objects; patterns are anchored regular expressions, an empty one matches all."""

    group: str = ""
    version: str = ""
    kind: str = ""
    name: str = ""
    namespace: str = ""
    label_selector: str = ""
    annotation_selector: str = ""

    def __str__(self) -> str:
        """What it asks for: `kind=Deployment, name=api.*`."""
        asked = {
            "group": self.group, "version": self.version, "kind": self.kind, "name": self.name, "namespace": self.namespace,
            "labelSelector": self.label_selector, "annotationSelector": self.annotation_selector,
        }  # fmt: skip
        return ", ".join(f"{name}={value}" for name, value in asked.items() if value) or "everything"


@dataclass(frozen=True, slots=True)
class FieldSpecArgs:
    """A field spec as written."""

    path: str = ""
    group: str = ""
    version: str = ""
    kind: str = ""
    create: bool = False


@dataclass(frozen=True, slots=True)
class PatchOptions:
    """What a strategic merge may change besides."""

    allow_name_change: bool = False
    allow_kind_change: bool = False


@dataclass(frozen=True, slots=True)
class PatchArgs:
    """One of `patches` or `patchesJson6902`."""

    path: str = ""
    patch: str = ""
    target: Selector | None = None
    options: PatchOptions = field(default_factory=PatchOptions)


@dataclass(frozen=True, slots=True)
class Image:
    """One of `images`."""

    name: str = ""
    new_name: str = ""
    tag_suffix: str = ""
    new_tag: str = ""
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Replica:
    """One of `replicas`."""

    name: str = ""
    count: int = 0


@dataclass(frozen=True, slots=True)
class Label:
    """One of `labels`."""

    pairs: StringMap = field(default_factory=dict)
    include_selectors: bool = False
    include_templates: bool = False
    include_volume_claim_templates: bool | None = None
    """Newer than 5.8; where it is absent, templates include those of claims, as in 5.8."""
    fields: tuple[FieldSpecArgs, ...] = ()


@dataclass(frozen=True, slots=True)
class GeneratorOptions:
    """`generatorOptions`, and the `options` of one generator."""

    labels: StringMap = field(default_factory=dict)
    annotations: StringMap = field(default_factory=dict)
    disable_name_suffix_hash: bool = False
    immutable: bool = False


@dataclass(frozen=True, slots=True)
class GeneratorArgs:
    """One of `configMapGenerator` or `secretGenerator`. `type` is a Secret's only."""

    name: str = ""
    namespace: str = ""
    behavior: str = ""
    literals: Strings = ()
    files: Strings = ()
    envs: Strings = ()
    env: str = ""
    type: str = ""
    options: GeneratorOptions | None = None


@dataclass(frozen=True, slots=True)
class FieldOptions:
    """How a replacement splits, counts and creates."""

    delimiter: str = ""
    index: int = 0
    encoding: str = ""
    create: bool = False


@dataclass(frozen=True, slots=True)
class SourceSelector:
    """Where a replacement reads."""

    group: str = ""
    version: str = ""
    kind: str = ""
    name: str = ""
    namespace: str = ""
    field_path: str = ""
    options: FieldOptions | None = None


@dataclass(frozen=True, slots=True)
class TargetSelector:
    """Where a replacement writes."""

    select: Selector | None = None
    reject: tuple[Selector, ...] = ()
    field_paths: Strings = ()
    options: FieldOptions | None = None


@dataclass(frozen=True, slots=True)
class Replacement:
    """One of `replacements`; `path` names a file with one or a list of them."""

    path: str = ""
    source: SourceSelector | None = None
    source_value: str | None = None
    targets: tuple[TargetSelector, ...] = ()


@dataclass(frozen=True, slots=True)
class ObjectReference:
    """The object of a var, named exactly."""

    api_version: str = ""
    group: str = ""
    version: str = ""
    kind: str = ""
    name: str = ""
    namespace: str = ""

    @property
    def gvk(self) -> Gvk:
        """Group, version and kind; `apiVersion` wins over the first two."""
        if self.api_version:
            return Gvk(*parse_api_version(self.api_version), self.kind)
        return Gvk(self.group, self.version, self.kind)


@dataclass(frozen=True, slots=True)
class FieldRef:
    """The field of a var."""

    field_path: str = "metadata.name"


@dataclass(frozen=True, slots=True)
class Var:
    """One of `vars`."""

    name: str = ""
    objref: ObjectReference = field(default_factory=ObjectReference)
    fieldref: FieldRef = field(default_factory=FieldRef)


@dataclass(frozen=True, slots=True)
class LegacySortOptions:
    """Which kinds come first and last."""

    order_first: Strings = ()
    order_last: Strings = ()


@dataclass(frozen=True, slots=True)
class SortOptions:
    """`sortOptions`."""

    order: str = ""
    legacy_sort_options: LegacySortOptions | None = None


@dataclass(frozen=True, slots=True)
class HelmGlobals:
    """`helmGlobals`."""

    chart_home: str = ""
    config_home: str = ""


@dataclass(frozen=True, slots=True)
class HelmChart:
    """One of `helmCharts`."""

    name: str = ""
    version: str = ""
    repo: str = ""
    release_name: str = ""
    namespace: str = ""
    additional_values_files: Strings = ()
    values_file: str = ""
    values_inline: dict[str, Any] = field(default_factory=dict)
    values_merge: str = ""
    include_crds: bool = False
    skip_hooks: bool = False
    api_versions: Strings = ()
    kube_version: str = ""
    name_template: str = ""
    skip_tests: bool = False
    debug: bool = False
    devel: bool = False


@dataclass(frozen=True, slots=True)
class Kustomization:
    """A kustomization.yaml, of kind Kustomization or Component."""

    api_version: str = ""
    kind: str = ""
    metadata: ObjectMeta | None = None
    openapi: StringMap = field(default_factory=dict)
    name_prefix: str = ""
    name_suffix: str = ""
    namespace: str = ""
    common_labels: StringMap = field(default_factory=dict)
    labels: tuple[Label, ...] = ()
    common_annotations: StringMap = field(default_factory=dict)
    patches_strategic_merge: Strings = ()
    patches_json6902: tuple[PatchArgs, ...] = ()
    patches: tuple[PatchArgs, ...] = ()
    images: tuple[Image, ...] = ()
    image_tags: tuple[Image, ...] = ()
    replacements: tuple[Replacement, ...] = ()
    replicas: tuple[Replica, ...] = ()
    vars: tuple[Var, ...] = ()
    sort_options: SortOptions | None = None
    resources: Strings = ()
    components: Strings = ()
    crds: Strings = ()
    bases: Strings = ()
    config_map_generator: tuple[GeneratorArgs, ...] = ()
    secret_generator: tuple[GeneratorArgs, ...] = ()
    helm_globals: HelmGlobals | None = None
    helm_charts: tuple[HelmChart, ...] = ()
    helm_chart_inflation_generator: tuple[dict[str, Any], ...] = ()
    generator_options: GeneratorOptions | None = None
    configurations: Strings = ()
    generators: Strings = ()
    transformers: Strings = ()
    validators: Strings = ()
    build_metadata: Strings = ()

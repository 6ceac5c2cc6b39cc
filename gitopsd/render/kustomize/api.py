"""The fields of kustomization files and of plugin configurations (kustomize.config.k8s.io v1beta1, v1alpha1).

These classes are the schema: `decode` reads documents into them. A key is the field's name in camel case, in any case.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from gitopsd.render.kustomize.ids import Gvk, parse_api_version

Strings = tuple[str, ...]
StringMap = dict[str, str]
NOTHING: dict[str, Any] = {}
"""What a mapping is that is not there; nobody changes one."""


class ObjectMeta(NamedTuple):
    """The metadata of a kustomization or a plugin configuration."""

    name: str = ""
    namespace: str = ""
    labels: StringMap = NOTHING
    annotations: StringMap = NOTHING


class Selector(NamedTuple):
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


class FieldSpecArgs(NamedTuple):
    """A field spec as written."""

    path: str = ""
    group: str = ""
    version: str = ""
    kind: str = ""
    create: bool = False


class PatchOptions(NamedTuple):
    """What a strategic merge may change besides."""

    allow_name_change: bool = False
    allow_kind_change: bool = False


class PatchArgs(NamedTuple):
    """One of `patches` or `patchesJson6902`."""

    path: str = ""
    patch: str = ""
    target: Selector | None = None
    options: PatchOptions = PatchOptions()


class Image(NamedTuple):
    """One of `images`."""

    name: str = ""
    new_name: str = ""
    tag_suffix: str = ""
    new_tag: str = ""
    digest: str = ""


class Replica(NamedTuple):
    """One of `replicas`."""

    name: str = ""
    count: int = 0  # type: ignore[assignment]  # nobody asks a tuple's own method of it


class Label(NamedTuple):
    """One of `labels`."""

    pairs: StringMap = NOTHING
    include_selectors: bool = False
    include_templates: bool = False
    include_volume_claim_templates: bool | None = None
    """Newer than 5.8; where it is absent, templates include those of claims, as in 5.8."""
    fields: tuple[FieldSpecArgs, ...] = ()


class GeneratorOptions(NamedTuple):
    """`generatorOptions`, and the `options` of one generator."""

    labels: StringMap = NOTHING
    annotations: StringMap = NOTHING
    disable_name_suffix_hash: bool = False
    immutable: bool = False


class GeneratorArgs(NamedTuple):
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


class FieldOptions(NamedTuple):
    """How a replacement splits, counts and creates."""

    delimiter: str = ""
    index: int = 0  # type: ignore[assignment]  # as above
    encoding: str = ""
    create: bool = False


class SourceSelector(NamedTuple):
    """Where a replacement reads."""

    group: str = ""
    version: str = ""
    kind: str = ""
    name: str = ""
    namespace: str = ""
    field_path: str = ""
    options: FieldOptions | None = None


class TargetSelector(NamedTuple):
    """Where a replacement writes."""

    select: Selector | None = None
    reject: tuple[Selector, ...] = ()
    field_paths: Strings = ()
    options: FieldOptions | None = None


class Replacement(NamedTuple):
    """One of `replacements`; `path` names a file with one or a list of them."""

    path: str = ""
    source: SourceSelector | None = None
    source_value: str | None = None
    targets: tuple[TargetSelector, ...] = ()


class ObjectReference(NamedTuple):
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


class FieldRef(NamedTuple):
    """The field of a var."""

    field_path: str = "metadata.name"


class Var(NamedTuple):
    """One of `vars`."""

    name: str = ""
    objref: ObjectReference = ObjectReference()
    fieldref: FieldRef = FieldRef()


class LegacySortOptions(NamedTuple):
    """Which kinds come first and last."""

    order_first: Strings = ()
    order_last: Strings = ()


class SortOptions(NamedTuple):
    """`sortOptions`."""

    order: str = ""
    legacy_sort_options: LegacySortOptions | None = None


class HelmGlobals(NamedTuple):
    """`helmGlobals`."""

    chart_home: str = ""
    config_home: str = ""


class HelmChart(NamedTuple):
    """One of `helmCharts`."""

    name: str = ""
    version: str = ""
    repo: str = ""
    release_name: str = ""
    namespace: str = ""
    additional_values_files: Strings = ()
    values_file: str = ""
    values_inline: dict[str, Any] = NOTHING
    values_merge: str = ""
    include_crds: bool = False
    skip_hooks: bool = False
    api_versions: Strings = ()
    kube_version: str = ""
    name_template: str = ""
    skip_tests: bool = False
    debug: bool = False
    devel: bool = False


class Kustomization(NamedTuple):
    """A kustomization.yaml, of kind Kustomization or Component."""

    api_version: str = ""
    kind: str = ""
    metadata: ObjectMeta | None = None
    openapi: StringMap = NOTHING
    name_prefix: str = ""
    name_suffix: str = ""
    namespace: str = ""
    common_labels: StringMap = NOTHING
    labels: tuple[Label, ...] = ()
    common_annotations: StringMap = NOTHING
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

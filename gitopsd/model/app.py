"""An application: what stands where in Git, and how it is to live in which cluster.

The values mirror Argo CD's `Application` (argoproj.io/v1alpha1) field by field, in snake case. `gitopsd.config` validates
documents against these very classes, so the schema has one definition.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, NamedTuple

from gitopsd.model.analysis import Analysis, Configured
from gitopsd.model.deletion import Deletion
from gitopsd.model.project import UNRESTRICTED, Project
from gitopsd.model.standing import Standing
from gitopsd.model.wire import STRICT

ANNOTATION_PREFIX = "gitopsd.dev/"
"""What gitopsd adds to Argo CD's Application stands in annotations with this prefix."""
SKIP_RECONCILE = (f"{ANNOTATION_PREFIX}skip-reconcile", "argocd.argoproj.io/skip-reconcile")
"""`"true"` suspends an application: the declared form of the standing order. Where our own is there, it counts, and Argo CD's
is for Argo CD alone: so an application is taken from the one and given to the other."""


class AppKey(NamedTuple):
    """An application's name among all applications."""

    namespace: str
    name: str

    def __str__(self) -> str:
        """As commands and paths write it: `argocd/monitor-app-prod`."""
        return f"{self.namespace}/{self.name}"


def resource_origin(key: AppKey) -> str:
    """The origin of an application that is a resource in the cluster: its name."""
    return f"Application {key}"


@dataclass(frozen=True, slots=True)
class Selector:
    """Which objects a patch or a rule applies to; patterns are anchored regular expressions, empty selects all."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT
    group: str = ""
    version: str = ""
    kind: str = ""
    name: str = ""
    namespace: str = ""
    label_selector: str = ""
    annotation_selector: str = ""


@dataclass(frozen=True, slots=True)
class KustomizePatch:
    """One of `source.kustomize.patches`: a strategic-merge or JSON6902 patch, inline or by path."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT
    patch: str = ""
    path: str = ""
    target: Selector | None = None
    options: dict[str, bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class KustomizeReplica:
    """One of `source.kustomize.replicas`."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT
    name: str
    count: int | str


@dataclass(frozen=True, slots=True)
class KustomizeOptions:
    """`source.kustomize`: what Argo CD sets with `kustomize edit` before the build. `images` are `[old=]new[:tag|@digest]`."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT
    name_prefix: str = ""
    name_suffix: str = ""
    namespace: str = ""
    images: tuple[str, ...] = ()
    replicas: tuple[KustomizeReplica, ...] = ()
    common_labels: dict[str, str] = field(default_factory=dict)
    force_common_labels: bool = False
    label_without_selector: bool = False
    label_include_templates: bool = False
    common_annotations: dict[str, str] = field(default_factory=dict)
    common_annotations_envsubst: bool = False
    force_common_annotations: bool = False
    patches: tuple[KustomizePatch, ...] = ()
    components: tuple[str, ...] = ()
    ignore_missing_components: bool = False
    version: str = ""
    kube_version: str = ""
    api_versions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class JsonnetVar:
    """A variable of Jsonnet; `code` says that the value is Jsonnet, not text."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT
    name: str
    value: str
    code: bool = False


@dataclass(frozen=True, slots=True)
class JsonnetOptions:
    """`source.directory.jsonnet`."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT
    ext_vars: tuple[JsonnetVar, ...] = ()
    tlas: tuple[JsonnetVar, ...] = ()
    libs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DirectoryOptions:
    """`source.directory`: a plain folder of manifests; `include` and `exclude` are globs, `{a,b}` for alternatives."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT
    recurse: bool = False
    include: str = ""
    exclude: str = ""
    jsonnet: JsonnetOptions | None = None


@dataclass(frozen=True, slots=True)
class HelmParameter:
    """One of `source.helm.parameters`."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT
    name: str
    value: str = ""
    force_string: bool = False


@dataclass(frozen=True, slots=True)
class HelmFileParameter:
    """One of `source.helm.fileParameters`."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT
    name: str
    path: str


@dataclass(frozen=True, slots=True)
class HelmOptions:
    """`source.helm`."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT
    value_files: tuple[str, ...] = ()
    parameters: tuple[HelmParameter, ...] = ()
    file_parameters: tuple[HelmFileParameter, ...] = ()
    values: str = ""
    values_object: dict[str, Any] | None = None
    release_name: str = ""
    namespace: str = ""
    version: str = ""
    kube_version: str = ""
    api_versions: tuple[str, ...] = ()
    pass_credentials: bool = False
    ignore_missing_value_files: bool = False
    skip_crds: bool = False
    skip_tests: bool = False
    skip_schema_validation: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """Where manifests come from. `target_revision` is a branch, tag, commit id, `HEAD` or a semver range of tags."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT
    repo_url: str
    path: str = ""
    target_revision: str = "HEAD"
    chart: str = ""
    ref: str = ""
    name: str = ""
    kustomize: KustomizeOptions | None = None
    directory: DirectoryOptions | None = None
    helm: HelmOptions | None = None
    plugin: dict[str, Any] | None = None

    @property
    def followed(self) -> str:
        """What is asked for news: the repository, or a chart in it."""
        return f"{self.repo_url}#{self.chart}" if self.chart else self.repo_url


@dataclass(frozen=True, slots=True)
class Destination:
    """Which cluster, by `server` or by `name`; `namespace` applies only to objects that have none."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT
    server: str = ""
    name: str = ""
    namespace: str = ""


@dataclass(frozen=True, slots=True)
class Automated:
    """`syncPolicy.automated`; `enabled: null` means on."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT
    enabled: bool | None = None
    prune: bool = False
    self_heal: bool = False
    allow_empty: bool = False


@dataclass(frozen=True, slots=True)
class Backoff:
    """`syncPolicy.retry.backoff`; durations as Kubernetes writes them (`5s`, `3m`)."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT
    duration: str = "5s"
    factor: int = 2
    max_duration: str = "3m"


@dataclass(frozen=True, slots=True)
class Retry:
    """`syncPolicy.retry`; a `limit` below zero is unlimited."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT
    limit: int = 5
    refresh: bool = False
    backoff: Backoff = field(default_factory=Backoff)


@dataclass(frozen=True, slots=True)
class NamespaceMetadata:
    """`syncPolicy.managedNamespaceMetadata`."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT
    labels: dict[str, str] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SyncPolicy:
    """`syncPolicy`; without `automated` only a person syncs."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT
    automated: Automated | None = None
    sync_options: tuple[str, ...] = ()
    retry: Retry | None = None
    managed_namespace_metadata: NamespaceMetadata | None = None


@dataclass(frozen=True, slots=True)
class IgnoreDifference:
    """One of `ignoreDifferences`."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT
    kind: str
    group: str = ""
    name: str = ""
    namespace: str = ""
    json_pointers: tuple[str, ...] = ()
    jq_path_expressions: tuple[str, ...] = ()
    managed_fields_managers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Info:
    """One of `info`: shown, never used."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class AppSpec:
    """`Application.spec`: exactly one of `source` and `sources` (the config checks that)."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT
    destination: Destination
    project: str = "default"
    source: Source | None = None
    sources: tuple[Source, ...] = ()
    sync_policy: SyncPolicy = field(default_factory=SyncPolicy)
    ignore_differences: tuple[IgnoreDifference, ...] = ()
    info: tuple[Info, ...] = ()
    revision_history_limit: int | None = None
    source_hydrator: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class AppSettings:
    """What gitopsd adds to Argo CD's Application: annotations under `gitopsd.dev/`, over the configuration's defaults.

    `report_drift` keeps drift from being healed; `health_timeout` is how many seconds a wave may take to become healthy;
    `prune_budget` how much one sync may delete: a share (`50%`), a number, or `none`; `adopt` takes over objects that another
    application or tool owns; `conflicts` says what is done about fields that other managers hold; `depends_on` names applications
    that have to be Synced and Healthy first; with `approval` a plan waits until a person approved it. A revision that becomes
    Degraded within `probation` seconds after it came is left again for the last good one; 0: it stays. `analysis` is what is
    measured of it besides.
    """

    report_drift: bool = False
    health_timeout: float = 300.0
    prune_budget: str = "50%"
    adopt: bool = False
    conflicts: str = "force"
    depends_on: tuple[str, ...] = ()
    approval: bool = False
    probation: float = 0.0
    analysis: Analysis | Configured | None = None


@dataclass(frozen=True, slots=True)
class App:
    """An application as all stages know it. `origin` says where its document stands (file and line, or the cluster).

    `holder` says who else reconciles it, in a sentence: it is then refused, not fought over. `project` is what `spec.project`
    names, None where there is no such project: then nothing is permitted. `standing` is what people have ordered, besides what
    the document says. `deletion` is set while it is being taken away.
    """

    key: AppKey
    spec: AppSpec
    labels: dict[str, str] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)
    finalizers: tuple[str, ...] = ()
    origin: str = ""
    settings: AppSettings = field(default_factory=AppSettings)
    holder: str = ""
    project: Project | None = UNRESTRICTED
    standing: Standing = field(default_factory=Standing)
    deletion: Deletion | None = None

    @property
    def is_resource(self) -> bool:
        """Whether it is declared by the Application resource of its name in the cluster."""
        return self.origin == resource_origin(self.key)

    def with_options(self, options: tuple[str, ...]) -> App:
        """The application as if it named these sync options too, after its own."""
        if not options:
            return self
        policy = self.spec.sync_policy
        return replace(self, spec=replace(self.spec, sync_policy=replace(policy, sync_options=policy.sync_options + options)))

    @property
    def skips(self) -> str:
        """The annotation that suspends it, empty where none does."""
        name = next((name for name in SKIP_RECONCILE if name in self.annotations), "")
        return name if self.annotations.get(name) == "true" else ""

    @property
    def suspension(self) -> str:
        """Why nothing is written for it, and how to go on, as a clause; empty where it is not suspended."""
        if name := self.skips:
            return f"suspended by its annotation {name}; take that away to go on"
        if order := self.standing.suspended:
            return f"{order}; `gitopsd resume {self.key}` goes on"
        return ""

    @property
    def sources(self) -> tuple[Source, ...]:
        """Its sources, one or many."""
        return (self.spec.source,) if self.spec.source else self.spec.sources

    @property
    def automated(self) -> Automated | None:
        """Its automation policy, None where only a person syncs."""
        automated = self.spec.sync_policy.automated
        return automated if automated and automated.enabled is not False else None

    def option(self, name: str, default: str = "") -> str:
        """The value of a sync option of the application: `option("CreateNamespace")` -> `"true"`; later ones win."""
        value = default
        for entry in self.spec.sync_policy.sync_options:
            key, _, text = entry.partition("=")
            if key == name:
                value = text or "true"
        return value

"""A project: what the applications that name it may take from where, and bring to life where, and when.

The values mirror Argo CD's `AppProject` (argoproj.io/v1alpha1) field by field, as `gitopsd.model.app` does its `Application`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from gitopsd.model.wire import STRICT


@dataclass(frozen=True, slots=True)
class AllowedDestination:
    """One of `destinations`: globs for cluster and namespace. One in which a field begins with `!` denies."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT
    server: str = ""
    name: str = ""
    namespace: str = ""


@dataclass(frozen=True, slots=True)
class KindRule:
    """A line of a list of kinds: globs; `name` counts for objects in no namespace only, empty means any."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT
    group: str
    kind: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class OrphanKey:
    """One of `orphanedResources.ignore`: globs, empty means any."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT
    group: str = ""
    kind: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class OrphanedResources:
    """`orphanedResources`: `warn: null` means yes."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT
    warn: bool | None = None
    ignore: tuple[OrphanKey, ...] = ()


@dataclass(frozen=True, slots=True)
class SyncWindow:
    """One of `syncWindows`: `kind` is allow or deny; it opens as `schedule` (cron) says in `time_zone`, for `duration`.

    The lists are globs; a window is for the applications that one of them selects, or with `and_operator` all that are not empty.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT
    kind: str
    schedule: str
    duration: str
    applications: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    clusters: tuple[str, ...] = ()
    manual_sync: bool = False
    time_zone: str = "UTC"
    and_operator: bool = False
    description: str = ""
    sync_overrun: bool = False


@dataclass(frozen=True, slots=True)
class SignatureKey:
    """One of `signatureKeys`: the id of an OpenPGP key, or the fingerprint of an SSH key (`SHA256:...`)."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT | {"alias_generator": {"key_id": "keyID"}.__getitem__}
    key_id: str


@dataclass(frozen=True, slots=True)
class DestinationServiceAccount:
    """One of `destinationServiceAccounts`: whom to impersonate where: `NAMESPACE:NAME`, or a `NAME` in the destination's."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT
    server: str
    default_service_account: str
    namespace: str = ""


@dataclass(frozen=True, slots=True)
class ProjectSpec:
    """`AppProject.spec`. A list of kinds for namespaced objects that is None says nothing; an empty one allows none."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT
    description: str = ""
    source_repos: tuple[str, ...] = ()
    source_namespaces: tuple[str, ...] = ()
    destinations: tuple[AllowedDestination, ...] = ()
    cluster_resource_whitelist: tuple[KindRule, ...] = ()
    cluster_resource_blacklist: tuple[KindRule, ...] = ()
    namespace_resource_whitelist: tuple[KindRule, ...] | None = None
    namespace_resource_blacklist: tuple[KindRule, ...] = ()
    orphaned_resources: OrphanedResources | None = None
    sync_windows: tuple[SyncWindow, ...] = ()
    signature_keys: tuple[SignatureKey, ...] = ()
    permit_only_project_scoped_clusters: bool = False
    destination_service_accounts: tuple[DestinationServiceAccount, ...] = ()
    roles: tuple[dict[str, Any], ...] = ()
    source_integrity: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Project:
    """A project by the name that applications give; those of its own `namespace` may name it without being listed."""

    name: str
    spec: ProjectSpec
    namespace: str = "argocd"
    origin: str = ""


UNRESTRICTED = Project(
    "default",
    ProjectSpec(
        source_repos=("*",),
        source_namespaces=("*",),
        destinations=(AllowedDestination(server="*", namespace="*"),),
        cluster_resource_whitelist=(KindRule("*", "*"),),
    ),
)
"""The project `default` where nobody defined one: it allows everything, as the one that Argo CD makes by itself does."""


@dataclass(frozen=True, slots=True)
class Target:
    """A destination's cluster with both of its names, whichever of them an application says.

    `namespaces`, where not empty, are the only ones that may be touched in it, and objects in no namespace only where
    `cluster_resources` says so. `project`, where not empty, is the only one whose applications may.
    """

    name: str = ""
    server: str = ""
    namespaces: tuple[str, ...] = ()
    cluster_resources: bool = True
    project: str = ""

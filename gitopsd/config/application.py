"""One document of kind Application: checked against `gitopsd.model.app`, and turned into an `App`.

The schema is Argo CD's (argoproj.io/v1alpha1); `status` and `operation` are its controller's and are ignored, and so is
all metadata but name, namespace, labels, annotations and finalizers. An explicit null means unset, as it does for the API server.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, ClassVar

from pydantic import TypeAdapter

from gitopsd.config.documents import ConfigErrors, Document, Path, did_you_mean
from gitopsd.config.ignores import ignore_findings
from gitopsd.config.model import Cluster
from gitopsd.config.rules import Finding, mapping, mappings
from gitopsd.config.settings import unknown_settings, wrong_settings
from gitopsd.config.validate import in_order, unknown_fields, validate
from gitopsd.formats.durations import parse_duration
from gitopsd.model.app import App, AppKey, AppSpec, Source
from gitopsd.model.errors import ConfigError
from gitopsd.model.wire import wire_name

GROUP = "argoproj.io"
API_VERSION = f"{GROUP}/v1alpha1"
DEFAULT_NAMESPACE = "argocd"

_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_FREE_FORM = frozenset({"valuesObject", "plugin", "sourceHydrator"})
"""Fields whose content is not the schema's: a null means something in Helm values."""
_EMPTY_MEANS_UNSET = frozenset({"project", "targetRevision"})
_ENGINES = ("kustomize", "helm", "directory", "plugin")
SYNC_OPTIONS = (
    "ApplyOutOfSyncOnly", "ClientSideApplyMigration", "CreateNamespace", "Delete", "FailOnSharedResource", "Force", "Prune",
    "PruneLast", "PrunePropagationPolicy", "Replace", "RespectIgnoreDifferences", "ServerSideApply",
    "SkipDryRunOnMissingResource", "Validate",
)  # fmt: skip
"""What Argo CD knows under `syncPolicy.syncOptions`, each with `=value`."""


@dataclass(frozen=True, slots=True)
class Metadata:
    """The part of an Application's or AppProject's metadata that counts; whatever else stands there is the API server's."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "ignore"}
    name: str
    namespace: str = DEFAULT_NAMESPACE
    labels: dict[str, str] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)
    finalizers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Application:
    """The document. What its controller writes is there to be ignored."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid", "alias_generator": wire_name}
    api_version: str
    kind: str
    metadata: Metadata
    spec: AppSpec
    status: Any = None
    operation: Any = None


@cache
def _adapter() -> TypeAdapter[_Application]:
    return TypeAdapter(_Application)


@cache
def _spec_adapter() -> TypeAdapter[AppSpec]:
    return TypeAdapter(AppSpec)


@cache
def _source_adapter() -> TypeAdapter[Source]:
    return TypeAdapter(Source)


def application_schema() -> dict[str, Any]:
    """The JSON Schema of an Application document."""
    return _adapter().json_schema(mode="validation")


def key_of(document: Document) -> AppKey | None:
    """Which application a document is about, as far as it can be told even where it is broken."""
    metadata = mapping(mapping(document.value).get("metadata"))
    name, namespace = metadata.get("name"), metadata.get("namespace") or DEFAULT_NAMESPACE
    return AppKey(namespace, name) if isinstance(name, str) and isinstance(namespace, str) and name else None


def read_application(document: Document, clusters: tuple[Cluster, ...] | None) -> App:
    """The application in a document; raises ConfigErrors with everything that is wrong with it."""
    document = replace(document, value=without_unset(document.value))
    metadata, spec = (mapping(mapping(document.value).get(part)) for part in ("metadata", "spec"))
    errors = [document.error(path, message) for path, message in _metadata_findings(metadata)]
    errors += [document.error(("spec", *path), message) for path, message in _spec_findings(spec, clusters)]
    try:
        read = validate(_adapter(), document, ())
    except ConfigErrors as invalid:
        raise ConfigErrors(in_order((*invalid.errors, *errors))) from None
    if errors:
        raise ConfigErrors(in_order(errors))
    own = read.metadata
    return App(AppKey(own.namespace, own.name), read.spec, own.labels, own.annotations, own.finalizers, document.origin)


def without_unknown(document: Document) -> tuple[Document, tuple[ConfigError, ...]]:
    """The document without the fields that the schema does not have, and what is said of them.

    A resource may come from a newer Argo CD, and nobody reads an error while writing it: there they are no reason to refuse it.
    """
    value, said = copy.deepcopy(document.value), []
    for path, error in unknown_fields(_adapter(), document):
        del _at(value, path[:-1])[path[-1]]
        said.append(error)
    return replace(document, value=value), tuple(said)


def read_source(value: Any) -> Source | None:
    """A source by itself, None where it is none."""
    try:
        return validate(_source_adapter(), Document("source", without_unset(value)), ())
    except ConfigErrors:
        return None


def app_document(app: App) -> dict[str, Any]:
    """The application as a document, for `read_application` to read again."""
    named = {"name": app.key.name, "namespace": app.key.namespace, "labels": app.labels, "annotations": app.annotations}
    metadata = named | {"finalizers": list(app.finalizers)}
    return {"apiVersion": API_VERSION, "kind": "Application", "metadata": metadata, "spec": spec_document(app)}


def spec_document(app: App) -> dict[str, Any]:
    """The application's `spec`, as its document would say it; what holds anyway is left out."""
    written: dict[str, Any] = _spec_adapter().dump_python(app.spec, mode="json", by_alias=True, exclude_defaults=True)
    return written


_NOT_YET: Mapping[Path, str] = {
    ("spec", "revisionHistoryLimit"): "storage.retention says how much history is kept",
    ("spec", "syncPolicy", "retry", "refresh"): "a retry is of the revision that failed, a newer one comes with the next poll",
}
"""What an Application may say and gitopsd does not do, and what it does instead."""


def doubts(document: Document) -> Iterator[ConfigError]:
    """What an acceptable document says that has no effect."""
    metadata, spec = (mapping(mapping(document.value).get(part)) for part in ("metadata", "spec"))
    for name, message in unknown_settings(mapping(metadata.get("annotations"))):
        yield document.error(("metadata", "annotations", name), message)
    for path, part in _NOT_YET.items():
        if _at(mapping(document.value), path):
            yield document.error(path, f"is not honoured yet: {part}")
    policy = mapping(spec.get("syncPolicy"))
    options = [option for option in policy.get("syncOptions") or () if isinstance(option, str)]
    for index, option in enumerate(options):
        if (name := option.partition("=")[0]) not in SYNC_OPTIONS:
            hint = did_you_mean(name, SYNC_OPTIONS)
            yield document.error(("spec", "syncPolicy", "syncOptions", index), f'unknown sync option "{name}"{hint}')
    if policy.get("managedNamespaceMetadata") and "CreateNamespace=true" not in options:
        yield document.error(("spec", "syncPolicy", "managedNamespaceMetadata"), "has no effect without CreateNamespace=true")


def _at(value: Any, path: Path) -> Any:
    for step in path:
        value = value[step] if isinstance(step, int) else mapping(value).get(step)
    return value


def without_unset(value: Any) -> Any:
    """A document without its nulls, and without empty texts where those mean the default."""
    if isinstance(value, list):
        return [without_unset(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: inner if key in _FREE_FORM else without_unset(inner)
        for key, inner in value.items()
        if inner is not None and not (inner == "" and key in _EMPTY_MEANS_UNSET)
    }


def name_findings(metadata: Mapping[str, Any]) -> Iterator[Finding]:
    """What is wrong with the name and the namespace of any resource, below its metadata."""
    for part in ("name", "namespace"):
        value = metadata.get(part)
        if isinstance(value, str) and not _NAME.fullmatch(value):
            yield (part,), "must be lower-case letters, digits, '-' and '.', at most 253 characters"


def _metadata_findings(metadata: Mapping[str, Any]) -> Iterator[Finding]:
    yield from ((("metadata", *path), message) for path, message in name_findings(metadata))
    for name, message in wrong_settings(mapping(metadata.get("annotations"))):
        yield ("metadata", "annotations", name), message


def _spec_findings(spec: Mapping[str, Any], clusters: tuple[Cluster, ...] | None) -> Iterator[Finding]:
    if bool(spec.get("source")) == bool(spec.get("sources")):
        yield (), "must have exactly one of source and sources"
    if "source" in spec:
        yield from _source_findings(("source",), mapping(spec["source"]))
    for index, source in mappings(spec.get("sources")):
        yield from _source_findings(("sources", index), source)
    if "destination" in spec:
        yield from _destination_findings(mapping(spec["destination"]), clusters)
    if spec.get("sourceHydrator"):
        yield ("sourceHydrator",), "is not supported: name the hydrated branch as the source"
    for index, rule in mappings(spec.get("ignoreDifferences")):
        yield from ((("ignoreDifferences", index, *path), message) for path, message in ignore_findings(rule))
    retry = mapping(mapping(spec.get("syncPolicy")).get("retry"))
    yield from ((("syncPolicy", "retry", *path), message) for path, message in retry_findings(retry))


def retry_findings(retry: Mapping[str, Any]) -> Iterator[Finding]:
    """What is wrong with the durations of a `retry`, below it."""
    backoff = mapping(retry.get("backoff"))
    for name in ("duration", "maxDuration"):
        if isinstance(backoff.get(name), str):
            try:
                parse_duration(backoff[name])
            except ValueError as error:
                yield ("backoff", name), str(error)


def _source_findings(path: tuple[str | int, ...], source: Mapping[str, Any]) -> Iterator[Finding]:
    if source.get("repoURL") == "":
        yield (*path, "repoURL"), "must not be empty"
    folder = source.get("path")
    if isinstance(folder, str) and (folder.startswith("/") or ".." in folder.split("/")):
        yield (*path, "path"), "must be a path from the root of the repository, without '..'"
    if source.get("chart") and source.get("path"):
        yield (*path, "chart"), "contradicts path: a source is a chart of a Helm repository or a folder of a Git repository"
    engines = [name for name in _ENGINES if source.get(name)]
    if len(engines) > 1:
        yield (*path, engines[1]), f"contradicts {engines[0]}: a source is rendered by one of {', '.join(_ENGINES)}"


def _destination_findings(destination: Mapping[str, Any], clusters: tuple[Cluster, ...] | None) -> Iterator[Finding]:
    server, name = destination.get("server"), destination.get("name")
    if bool(server) == bool(name):
        yield ("destination",), "must have exactly one of server and name"
        return
    if clusters is None:
        return
    field_name, wanted = ("server", server) if server else ("name", name)
    known = [cluster.server if server else cluster.name for cluster in clusters]
    if isinstance(wanted, str) and wanted.rstrip("/") not in {value.rstrip("/") for value in known}:
        listed = ", ".join(filter(None, known)) or "none"
        yield ("destination", field_name), f"names no cluster of the configuration: it has {listed}"

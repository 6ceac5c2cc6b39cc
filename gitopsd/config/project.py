"""One document of kind AppProject: checked against `gitopsd.model.project`, and turned into a `Project`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, ClassVar

from pydantic import TypeAdapter

from gitopsd.config.application import Metadata, name_findings, without_unset
from gitopsd.config.documents import ConfigErrors, Document, Path
from gitopsd.config.rules import Finding, mapping, mappings
from gitopsd.config.validate import in_order, validate
from gitopsd.formats.glob import glob
from gitopsd.model.errors import ConfigError
from gitopsd.model.project import Project, ProjectSpec
from gitopsd.model.wire import wire_name
from gitopsd.plan.windows import window_problem

_KEY_ID = re.compile(r"(?:[0-9A-Fa-f]{16}|[0-9A-Fa-f]{40}|[0-9A-Fa-f]{64}|SHA256:[A-Za-z0-9+/]{43})")
_ACCOUNT = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class _AppProject:
    """The document. What its controller writes is there to be ignored."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid", "alias_generator": wire_name}
    api_version: str
    kind: str
    metadata: Metadata
    spec: ProjectSpec
    status: Any = None


@cache
def _adapter() -> TypeAdapter[_AppProject]:
    return TypeAdapter(_AppProject)


def project_schema() -> dict[str, Any]:
    """The JSON Schema of an AppProject document."""
    return _adapter().json_schema(mode="validation")


def read_project(document: Document) -> Project:
    """The project in a document; raises ConfigErrors with everything that is wrong with it."""
    document = replace(document, value=without_unset(document.value))
    metadata, spec = (mapping(mapping(document.value).get(part)) for part in ("metadata", "spec"))
    errors = [document.error(("metadata", *path), message) for path, message in name_findings(metadata)]
    errors += [document.error(("spec", *path), message) for path, message in _findings(spec)]
    try:
        read = validate(_adapter(), document, ())
    except ConfigErrors as invalid:
        raise ConfigErrors(in_order((*invalid.errors, *errors))) from None
    for index, window in enumerate(read.spec.sync_windows):
        if problem := window_problem(window):
            errors.append(document.error(("spec", "syncWindows", index, problem[0]), problem[1]))
    if errors:
        raise ConfigErrors(in_order(errors))
    return Project(read.metadata.name, read.spec, read.metadata.namespace, document.origin)


_NOT_YET: Mapping[str, str] = {
    "roles": "gitopsd's API has a token of its own, and gives none to a project's roles",
}
"""What an AppProject may say and gitopsd does not do, and what it does instead."""


def project_doubts(document: Document) -> Iterator[ConfigError]:
    """What an acceptable document says that has no effect."""
    spec = mapping(mapping(document.value).get("spec"))
    for name, part in _NOT_YET.items():
        if spec.get(name):
            yield document.error(("spec", name), f"is not honoured: {part}")
    for index, window in mappings(spec.get("syncWindows")):
        if window.get("syncOverrun"):
            yield document.error(("spec", "syncWindows", index, "syncOverrun"), "has no effect: a sync under way always goes on")
        if not any(window.get(name) for name in ("applications", "namespaces", "clusters")):
            yield document.error(("spec", "syncWindows", index), "selects nothing: name applications, namespaces or clusters")


_GLOBS: Mapping[str, tuple[str, ...]] = {
    "destinations": ("server", "name", "namespace"),
    "clusterResourceWhitelist": ("group", "kind", "name"),
    "clusterResourceBlacklist": ("group", "kind", "name"),
    "namespaceResourceWhitelist": ("group", "kind"),
    "namespaceResourceBlacklist": ("group", "kind"),
    "destinationServiceAccounts": ("server", "namespace"),
    "syncWindows": ("applications", "namespaces", "clusters"),
}
"""The fields of lists of mappings that hold globs."""


def _findings(spec: Mapping[str, Any]) -> Iterator[Finding]:
    for path, pattern in _globs(spec):
        if pattern == "!*":
            yield path, "denies everything: leave the rule out, or deny less"
        try:
            glob(pattern.removeprefix("!"))
        except ValueError as error:
            yield path, str(error)
    yield from _rule_findings(spec)
    if spec.get("sourceIntegrity"):
        yield ("sourceIntegrity",), "is not supported, and a rule that is not enforced is worse than none: use signatureKeys"


def _rule_findings(spec: Mapping[str, Any]) -> Iterator[Finding]:
    for index, rule in mappings(spec.get("destinations")):
        if not rule.get("server") and not rule.get("name"):
            yield ("destinations", index), "must have server or name: globs for the cluster"
    for index, rule in mappings(spec.get("destinationServiceAccounts")):
        home, separator, name = str(rule.get("defaultServiceAccount")).rpartition(":")
        if not _ACCOUNT.fullmatch(name) or (separator and not _ACCOUNT.fullmatch(home)):
            message = "must be NAME or NAMESPACE:NAME of a service account"
            yield ("destinationServiceAccounts", index, "defaultServiceAccount"), message
    for index, rule in mappings(spec.get("signatureKeys")):
        if not _KEY_ID.fullmatch(str(rule.get("keyID"))):
            message = "must be the id or fingerprint of an OpenPGP key (16 or 40 hexadecimal digits), or SHA256:... of an SSH key"
            yield ("signatureKeys", index, "keyID"), message


def _globs(spec: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    for name in ("sourceRepos", "sourceNamespaces"):
        yield from _texts((name,), spec.get(name))
    for name, fields in _GLOBS.items():
        for index, rule in mappings(spec.get(name)):
            for part in fields:
                yield from _texts((name, index, part), rule.get(part))


def _texts(path: Path, value: Any) -> Iterator[tuple[Path, str]]:
    """The text at `path`, or those of the list there; that it is neither is the schema's to say."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, list):
        yield from (((*path, index), item) for index, item in enumerate(value) if isinstance(item, str))

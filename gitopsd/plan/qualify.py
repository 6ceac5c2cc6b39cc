"""From rendered manifests to what is sent: scope and namespace, nothing that only the server may say, and our marks."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from gitopsd.model.app import App
from gitopsd.model.marks import OWNER_ANNOTATION, PART_OF_LABEL, Mark, applyset_id, inventory_name
from gitopsd.model.plan import ORDINARY, Desired, DesiredSet, Handling, Refusal
from gitopsd.model.refs import Object, ObjectRef
from gitopsd.model.surface import Surface
from gitopsd.plan.annotations import hook, ignores_health, sync_options, wave
from gitopsd.plan.dependencies import DEPENDS_ON, UnreadableError, depends_on, levelled
from gitopsd.plan.handling import handling_of

SERVERS_METADATA = ("uid", "resourceVersion", "managedFields", "creationTimestamp", "generation", "selfLink", "ownerReferences")
"""Metadata that Git must not set: the server refuses it, or it would claim what is not so."""


@dataclass(frozen=True, slots=True)
class Marking:
    """Who marks: the installation's name and the namespace of its inventories."""

    installation: str
    namespace: str

    def set_id(self, app: App) -> str:
        """The id of the application's ApplySet."""
        name = inventory_name(self.installation, app.key)
        return applyset_id(ObjectRef("", "ConfigMap", self.namespace, name))


def qualify(objects: Iterable[Object], surface: Surface, app: App, marking: Marking) -> DesiredSet:
    """Every object with its namespace, without what only the server may say, marked, and serialised once.

    The scope of a kind comes from the surface, or from its CustomResourceDefinition in the same set. What can't be applied
    becomes a refusal: an unknown kind, a missing name or namespace, the same object twice.
    """
    manifests = list(objects)
    scopes = _defined_scopes(manifests)
    warnings: list[str] = []
    refusals: list[Refusal] = []
    found: dict[ObjectRef, Desired] = {}
    for manifest in manifests:
        namespaced = _namespaced(manifest, surface, scopes)
        placed = _placed(manifest, app, namespaced=namespaced is not False)
        ref = ObjectRef.of(placed)
        refusal = _refusal(placed, ref, app, surface, known=namespaced is not None)
        if not ref.name:
            ref = ref._replace(name=_generate_name(placed))
        if refusal is None and ref in found:
            refusal = Refusal(ref, "DuplicateObject", "the commit holds it twice; remove one of them")
        if refusal:
            refusals.append(refusal)
            continue
        try:
            handling = handling_of(placed, ref, app)
        except ValueError as error:
            refusals.append(Refusal(ref, "InvalidAnnotation", str(error)))
            continue
        clean = _sanitised(placed, ref, warnings)
        try:
            found[ref] = _desired(clean, ref, app, marking, handling)
        except UnreadableError as error:
            refusals.append(Refusal(ref, "InvalidDependency", f"{DEPENDS_ON}: {error}"))
    if (namespace := _own_namespace(app)) and namespace.ref not in found:
        found = {namespace.ref: namespace, **found}
    # The same objects for another cluster are another wish: what was live there is no drift here.
    whole = "".join((app.spec.destination.server, app.spec.destination.name, *(want.digest for want in found.values())))
    digest = hashlib.sha256(whole.encode()).hexdigest()
    wanted, impossible = levelled(found.values())
    return DesiredSet(wanted, digest, (*refusals, *impossible), tuple(warnings))


def _defined_scopes(manifests: list[Object]) -> dict[tuple[str, str], bool]:
    scopes = {}
    for manifest in manifests:
        spec = manifest.get("spec")
        if manifest.get("kind") == "CustomResourceDefinition" and isinstance(spec, dict):
            names = spec.get("names")
            kind = names.get("kind") if isinstance(names, dict) else None
            if isinstance(kind, str):
                scopes[str(spec.get("group")), kind] = spec.get("scope") == "Namespaced"
    return scopes


def _namespaced(manifest: Object, surface: Surface, scopes: dict[tuple[str, str], bool]) -> bool | None:
    """Whether the kind is namespaced; None where nobody knows the kind."""
    api_version, kind = str(manifest.get("apiVersion") or ""), str(manifest.get("kind") or "")
    resource = surface.resource(api_version, kind)
    return resource.namespaced if resource else scopes.get((api_version.rpartition("/")[0], kind))


def _placed(manifest: Object, app: App, *, namespaced: bool) -> Object:
    metadata = manifest.get("metadata")
    if not isinstance(metadata, dict):
        metadata = {}
    if not namespaced:
        return manifest | {"metadata": {key: value for key, value in metadata.items() if key != "namespace"}}
    namespace = metadata.get("namespace") or app.spec.destination.namespace
    return manifest | {"metadata": metadata | ({"namespace": namespace} if namespace else {})}


def _refusal(manifest: Object, ref: ObjectRef, app: App, surface: Surface, *, known: bool) -> Refusal | None:
    if not ref.name and not (hook(manifest) and _generate_name(manifest)):
        return Refusal(ref, "NameMissing", "metadata.name is missing; only hooks may use generateName")
    if not known:
        if sync_options(manifest).get("SkipDryRunOnMissingResource", app.option("SkipDryRunOnMissingResource")) == "true":
            return None
        api_version = manifest.get("apiVersion")
        served = surface.preferred.get(ref.group_kind)
        hint = (
            f"it serves {served.api_version}"
            if served
            else "install its CustomResourceDefinition first, or put it in the same application"
        )
        return Refusal(ref, "UnknownKind", f"the cluster does not serve {ref.kind} of {api_version}; {hint}")
    resource = surface.resource(str(manifest.get("apiVersion")), ref.kind)
    if resource and resource.namespaced and not ref.namespace:
        return Refusal(ref, "NamespaceMissing", "neither it nor the application's destination names a namespace")
    return None


def _sanitised(manifest: Object, ref: ObjectRef, warnings: list[str]) -> Object:
    """Without status and the server's metadata; a Secret's stringData folded into data.

    A key that leaves stringData would stay in data for ever otherwise: the server folds them without remembering which were ours.
    """
    clean = {key: value for key, value in manifest.items() if key != "status" and value is not None}
    metadata = dict(clean["metadata"])
    dropped = [key for key in SERVERS_METADATA if metadata.pop(key, None) is not None]
    warnings += [f"{ref}: metadata.{key} in Git is ignored: only the cluster may set it" for key in dropped]
    clean["metadata"] = {key: value for key, value in metadata.items() if value is not None}
    if ref.kind == "ClusterRole" and clean.get("aggregationRule") and clean.pop("rules", None):
        warnings.append(f"{ref}: rules in Git are ignored: a controller aggregates them from other roles")
    if ref.kind == "Secret" and ref.group == "" and isinstance(strings := clean.pop("stringData", None), dict):
        encoded = {key: base64.b64encode(str(value).encode()).decode() for key, value in strings.items()}
        data = clean.get("data")
        clean["data"] = (data if isinstance(data, dict) else {}) | encoded
    return clean


def _desired(manifest: Object, ref: ObjectRef, app: App, marking: Marking, handling: Handling) -> Desired:
    metadata = manifest["metadata"]
    labels = _texts(metadata.get("labels")) | {PART_OF_LABEL: marking.set_id(app)}
    marked = _texts(metadata.get("annotations")) | {OWNER_ANNOTATION: str(Mark(marking.installation, app.key, ref))}
    return _serialised(manifest | {"metadata": metadata | {"labels": labels, "annotations": marked}}, ref, handling)


def _generate_name(manifest: Object) -> str:
    """The beginning of a name that each run of a hook completes."""
    metadata = manifest.get("metadata")
    return str(metadata.get("generateName") or "") if isinstance(metadata, dict) and not metadata.get("name") else ""


def _texts(values: Any) -> dict[str, Any]:
    return values if isinstance(values, dict) else {}


def _serialised(manifest: Object, ref: ObjectRef, handling: Handling = ORDINARY, *, marked: bool = True) -> Desired:
    body = json.dumps(manifest, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    return Desired(
        ref=ref,
        api_version=str(manifest["apiVersion"]),
        body=body,
        digest=hashlib.sha256(body if handling == ORDINARY else body + repr(handling).encode()).hexdigest(),
        wave=wave(manifest),
        hook=hook(manifest),
        options=sync_options(manifest),
        marked=marked,
        heeded=not ignores_health(manifest),
        generate_name=_generate_name(manifest),
        depends_on=depends_on(manifest),
        handling=handling,
    )


def _own_namespace(app: App) -> Desired | None:
    """The namespace of `CreateNamespace=true`: made sure of, never owned or pruned, as Argo CD does."""
    name = app.spec.destination.namespace
    if app.option("CreateNamespace") != "true" or not name:
        return None
    managed = app.spec.sync_policy.managed_namespace_metadata
    metadata: dict[str, Any] = {"name": name}
    if managed:
        metadata |= {"labels": dict(managed.labels), "annotations": dict(managed.annotations)}
    manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
    return _serialised(manifest, ObjectRef("", "Namespace", "", name), marked=False)

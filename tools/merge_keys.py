"""Writes gitopsd/render/kustomize/data/merge_keys.json from a real API server's OpenAPI.

    python -m localcluster up --only api --dir /tmp/cluster
    kubectl --kubeconfig /tmp/cluster/kubeconfig get --raw /openapi/v2 > /tmp/openapi.json
    python -m tools.merge_keys < /tmp/openapi.json > gitopsd/render/kustomize/data/merge_keys.json

kustomize carries the OpenAPI of an older Kubernetes, so a server knows lists that it does not merge, and no longer serves kinds
that it does. `kubectl kustomize` therefore has the last word: of all kinds, retired versions included, those are kept whose
finalizers it merges, and of these the lists that it merges in a probe with all of them.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gitopsd.formats.scalars import Dialect
from gitopsd.formats.yamlread import load_documents
from gitopsd.render.kustomize.patches.schema import ANY_FIELD, compact

RETIRED = (
    "admissionregistration.k8s.io/v1beta1",
    "apiextensions.k8s.io/v1beta1",
    "apiregistration.k8s.io/v1beta1",
    "apps/v1beta1",
    "apps/v1beta2",
    "authentication.k8s.io/v1beta1",
    "autoscaling/v2beta1",
    "autoscaling/v2beta2",
    "batch/v1beta1",
    "batch/v2alpha1",
    "certificates.k8s.io/v1beta1",
    "coordination.k8s.io/v1beta1",
    "discovery.k8s.io/v1beta1",
    "events.k8s.io/v1beta1",
    "extensions/v1beta1",
    "flowcontrol.apiserver.k8s.io/v1beta1",
    "internal.apiserver.k8s.io/v1alpha1",
    "networking.k8s.io/v1beta1",
    "node.k8s.io/v1alpha1",
    "node.k8s.io/v1beta1",
    "policy/v1beta1",
    "rbac.authorization.k8s.io/v1alpha1",
    "rbac.authorization.k8s.io/v1beta1",
    "scheduling.k8s.io/v1alpha1",
    "scheduling.k8s.io/v1beta1",
    "storage.k8s.io/v1alpha1",
    "storage.k8s.io/v1beta1",
)
"""Versions that kustomize may know and no server serves any more; which kinds they have is probed."""

RETIRED_KINDS = ("PodSecurityPolicy", "PodPreset")
"""Kinds that no server serves in any version; they have metadata, and no other list that merges."""

_ONLY_METADATA = "metadata"
_AT_ONCE = 350

Types = dict[str, dict[str, Any]]
Candidate = tuple[str, str, str]
"""apiVersion, kind and the name of its type."""


def main() -> None:
    """Reads OpenAPI from standard input and writes what is kept to standard output."""
    sys.stdout.write(text_of(merge_keys(json.load(sys.stdin))))


def text_of(kept: dict[str, Any]) -> str:
    """As the file has it."""
    return json.dumps(kept, indent=1, sort_keys=True) + "\n"


def merge_keys(openapi: Any) -> dict[str, Any]:
    """What is kept of a server's OpenAPI document (v2)."""
    known = compact(openapi)
    kinds, types = {**known["kinds"]}, known["types"]
    metadata = next(name for name in types if name.endswith(".ObjectMeta"))
    types[_ONLY_METADATA] = {"metadata": metadata}
    newest = {kind: name for by_kind in kinds.values() for kind, name in sorted(by_kind.items()) if name}
    newest |= dict.fromkeys(RETIRED_KINDS, _ONLY_METADATA)
    for version in RETIRED:
        kinds[version] = newest | {kind: name for kind, name in kinds.get(version, {}).items() if name}
    candidates = [
        (version, kind, name)
        for version, by_kind in kinds.items()
        for kind, name in by_kind.items()
        if "metadata" in types.get(name, ())
    ]
    objects = known_to_kustomize(candidates, types)
    kept_kinds: dict[str, dict[str, str]] = {}
    merged: set[tuple[str, str]] = set()
    for (version, kind, name), result in zip(objects, probe(objects, types), strict=True):
        kept_kinds.setdefault(version, {})[kind] = name
        merged |= set(found(result, name, types, ()))
    return {"kinds": kept_kinds, "types": reachable(kept_kinds, select(types, merged))}


def known_to_kustomize(objects: list[Candidate], types: Types) -> list[Candidate]:
    """Those of which it merges the finalizers: a list that objects of all kinds have.

    Most are not: a few hundred at a time, as it takes the square of their number, and nothing but metadata.
    """
    bare = [(version, kind, _ONLY_METADATA) for version, kind, _ in objects]
    results = [result for start in range(0, len(bare), _AT_ONCE) for result in probe(bare[start : start + _AT_ONCE], types)]
    return [
        candidate
        for candidate, result in zip(objects, results, strict=True)
        if len(result["metadata"]["finalizers"]) > 2  # noqa: PLR2004 - merged
    ]


def probe(objects: list[Candidate], types: Types) -> list[dict[str, Any]]:
    """What kustomize makes of two versions of each object, whose lists have one item in common and one each of their own."""
    targets: list[Any] = []
    patches: list[Any] = []
    for number, (version, kind, name) in enumerate(objects):
        head = {"apiVersion": version, "kind": kind}
        for own, documents in (("target", targets), ("patch", patches)):
            body = example(name, types, own, ())
            documents.append(head | body | {"metadata": body["metadata"] | {"name": f"probe-{number}"}})
    with tempfile.TemporaryDirectory() as folder:
        files = {
            "kustomization.yaml": "resources: [target.yaml]\npatches: [{path: patch.yaml}]\n",
            "target.yaml": "\n---\n".join(map(json.dumps, targets)),
            "patch.yaml": "\n---\n".join(map(json.dumps, patches)),
        }
        for file, text in files.items():
            Path(folder, file).write_text(text)
        kubectl = shutil.which("kubectl", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}") or "kubectl"
        run = subprocess.run([kubectl, "kustomize", folder], capture_output=True, check=True)  # noqa: S603 - our own folder
    found = {document["metadata"]["name"]: document for document in load_documents(run.stdout, "kustomize", Dialect.RESOURCE)}
    return [found[f"probe-{number}"] for number in range(len(objects))]


def example(name: str, types: Types, own: str, above: tuple[str, ...]) -> dict[str, Any]:
    """An object of the type with all its merging lists."""
    if name in above:
        return {}
    body: dict[str, Any] = {}
    for field, spec in types.get(name, {}).items():
        if isinstance(spec, str):
            body["any" if field == ANY_FIELD else field] = example(spec, types, own, (*above, name))
            continue
        keys, items = spec
        inner = example(items, types, own, (*above, name)) if items else {}
        body[field] = [dict.fromkeys(keys, "common") | inner, dict.fromkeys(keys, own)] if keys else ["common", own]
    return body


def found(value: Any, name: str, types: Types, above: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """The fields of types that turned out to merge: they have the common item and both others."""
    if name in above or not isinstance(value, dict):
        return
    for field, spec in types.get(name, {}).items():
        inner = value.get("any" if field == ANY_FIELD else field)
        if isinstance(spec, str):
            yield from found(inner, spec, types, (*above, name))
        elif isinstance(inner, list) and len(inner) > 2:  # noqa: PLR2004 - one in common, one each
            yield name, field
            common = next((item for item in inner if isinstance(item, dict) and "common" in item.values()), None)
            yield from found(common, spec[1] or "", types, (*above, name))


def select(types: Types, merged: set[tuple[str, str]]) -> Types:
    """The types without the lists that do not merge."""
    return {
        name: {field: spec for field, spec in fields.items() if isinstance(spec, str) or (name, field) in merged}
        for name, fields in types.items()
    }


def reachable(kinds: dict[str, dict[str, str]], types: Types) -> Types:
    """The types that kinds lead to, those without fields left out as items."""
    seen: set[str] = set()
    todo = [name for by_kind in kinds.values() for name in by_kind.values()]
    while todo:
        name = todo.pop()
        if name and name not in seen and name in types:
            seen.add(name)
            todo += [spec if isinstance(spec, str) else spec[1] for spec in types[name].values()]
    return {name: types[name] for name in seen}


if __name__ == "__main__":
    main()

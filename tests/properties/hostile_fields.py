"""Well-formed fields of kustomizations that say anything anywhere: templates, and how their blanks are filled."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from random import Random
from typing import Any

from tests.properties.manifests import NAMES

WORDS = [
    "", " ", ".", "..", "../..", "/", "/etc/passwd", "//", "a//b", "~", "*", "[a=*]", "[", "[=]", "[=(]", "a.b.c",
    "metadata.name",
    "0", "-1", "-", "99999999999999999999", "spec.template.spec.containers.*.image", "metadata.annotations.[a.b/c]", "(a+)+$",
    "(",
    "(?=a)", "a{1000}{1000}", ".*.*.*.*.*.*x", "app in (a", "!", "a=b,,c", "$(VAR)", "$(A)$(A)", "$(" * 50, "a" * 5000, "\0",
    "\x1b[2J", "\u2028", "\ud7ff", "ümlaut", "yes", "012", "1e999", "http://example.com/x.yaml", "file:///etc",
    "https://example.com/org/repo//path?ref=v1", "git@example.com:org/repo", "github.com/org/repo", "key=value", "=", "a=b=c",
    "Kustomization", "Component", "List", "builtin", "v1", "apps/v1", "a/b/c", "Deployment", "merge", "replace", "legacy",
    "v1.21.2",
    "originAnnotations", "- op: add\n  path: /\n  value: 1\n", "{}", "[]", "kind: X\nmetadata: {name: y}\n",
]  # fmt: skip
PATHS = ["../base", ".", "..", "base", "../top", "file.txt", "r0.yaml", "missing.yaml", "../component-top", "kustomization.yaml"]
PLACES = [
    "metadata.name", "metadata/name", "metadata", "/metadata/labels", "/metadata/annotations/x", "spec", "/spec",
    "spec/template", "/",
    "", "metadata.annotations.x", "metadata.labels.*", "spec.template.spec.containers.[name=main].image", "data.k", "data/k",
    "spec.template.spec.containers.*.env", "/spec/template/spec/containers/-", "/spec/template/spec/containers/0", "data.k.a.b",
    "spec/template/spec/containers[]/image", "spec.a.b.0.c", "spec.-", "spec/replicas", "a\\/b/c", "a\\.b",
    "spec.template.spec.containers.0.ports.[containerPort=.*].x",
]  # fmt: skip
KINDS = ["Deployment", "ConfigMap", "Service", ".*", "StatefulSet|Deployment", "", "Secret", "List"]
PLUGINS = ["Prefix", "Suffix", "ValueAdd", "Label", "Annotations", "Namespace", "ReplicaCount", "ImageTag", "Hash"]


def value(chance: Random, depth: int = 2) -> Any:
    """Anything that YAML can hold."""
    kind = chance.randrange(9 if depth else 7)
    if kind == 7:
        return [value(chance, depth - 1) for _ in range(chance.randrange(4))]
    if kind > 7:
        return {chance.choice(WORDS): value(chance, depth - 1) for _ in range(chance.randrange(4))}
    plain = (None, True, chance.randrange(-9, 9), 2**70, float("nan"), 1.5)
    return chance.choice(plain) if kind == 0 else chance.choice(WORDS if kind % 2 else PATHS)


BLANKS: Mapping[str, Callable[[Random], Any]] = {
    "WORD": lambda chance: chance.choice(WORDS if chance.randrange(2) else NAMES),
    "PLACE": lambda chance: chance.choice(PLACES),
    "KIND": lambda chance: chance.choice(KINDS),
    "PLUGIN": lambda chance: f"{chance.choice(PLUGINS)}Transformer",
    "VERB": lambda chance: chance.choice(("add", "replace", "remove", "move", "copy", "test")),
    "BEHAVIOR": lambda chance: chance.choice(("create", "merge", "replace")),
    "DELIMITER": lambda chance: chance.choice(("", "", ":", "/")),
    "NUMBER": lambda chance: chance.choice((-1, 0, 1, 3, 10**9)),
    "SWITCH": lambda chance: chance.randrange(2) == 0,
    "ANY": value,
}

_SELECTOR = {"kind": "KIND", "name": "WORD"}
_OPERATION = {"op": "VERB", "path": "PLACE", "from": "PLACE", "value": "ANY"}
_MERGE = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "WORD"}, "spec": "ANY"}
_OPTIONS = {"create": "SWITCH", "delimiter": "DELIMITER", "index": "NUMBER"}
_REPLACEMENT = {
    "source": {"kind": "KIND", "name": "WORD", "fieldPath": "PLACE", "options": _OPTIONS},
    "targets": [{"select": {"kind": "KIND"}, "reject": [_SELECTOR], "fieldPaths": ["PLACE", "PLACE"], "options": _OPTIONS}],
}
_PLUGIN = {
    "apiVersion": "builtin", "kind": "PLUGIN", "metadata": {"name": "x", "namespace": "WORD"}, "prefix": "WORD", "suffix": "WORD",
    "value": "WORD", "fieldSpecs": [{"path": "PLACE", "create": "SWITCH"}], "targets": [{"fieldPath": "PLACE"}],
    "labels": {"WORD": "WORD"}, "annotations": {"WORD": "WORD"}, "replica": {"name": "WORD", "count": "NUMBER"},
}  # fmt: skip
_GENERATOR = {"name": "WORD", "behavior": "BEHAVIOR", "literals": ["key=value", "WORD"], "files": ["WORD"]}
TEMPLATES: list[dict[str, Any]] = [
    {"patches": [{"target": {"kind": "KIND"}, "patch": {"JSON": [_OPERATION]}}]},
    {"patches": [{"target": {"kind": "KIND", "labelSelector": "WORD"}, "patch": {"JSON": [_OPERATION] * 5}}]},
    {"patches": [{"patch": {"JSON": _MERGE}}]},
    {"patches": [{"target": _SELECTOR, "patch": {"JSON": _MERGE}, "options": {"allowNameChange": "SWITCH"}}]},
    {"patchesStrategicMerge": [{"JSON": _MERGE}]},
    {"replacements": [_REPLACEMENT]},
    {"replacements": [_REPLACEMENT] * 3},
    {"labels": [{"pairs": {"WORD": "WORD"}, "includeSelectors": "SWITCH", "fields": [{"path": "PLACE", "create": "SWITCH"}]}]},
    {"commonLabels": {"WORD": "WORD"}},
    {"commonAnnotations": {"WORD": "WORD"}},
    {"vars": [{"name": "VAR", "objref": _SELECTOR, "fieldref": {"fieldPath": "PLACE"}}]},
    {"images": [{"name": "WORD", "newName": "WORD", "newTag": "WORD"}]},
    {"replicas": [{"name": "WORD", "count": "NUMBER"}]},
    {"namespace": "WORD"},
    {"namePrefix": "WORD", "nameSuffix": "WORD"},
    {"transformers": [{"JSON": _PLUGIN}]},
    {"validators": [{"JSON": _PLUGIN}]},
    {"generators": [{"JSON": _PLUGIN | _GENERATOR | {"kind": "ConfigMapGenerator"}}]},
    {"configMapGenerator": [_GENERATOR]},
    {"secretGenerator": [_GENERATOR]},
    {"generatorOptions": {"labels": {"WORD": "WORD"}, "immutable": "SWITCH"}},
    {"sortOptions": {"order": "WORD", "legacySortOptions": {"orderFirst": ["WORD"]}}},
    {"openapi": {"path": "WORD"}},
    {"crds": ["WORD"]},
    {"configurations": ["WORD"]},
    {"helmCharts": [{"name": "WORD"}]},
    {"resources": ["WORD"]},
    {"components": ["WORD"]},
    {"buildMetadata": ["originAnnotations", "transformerAnnotations", "WORD"]},
]


def filled(template: Any, chance: Random) -> Any:
    """The template with its blanks filled; what stands under JSON becomes text."""
    if isinstance(template, str):
        return BLANKS[template](chance) if template in BLANKS else template
    if isinstance(template, list):
        return [filled(item, chance) for item in template]
    if not isinstance(template, dict):
        return template
    if "JSON" in template:
        return json.dumps(filled(template["JSON"], chance))
    return {filled(key, chance): filled(item, chance) for key, item in template.items()}

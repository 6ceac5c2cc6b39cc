"""What goes wrong in a build names the line that asked for it, and the object."""

from __future__ import annotations

import pytest

from tests.render.kustomize.building import config_map, refusal

CONF = config_map("conf", a="b")
POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: p, finalizers: [a]}\nspec: {containers: [{name: a, image: y}]}\n"
GONE = config_map("gone")
ID = "ConfigMap.v1.[noGrp]/"


def patch(text: str, target: str = "") -> str:
    """A kustomization whose second patch is this one."""
    first = '- {target: {name: conf}, patch: \'[{"op": "test", "path": "/kind", "value": "ConfigMap"}]\'}'
    return f"resources: [c.yaml, p.yaml]\npatches:\n{first}\n- patch: '{text}'\n{target and f'  target: {target}'}"


TABLE: dict[str, tuple[str, str, str]] = {
    "a strategic merge that matches nothing": (
        patch("{apiVersion: v1, kind: ConfigMap, metadata: {name: gone}}"),
        "kustomization.yaml:4:3: patches[1]: ",
        f"no matches for Id {ID}gone",
    ),
    "one of several files of strategic merges": (
        "resources: [c.yaml]\npatchesStrategicMerge:\n- c.yaml\n- gone-patch.yaml",
        "kustomization.yaml:4:3: patchesStrategicMerge[1]: ",
        f"no matches for Id {ID}gone",
    ),
    "an operation on a path that does not exist": (
        patch('[{"op": "replace", "path": "/spec/gone", "value": 1}]', "{name: conf}"),
        "kustomization.yaml:4:3: patches[1]: ",
        f"{ID}conf.[noNs]: operation 0 (replace /spec/gone): there is no field 'spec' on the way",
    ),
    "a strategic merge of another kind of value": (
        patch("{apiVersion: v1, kind: ConfigMap, metadata: {name: conf}, data: [a]}"),
        "kustomization.yaml:4:3: patches[1]: ",
        f"{ID}conf.[noNs]: data: the patch has a list, but the object a mapping",
    ),
    "an item without the key by which its list merges": (
        patch("{apiVersion: v1, kind: Pod, metadata: {name: p, finalizers: [{no: key}]}}"),
        "kustomization.yaml:4:3: patches[1]: ",
        "Pod.v1.[noGrp]/p.[noNs]: metadata.finalizers: an item of a list of plain values is a mapping or a list",
    ),
    "a duplicate id": (
        "resources:\n- c.yaml\n- again.yaml",
        "kustomization.yaml:3:3: resources[1]: ",
        f"already registered id: {ID}conf",
    ),
    "two objects that a patch made one": (
        (
            "resources: [c.yaml, gone-patch.yaml]\npatches:\n- target: {name: gone}\n"
            '  patch: \'[{"op": "replace", "path": "/metadata/name", "value": "conf"}]\''
        ),
        "kustomization.yaml:3:3: patches[0]: ",
        f"already registered id: {ID}conf",
    ),
    "a missing file": ("resources:\n- c.yaml\n- gone.yaml", "kustomization.yaml:3:3: resources[1]: ", "gone.yaml does not exist"),
    "a missing file of a generator": (
        "configMapGenerator:\n- name: a\n  files: [gone.txt]",
        "kustomization.yaml:2:3: configMapGenerator[0]: ",
        "gone.txt does not exist",
    ),
    "an unknown field": (
        "namePrefix: a-\nimages:\n- {name: a, newTagg: b}",
        "kustomization.yaml:3:13: images[0].newTagg",
        "newTagg",
    ),
    "an unknown field of a configuration": (
        "namePrefix: a-\nconfigurations: [config.yaml]",
        "config.yaml:1:15: namePrefix[0].frob: ",
        "unknown field 'frob'",
    ),
    "a bad path of a replacement": (
        (
            "resources: [c.yaml]\nreplacements:\n"
            "- {sourceValue: v, targets: [{select: {name: conf}, fieldPaths: [data.a]}]}\n"
            "- {sourceValue: v, targets: [{select: {name: conf}, fieldPaths: [spec.gone]}]}"
        ),
        "kustomization.yaml:4:3: replacements[1]: ",
        f"{ID}conf.[noNs]: unable to find field 'spec.gone' in replacement target",
    ),
    "a source that a replacement does not find": (
        "resources: [c.yaml]\nreplacements:\n- {source: {kind: Secret}, targets: [{select: {name: conf}}]}",
        "kustomization.yaml:3:3: replacements[0]: ",
        "nothing selected by replacement source Secret",
    ),
    "a var without an object": (
        "resources: [c.yaml]\nvars:\n- {name: A, objref: {apiVersion: v1, kind: Secret, name: gone}}",
        "kustomization.yaml:3:3: vars[0]: ",
        "var 'A' (Secret.v1.[noGrp]) cannot be mapped",
    ),
    "a plugin that fails": (
        "resources: [c.yaml]\ntransformers:\n- plugin.yaml",
        "kustomization.yaml:3:3: transformers[0]: ",
        f"no matches for Id {ID}gone",
    ),
    "replicas of nothing": (
        "resources: [c.yaml]\nreplicas:\n- {name: gone}",
        "kustomization.yaml:3:3: replicas[0]: ",
        "name gone",
    ),
    "a merge into nothing": (
        "configMapGenerator:\n- {name: gone, behavior: merge}",
        "kustomization.yaml:2:3: configMapGenerator[0]: ",
        f"id {ID}gone.[noNs] does not exist",
    ),
    "a document that is no object": ("resources: [two.yaml]", "two.yaml:5:1: ", "missing kind in a resource named 'conf'"),
}


@pytest.mark.parametrize(("kustomization", "place", "reason"), TABLE.values(), ids=TABLE)
def test_errors_name_place_and_object(kustomization: str, place: str, reason: str) -> None:
    """File, line and field first, then what is wrong with which object."""
    patch = "{apiVersion: v1, kind: ConfigMap, metadata: {name: gone}}"
    plugin = f"apiVersion: builtin\nkind: PatchTransformer\nmetadata: {{name: t}}\npatch: '{patch}'\n"
    files = {"c.yaml": CONF, "again.yaml": CONF, "p.yaml": POD, "gone-patch.yaml": GONE, "plugin.yaml": plugin}
    files |= {
        "config.yaml": "namePrefix: [{frob: x}]\n",
        "two.yaml": "kind: ConfigMap\nmetadata:\n  name: a\n---\nmetadata: {name: conf}\n",
    }
    error = refusal(files | {"kustomization.yaml": kustomization})
    assert error.startswith(place)
    assert reason in error

"""`patches:` and the old fields for the two kinds of patches."""

from __future__ import annotations

from typing import Any

import pytest

from tests.render.kustomize.building import DEPLOYMENT, built, config_map, refusal

MERGE = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: 3}"
OPERATIONS = '[{"op": "add", "path": "/spec/replicas", "value": 3}]'


def patched(kustomization: str, **more: str) -> Any:
    """The Deployment after a kustomization's patches."""
    return built({"kustomization.yaml": f"resources: [d.yaml]\n{kustomization}", "d.yaml": DEPLOYMENT, **more})[0]


def indented(text: str) -> str:
    """A text as a block in YAML."""
    return "|\n" + "\n".join(f"    {line}" for line in text.splitlines())


@pytest.mark.parametrize(
    ("kustomization", "more"),
    [
        (f"patches:\n- patch: {indented(MERGE)}", {}),
        ("patches: [{path: p.yaml}]", {"p.yaml": MERGE}),
        ("patchesStrategicMerge: [p.yaml]", {"p.yaml": MERGE}),
        (f"patchesStrategicMerge:\n- {indented(MERGE)}", {}),
        (f"patches:\n- target: {{kind: Deploy.*}}\n  patch: {indented(OPERATIONS)}", {}),
        ("patches: [{path: p.json, target: {name: web}}]", {"p.json": OPERATIONS}),
        ("patchesJson6902: [{path: p.json, target: {name: web, kind: Deployment}}]", {"p.json": OPERATIONS}),
        ("patches: [{path: p.yaml, target: {name: web}}]", {"p.yaml": "- {op: add, path: /spec/replicas, value: 3}"}),
    ],
)
def test_all_ways_to_patch(kustomization: str, more: dict[str, str]) -> None:
    """By path or inline, as a merge or as operations, under the present names or the old ones."""
    assert patched(kustomization, **more)["spec"]["replicas"] == 3


def test_a_merge_with_a_target_goes_to_all_that_match() -> None:
    """The patch's own name is then of no account; labels select too."""
    objects = "\n---\n".join(
        f"{{apiVersion: v1, kind: ConfigMap, metadata: {{name: {name}, labels: {{app: {app}}}}}}}"
        for name, app in [("a", "x"), ("b", "x"), ("c", "y")]
    )
    patch = "{apiVersion: v1, kind: ConfigMap, metadata: {name: any}, data: {k: v}}"
    kustomization = f"resources: [all.yaml]\npatches:\n- target: {{labelSelector: 'app in (x)'}}\n  patch: {indented(patch)}"
    found = built({"kustomization.yaml": kustomization, "all.yaml": objects})
    assert ["data" in obj for obj in found] == [True, True, False]
    assert [obj["metadata"]["name"] for obj in found] == ["a", "b", "c"]


def test_names_and_kinds_change_only_where_allowed() -> None:
    """With `allowNameChange` a merge renames, and references follow."""
    patch = "{apiVersion: v1, kind: ConfigMap, metadata: {name: new}}"
    entry = "{path: p.yaml, target: {name: conf}, options: {allowNameChange: true}}"
    files = {
        "kustomization.yaml": f"resources: [d.yaml, c.yaml]\npatches: [{entry}]",
        "p.yaml": patch,
        "d.yaml": DEPLOYMENT,
        "c.yaml": config_map("conf"),
    }
    deployment, conf = built(files)
    assert conf["metadata"]["name"] == "new"
    assert deployment["spec"]["template"]["spec"]["containers"][0]["envFrom"][0]["configMapRef"]["name"] == "new"


def test_a_patch_deletes() -> None:
    """`$patch: delete` takes an object out."""
    patch = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, $patch: delete}"
    files = {"kustomization.yaml": f"resources: [d.yaml]\npatches:\n- patch: {indented(patch)}", "d.yaml": DEPLOYMENT}
    assert built(files) == []


def test_patches_find_objects_by_earlier_names() -> None:
    """An overlay may use the original name, or any in between."""
    files = {
        "a/kustomization.yaml": "namePrefix: a-\nresources: [d.yaml]",
        "a/d.yaml": DEPLOYMENT,
        "b/kustomization.yaml": "namePrefix: b-\nresources: [../a]",
        "c/kustomization.yaml": "resources: [../b]\npatches: [{path: one.yaml}, {path: two.yaml}]",
        "c/one.yaml": MERGE,
        "c/two.yaml": MERGE.replace("name: web", "name: a-web").replace("replicas", "paused"),
    }
    assert built(files, "c")[0]["spec"].keys() >= {"replicas", "paused"}


@pytest.mark.parametrize(
    ("kustomization", "error"),
    [
        (
            f"patches:\n- patch: {indented(MERGE.replace('web', 'other'))}",
            "yaml:3:3: patches[0]: no matches for Id Deployment.v1.apps/other.[noNs]",
        ),
        (f"patches:\n- patch: {indented(OPERATIONS)}", "patches[0]: must specify a target for JSON patch"),
        ("patches: [{path: gone.yaml}]", "kustomization.yaml:2:11: patches[0]: gone.yaml does not exist"),
        ("patches: [{}]", "patches[0]: must specify one of patch and path"),
        ("patches: [{path: a, patch: b}]", "patches[0]: patch and path can't be set at the same time"),
        ("patches: [{path: d.yaml, target: {name: '('}}]", "'(' is not a regular expression"),
        ("patches: [{path: d.yaml, target: {labelSelector: '(('}}]", "'((' is not a label selector"),
    ],
)
def test_refusals(kustomization: str, error: str) -> None:
    """Errors name the entry and the object."""
    assert error in refusal({"kustomization.yaml": f"resources: [d.yaml]\n{kustomization}", "d.yaml": DEPLOYMENT})


def test_operations_are_read_as_kubectl_reads() -> None:
    """In operations `yes` is true and keys become text; in a merge `yes` is a string."""
    operations = "- {op: add, path: /spec/a, value: yes}\n- {op: add, path: /spec/b, value: {1: 2001-01-01}}"
    found = patched("patches: [{path: p.yaml, target: {name: web}}]", **{"p.yaml": operations})["spec"]
    assert (found["a"], found["b"]) == (True, {"1": "2001-01-01"})
    assert patched("patches: [{path: p.yaml}]", **{"p.yaml": f"{MERGE}\nx: yes"})["x"] == "yes"

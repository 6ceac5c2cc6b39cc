"""Where fields come from: files in, explanations out."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from gitopsd.model.app import Source
from gitopsd.model.errors import RenderError
from gitopsd.model.refs import ObjectRef
from gitopsd.model.tree import DictTree
from gitopsd.render.application import render_source
from gitopsd.render.kustomize.build import build
from gitopsd.render.kustomize.settings import BuildSettings
from gitopsd.render.needs import RemoteFile
from gitopsd.render.provenance.explained import Explained
from gitopsd.render.provenance.fields import leaves
from gitopsd.render.provenance.trace import Trace
from tests.properties.kustomizations import repositories
from tests.properties.manifests import Files

DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 1
  template:
    spec:
      containers:
      - {name: side, image: side:1}
      - name: app
        image: nginx:1.7
        envFrom: [{configMapRef: {name: conf}}]
"""


def traced(files: dict[str, str], path: str, what: str = "Deployment/web") -> Trace:
    """A build of a folder that was listened to."""
    kind, name = what.split("/")
    trace = Trace(kind, name)
    build(DictTree(files), path, BuildSettings(trace=trace))
    return trace


def explained(files: dict[str, str], field: str, path: str = "", what: str = "Deployment/web") -> Explained:
    """One field of the one object that is so called."""
    (fields,) = traced(files, path, what).explained.values()
    return next(one for one in fields if one.field == field)


def history(files: dict[str, str], field: str, path: str = "", what: str = "Deployment/web") -> list[tuple[str, str, Any]]:
    """Who made and changed it, where that stands, and the value then."""
    steps = explained(files, field, path, what).steps
    return [(step.by, str(step.place).partition(": ")[0], step.value) for step in steps]


def layer(kustomization: str, **more: str) -> dict[str, str]:
    """The Deployment under one kustomization."""
    return {"kustomization.yaml": f"resources: [d.yaml]\n{kustomization}", "d.yaml": DEPLOYMENT, **more}


def test_a_field_of_a_manifest() -> None:
    """It has the line and column of its key there, and the entry of `resources` that brought the file."""
    one = explained(layer(""), IMAGE)
    assert (one.value, str(one.origin)) == ("nginx:1.7", "d.yaml:11:9")
    assert str(one.steps[0].asked) == "kustomization.yaml:1:13: resources[0]"
    assert one.path == ("spec", "template", "spec", "containers", 1, "image")


def test_the_second_document_and_an_item_of_a_list() -> None:
    """Documents and items of a List have lines of their own."""
    files = {
        "kustomization.yaml": "resources: [all.yaml]",
        "all.yaml": "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Secret\n  metadata: {name: s}\n"
        "---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c\n",
    }
    assert history(files, "metadata.name", what="ConfigMap/c") == [("resource", "all.yaml:11:3", "c")]
    assert history(files, "metadata.name", what="secret/s") == [("resource", "all.yaml:6:14", "s")]


MERGE = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  template:\n    spec:\n      containers:\n"
MERGE += "      - name: app\n        image: patched\n"
OPERATIONS = "- {op: test, path: /spec/replicas, value: 1}\n- op: replace\n  path: /spec/replicas\n  value: 3\n"
APPEND = "- op: add\n  path: /spec/template/spec/containers/-\n  value:\n    name: new\n    image: z\n"


def indented(text: str) -> str:
    """A text as a block in YAML."""
    return "|\n" + "\n".join(f"    {line}" for line in text.splitlines())


IMAGE = "spec.template.spec.containers[name=app].image"
NEW = "spec.template.spec.containers[name=new].image"
TARGETED = "path: p.yaml, target: {name: web}"
MANAGED_BY = 'metadata.labels["app.kubernetes.io/managed-by"]'
IN_FLOW = """\'[{"op": "replace", "path": "/spec/replicas", "value": 3}]\'"""


@pytest.mark.parametrize(
    ("kustomization", "file", "field", "step"),
    [
        ("patches: [{path: p.yaml}]", MERGE, IMAGE, "PatchTransformer p.yaml:9:9"),
        (f"patches:\n- patch: {indented(MERGE)}", "", IMAGE, "PatchTransformer kustomization.yaml:12:13"),
        (f"patchesStrategicMerge:\n- {indented(MERGE)}", "", IMAGE, "PatchStrategicMergeTransformer kustomization.yaml:12:13"),
        ("patchesStrategicMerge: [p.yaml]", MERGE, IMAGE, "PatchStrategicMergeTransformer p.yaml:9:9"),
        (f"patches: [{{{TARGETED}}}]", OPERATIONS, "spec.replicas", "PatchTransformer p.yaml:4:3"),
        (
            f"patches:\n- target: {{name: web}}\n  patch: {indented(OPERATIONS)}",
            "",
            "spec.replicas",
            "PatchTransformer kustomization.yaml:8:7",
        ),
        (f"patchesJson6902: [{{{TARGETED}}}]", OPERATIONS, "spec.replicas", "PatchJson6902Transformer p.yaml:4:3"),
        (
            f"patches:\n- target: {{name: web}}\n  patch: {IN_FLOW}",
            "",
            "spec.replicas",
            "PatchTransformer kustomization.yaml:4:56",
        ),
        (f"patches: [{{{TARGETED}}}]", APPEND, NEW, "PatchTransformer p.yaml:5:5"),
    ],
)
def test_patches(kustomization: str, file: str, field: str, step: str) -> None:
    """The line of the patch that wrote the field, be it in a file or in the kustomization, a merge or operations."""
    by, place, _ = history(layer(kustomization, **{"p.yaml": file}), field)[-1]
    assert f"{by} {place}" == step


def test_which_of_several_patches() -> None:
    """Of a file with several merges, and of several entries, it is the one that wrote the field."""
    two = MERGE + "---\n" + MERGE.replace("image: patched", "image: again")
    found = history(layer("patchesStrategicMerge: [p.yaml]", **{"p.yaml": two}), IMAGE)
    assert found == [
        ("resource", "d.yaml:11:9", "nginx:1.7"),
        ("PatchStrategicMergeTransformer", "p.yaml:9:9", "patched"),
        ("PatchStrategicMergeTransformer", "p.yaml:19:9", "again"),
    ]


@pytest.mark.parametrize(
    ("kustomization", "field", "step"),
    [
        ("namePrefix: a-", "metadata.name", ("PrefixTransformer", "kustomization.yaml:2:1", "a-web")),
        ("nameSuffix: -z", "metadata.name", ("SuffixTransformer", "kustomization.yaml:2:1", "web-z")),
        ("namespace: prod", "metadata.namespace", ("NamespaceTransformer", "kustomization.yaml:2:1", "prod")),
        ("images:\n- {name: nginx, newTag: '2'}", IMAGE, ("ImageTagTransformer", "kustomization.yaml:3:3", "nginx:2")),
        ("replicas:\n- name: web\n  count: 4", "spec.replicas", ("ReplicaCountTransformer", "kustomization.yaml:4:3", 4)),
        ("labels:\n- pairs:\n    a.io/b: c", 'metadata.labels["a.io/b"]', ("LabelTransformer", "kustomization.yaml:4:5", "c")),
        ("commonLabels:\n  x: 'y'", "spec.selector.matchLabels.x", ("LabelTransformer", "kustomization.yaml:3:3", "y")),
        ("commonAnnotations:\n  x: 'y'", "metadata.annotations.x", ("AnnotationsTransformer", "kustomization.yaml:3:3", "y")),
        ("buildMetadata: [managedByLabel]", MANAGED_BY, ("BuildMetadata", "kustomization.yaml:2:1", "kustomize-v5.8.1")),
    ],
)  # fmt: skip
def test_fields_of_a_kustomization(kustomization: str, field: str, step: tuple[str, str, Any]) -> None:
    """The line in the kustomization that has the new value."""
    assert history(layer(kustomization), field)[-1] == step


GENERATOR = """\
configMapGenerator:
- name: conf
  literals:
  - HOST=db
  files:
  - a.txt
  - k=b.txt
  envs: [e.env]
"""
SOURCES = {"a.txt": "a", "b.txt": "b", "e.env": "# none\nFOO=1\n"}


@pytest.mark.parametrize(
    ("field", "place", "asked"),
    [
        (
            "data.HOST",
            "kustomization.yaml:5:5: configMapGenerator[0].literals[0]",
            "kustomization.yaml:3:3: configMapGenerator[0]",
        ),
        ('data["a.txt"]', "a.txt:1:1", "kustomization.yaml:7:5: configMapGenerator[0].files[0]"),
        ("data.k", "b.txt:1:1", "kustomization.yaml:8:5: configMapGenerator[0].files[1]"),
        ("data.FOO", "e.env:2:1", "kustomization.yaml:9:10: configMapGenerator[0].envs[0]"),
    ],
)
def test_generated_data(field: str, place: str, asked: str) -> None:
    """A literal, or the file or line of an environment file, and the entry that names it."""
    (step,) = explained(layer(GENERATOR, **SOURCES), field, what="ConfigMap/conf").steps
    assert (step.by, str(step.place), str(step.asked)) == ("ConfigMapGenerator", place, asked)


def test_a_hash_and_who_refers_to_it() -> None:
    """A generated name gets its hash at the end, and references follow; nobody's line says either."""
    files = layer(GENERATOR, **SOURCES)
    made, hashed = history(files, "metadata.name", what="ConfigMap/conf")
    assert (made, hashed[:2]) == (("ConfigMapGenerator", "kustomization.yaml:3:3", "conf"), ("HashTransformer", "None"))
    field = "spec.template.spec.containers[name=app].envFrom[0].configMapRef.name"
    assert history(files, field) == [("resource", "d.yaml:12:35", "conf"), ("NameReferenceTransformer", "None", hashed[2])]


def test_generators_merge() -> None:
    """With `behavior: merge` each key is its own generator's."""
    files = {
        "base/kustomization.yaml": "configMapGenerator: [{name: c, literals: [a=1, b=1]}]",
        "top/kustomization.yaml": "resources: [../base]\nconfigMapGenerator: [{name: c, behavior: merge, literals: [b=2]}]",
    }
    assert history(files, "data.a", "top", "ConfigMap/c") == [("ConfigMapGenerator", "base/kustomization.yaml:1:43", "1")]
    assert [value for _, _, value in history(files, "data.b", "top", "ConfigMap/c")] == ["1", "2"]


REPLACEMENT = "source: {kind: ConfigMap, name: conf, fieldPath: data.HOST}\n  targets:\n"
REPLACEMENT += "  - {select: {kind: Deployment}, fieldPaths: [metadata.annotations.host], options: {create: true}}\n"


def test_a_replacement_names_its_source() -> None:
    """Of several replacements it is the one that wrote the field, in the kustomization or in a file of its own."""
    other = REPLACEMENT.replace("annotations.host", "annotations.other")
    inline = layer(GENERATOR + f"replacements:\n- {other}- {REPLACEMENT}", **SOURCES)
    (step,) = explained(inline, "metadata.annotations.host").steps
    assert (step.detail, str(step.place)) == ("from ConfigMap/conf data.HOST", "kustomization.yaml:14:3: replacements[1]")
    filed = layer(GENERATOR + "replacements: [{path: r.yaml}]", **SOURCES, **{"r.yaml": f"- {other}- {REPLACEMENT}"})
    (step,) = explained(filed, "metadata.annotations.host").steps
    assert (str(step.place), str(step.asked)) == ("r.yaml:4:3", "kustomization.yaml:10:16: replacements[0]")


COMPONENT = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"
LAYERS = {
    "base/kustomization.yaml": "resources: [d.yaml]\nnamePrefix: b-\n",
    "base/d.yaml": DEPLOYMENT,
    "mid/kustomization.yaml": "resources: [../base]\nnamePrefix: m-\ncomponents: [../comp]\n",
    "comp/kustomization.yaml": f"{COMPONENT}replicas: [{{name: web, count: 2}}]\n",
    "top/kustomization.yaml": "resources: [../mid]\nnameSuffix: -t\nreplicas: [{name: web, count: 3}]\n",
}


def test_three_layers_and_a_component() -> None:
    """Steps stand in the order in which they were taken, each with the file of its own layer."""
    assert history(LAYERS, "metadata.name", "top") == [
        ("resource", "base/d.yaml:3:12", "web"),
        ("PrefixTransformer", "base/kustomization.yaml:2:1", "b-web"),
        ("PrefixTransformer", "mid/kustomization.yaml:2:1", "m-b-web"),
        ("SuffixTransformer", "top/kustomization.yaml:2:1", "m-b-web-t"),
    ]
    assert history(LAYERS, "spec.replicas", "top") == [
        ("resource", "base/d.yaml:5:3", 1),
        ("ReplicaCountTransformer", "comp/kustomization.yaml:3:24", 2),
        ("ReplicaCountTransformer", "top/kustomization.yaml:3:24", 3),
    ]


def test_a_configured_transformer() -> None:
    """One that stands in a file of `transformers:` is named by its kind and name."""
    config = (
        "{apiVersion: builtin, kind: PrefixTransformer, metadata: {name: mine}, prefix: x-, fieldSpecs: [{path: metadata/name}]}"
    )
    step = explained(layer("transformers: [t.yaml]", **{"t.yaml": config}), "metadata.name").steps[-1]
    assert (step.by, step.detail, step.value, str(step.asked)) == (
        "PrefixTransformer", "mine", "x-web", "kustomization.yaml:2:16: transformers[0]",
    )  # fmt: skip


def test_a_file_of_the_web() -> None:
    """A manifest that was fetched by its URL has lines too."""
    url = "https://example.com/d.yaml"
    trace = Trace("Deployment", "web")
    files = {"kustomization.yaml": f"resources: ['{url}']"}
    build(DictTree(files), "", BuildSettings(trace=trace), {RemoteFile(url): DEPLOYMENT.encode()})
    (fields,) = trace.explained.values()
    assert str(fields[0].origin) == f"{url}:1:1"


def test_a_plain_folder() -> None:
    """Without a kustomization every field is where it stands."""
    trace = Trace("Deployment", "web")
    render_source(DictTree({"f/d.yaml": DEPLOYMENT}), Source("", "f"), BuildSettings(trace=trace))
    (fields,) = trace.explained.values()
    assert {one.field: str(one.origin) for one in fields}["spec.replicas"] == "f/d.yaml:5:3"


def test_what_there_was() -> None:
    """An object is found by its first and its last name, in the namespace if one is asked for; all others are only listed."""
    assert list(traced(LAYERS, "top", "deployment/m-b-web-t").explained) == [ObjectRef("apps", "Deployment", "", "m-b-web-t")]
    missed = traced(LAYERS, "top", "Deployment/none")
    assert (missed.explained, [ref.name for ref in missed.seen]) == ({}, ["m-b-web-t"])


def test_no_secret_in_a_repr() -> None:
    """Explanations hold values, which may be a Secret's; printing one by accident shows none."""
    files = {"kustomization.yaml": "secretGenerator: [{name: s, literals: [password=hunter2]}]"}
    trace = traced(files, "", "Secret/s")
    (fields,) = trace.explained.values()
    assert "aHVudGVyMg==" not in repr(fields) + repr(trace)


@settings(
    max_examples=40,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)
@given(repositories())
def test_every_field_is_explained(files: Files) -> None:
    """Listening changes nothing. Every leaf has a step that made it, the last one left its value, and places are real lines."""
    try:
        objects = build(DictTree(files), "top")
    except RenderError:
        return
    for obj in objects[:6]:
        ref = ObjectRef.of(obj)
        trace = Trace(ref.kind, ref.name, ref.namespace)
        assert build(DictTree(files), "top", BuildSettings(trace=trace)) == objects
        fields = next(found for at, found in trace.explained.items() if at == ref)
        assert [(one.path, one.value) for one in fields] == list(leaves(obj))
        for one in fields:
            assert one.steps[-1].value == one.value
            assert len({id(step) for step in one.steps}) == len(one.steps) > 0
            assert all(a.value != b.value for a, b in zip(one.steps, one.steps[1:], strict=False))
            check_place(files, one)


def check_place(files: Files, one: Explained) -> None:
    """The line of each place exists; that of a manifest's field has the field's key."""
    for step in one.steps:
        if step.place is not None:
            lines = files[step.place.file].splitlines()
            assert step.place.line is not None
            line = lines[step.place.line - 1]
            assert step.by != "resource" or isinstance(one.path[-1], int) or str(one.path[-1]) in line

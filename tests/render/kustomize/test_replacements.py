"""`replacements:` and the old `vars:`."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.render.kustomize.building import DEPLOYMENT, built, refusal

CONF = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: conf}
data: {host: db.example, port: "8080", file: '{"a": {"b": 1, "c": "old"}}'}
"""


def replaced(source: str, path: str, options: str = "", *, kind: str = "Deployment") -> Any:
    """The Deployment (or ConfigMap) after one replacement."""
    target = f"{{select: {{kind: {kind}}}, fieldPaths: ['{path}']{options}}}"
    files = {"kustomization.yaml": f"resources: [d.yaml, c.yaml]\nreplacements: [{{{source}, targets: [{target}]}}]"}
    found = built(files | {"d.yaml": DEPLOYMENT, "c.yaml": CONF})
    return next(obj for obj in found if obj["kind"] == kind)


HOST = "source: {kind: ConfigMap, fieldPath: data.host}"


@pytest.mark.parametrize(
    ("path", "options", "image"),
    [
        ("spec.template.spec.containers.0.image", "", "db.example"),
        ("spec.template.spec.containers.*.image", "", "db.example"),
        ("spec.template.spec.containers.[name=app].image", "", "db.example"),
        ("spec.template.spec.containers.0.image", ", options: {delimiter: ':', index: 1}", "nginx:db.example"),
        ("spec.template.spec.containers.0.image", ", options: {delimiter: '/', index: -1}", "db.example/nginx:1.7"),
    ],
)
def test_where_and_how(path: str, options: str, image: str) -> None:
    """Indices, wildcards and patterns lead into lists; a delimiter replaces a part, or adds one."""
    assert replaced(HOST, path, options)["spec"]["template"]["spec"]["containers"][0]["image"] == image


def test_a_part_of_the_source() -> None:
    """The source may be split too; a constant needs none."""
    split = "source: {kind: ConfigMap, fieldPath: data.host, options: {delimiter: '.', index: 1}}"
    assert (
        replaced(split, "spec.template.spec.containers.0.image")["spec"]["template"]["spec"]["containers"][0]["image"]
        == "example"
    )
    assert replaced("sourceValue: x", "metadata.name")["metadata"]["name"] == "x"


def test_created_fields_have_the_type_that_yaml_sees() -> None:
    """kustomize writes the text plain, so that a port in a ConfigMap becomes a number in a new field."""
    source = "source: {kind: ConfigMap, fieldPath: data.port}"
    assert replaced(source, "spec.template.spec.port", ", options: {create: true}")["spec"]["template"]["spec"]["port"] == 8080
    assert replaced(source, "metadata.annotations.[a.b/c]", ", options: {create: true}")["metadata"]["annotations"] == {
        "a.b/c": "8080"
    }


def test_inside_of_json() -> None:
    """A path may lead into a text that holds JSON; the text keeps its style."""
    assert replaced(HOST, "data.file.a.c", kind="ConfigMap")["data"]["file"] == '{"a":{"b":1,"c":"db.example"}}'


def test_inside_of_yaml() -> None:
    """Of YAML in a text, comments, order and quotes stay; only the field is written anew."""
    text = "# head\nz: 1\na:\n  b: 'old'   # why\n  c: [1, 2]\n"
    conf = f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c}}\ndata: {{file: {json.dumps(text)}}}"
    target = "{select: {kind: ConfigMap}, fieldPaths: [data.file.a.b]}"
    files = {"kustomization.yaml": f"resources: [c.yaml]\nreplacements: [{{sourceValue: new, targets: [{target}]}}]"}
    written = built(files | {"c.yaml": conf})[0]["data"]["file"]
    assert written == "# head\nz: 1\na:\n  b: 'new' # why\n  c: [1, 2]"


def test_no_text_for_a_number_inside_of_yaml() -> None:
    """kustomize would write `port: !!int new`, which nothing can read: that is refused, and says why."""
    conf = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: conf}\ndata: {file: 'port: 80'}\n"
    target = "{select: {kind: ConfigMap}, fieldPaths: [data.file.port]}"
    files = {"kustomization.yaml": f"resources: [c.yaml]\nreplacements: [{{sourceValue: new, targets: [{target}]}}]"}
    assert "cannot put 'new' into a field that holds a number" in refusal(files | {"c.yaml": conf})


def test_inside_of_deep_yaml() -> None:
    """A text that nests as deep as may be is rewritten too, in whatever layout."""
    deep = "{x: " * 190 + "1" + "}" * 190
    conf = f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: conf}}\ndata: {{file: 'a: {deep}'}}\n"
    target = "{select: {kind: ConfigMap}, fieldPaths: [data.file.b], options: {create: true}}"
    files = {"kustomization.yaml": f"resources: [c.yaml]\nreplacements: [{{sourceValue: new, targets: [{target}]}}]"}
    written = built(files | {"c.yaml": conf})[0]["data"]["file"]
    assert written.endswith("b: new")
    assert written.count("x:") == 190


@pytest.mark.parametrize(
    ("source", "path", "error"),
    [
        ("source: {kind: ConfigMap, fieldPath: data.gone}", "metadata.name", "fieldPath `data.gone` is missing"),
        ("source: {kind: Gone}", "metadata.name", "nothing selected by replacement source Gone"),
        ("source: {fieldPath: kind}", "metadata.name", "multiple matches for replacement source"),
        (HOST, "spec.gone", "Deployment.v1.apps/web.[noNs]: unable to find field 'spec.gone'"),
        (HOST, "spec.template.spec.containers.7.image", "index 7 specified but only 1 elements found"),
        ("source: {kind: ConfigMap, fieldPath: data}", "spec.template.spec.containers.0.image.x", "wrong node kind"),
    ],
)
def test_refusals(source: str, path: str, error: str) -> None:
    """Errors name the source, or the target and the path."""
    target = f"{{select: {{kind: Deployment}}, fieldPaths: ['{path}']}}"
    files = {"kustomization.yaml": f"resources: [d.yaml, c.yaml]\nreplacements: [{{{source}, targets: [{target}]}}]"}
    found = refusal(files | {"d.yaml": DEPLOYMENT, "c.yaml": CONF})
    assert found.startswith("kustomization.yaml:2:16: replacements[0]: ")
    assert error in found


def test_vars() -> None:
    """`$(NAME)` becomes the final value; a text that is one var takes its type; `$$` escapes."""
    pod = """\
apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  containers:
  - name: c
    args: ["$(CONF)", "--conf=$(CONF)", "$$(CONF)", "$(OTHER)"]
"""
    var = "{name: CONF, objref: {apiVersion: v1, kind: ConfigMap, name: conf}}"
    files = {"kustomization.yaml": f"namePrefix: p-\nresources: [p.yaml, c.yaml]\nvars: [{var}]", "p.yaml": pod, "c.yaml": CONF}
    assert built(files)[0]["spec"]["containers"][0]["args"] == ["p-conf", "--conf=p-conf", "$(CONF)", "$(OTHER)"]
    missing = files | {"kustomization.yaml": f"resources: [p.yaml]\nvars: [{var}]"}
    assert "var 'CONF' (ConfigMap.v1.[noGrp]) cannot be mapped" in refusal(missing)


def test_values_may_not_grow_without_end() -> None:
    """Replacements that copy an object into itself, or a text, end at a bound; so does a path of very many parts."""
    into = "{source: {kind: ConfigMap, fieldPath: %s}, targets: [{select: {kind: ConfigMap}, fieldPaths: [%s], options: {%s}}]}"
    nested = ", ".join(into % ("data", f"data.x{number}", "create: true") for number in range(60))
    files = {"kustomization.yaml": f"resources: [c.yaml]\nreplacements: [{nested}]", "c.yaml": CONF}
    assert "a value would have more than" in refusal(files)
    double = into % ("data.host", "data.host", "delimiter: ',', index: -1")
    files["kustomization.yaml"] = f"resources: [c.yaml]\nreplacements: [{', '.join([double] * 40)}]"
    assert "a text would have more than" in refusal(files)
    deep = into % ("data.host", ".".join(["a"] * 5000), "create: true")
    files["kustomization.yaml"] = f"resources: [c.yaml]\nreplacements: [{deep}]"
    assert "has more than 128 parts" in refusal(files)

"""`configMapGenerator:` and `secretGenerator:`."""

from __future__ import annotations

import pytest

from gitopsd.model.tree import DictTree
from gitopsd.render.kustomize.build import build
from tests.render.kustomize.building import DEPLOYMENT, built, config_map, refusal


def test_pairs_from_files_environment_files_and_literals() -> None:
    """Files give their name or a chosen key; quotes around a literal go; an environment file has comments."""
    generator = "{name: c, literals: ['a=1', 'b=\"x=y\"'], files: [f.txt, key=f.txt], envs: [e.env]}"
    files = {
        "kustomization.yaml": f"configMapGenerator: [{generator}]",
        "f.txt": "text\n",
        "e.env": "\ufeff# comment\nE=1\r\n\nF=two words",
    }
    found = built(files)[0]
    assert found["data"] == {"a": "1", "b": "x=y", "f.txt": "text\n", "key": "text\n", "E": "1", "F": "two words"}


def test_what_is_not_utf8_is_binary() -> None:
    """It stands in `binaryData`, in lines of 70 characters as kustomize writes base64."""
    tree = DictTree({"kustomization.yaml": "configMapGenerator: [{name: c, files: [b]}]", "b": b"\xff" * 60})
    data = build(tree, "")[0]["binaryData"]["b"]
    assert [len(line) for line in data.split("\n")] == [70, 10, 0]


@pytest.mark.parametrize(
    ("kind", "args", "name"),
    [
        ("configMap", "{name: bob, literals: [fruit=Indian Gooseberry, year=2020, crisis=true]}", "bob-79t79mt227"),
        ("configMap", "{name: blue}", "blue-6ct58987ht"),
        ("secret", "{name: test, literals: [username=admin, password=somepw]}", "test-bgd6bkgdm2"),
        ("configMap", "{name: bob, literals: [a=b], options: {disableNameSuffixHash: true}}", "bob"),
    ],
)
def test_names_end_with_kustomizes_hash(kind: str, args: str, name: str) -> None:
    """The hash is over the content alone, byte for byte kustomize's."""
    assert built({"kustomization.yaml": f"{kind}Generator: [{args}]"})[0]["metadata"]["name"] == name


def test_references_follow_the_hash() -> None:
    """What refers to a generated object changes with its content."""
    files = {
        "kustomization.yaml": "resources: [d.yaml]\nconfigMapGenerator: [{name: conf, literals: [a=b]}]",
        "d.yaml": DEPLOYMENT,
    }
    deployment, conf = built(files)
    reference = deployment["spec"]["template"]["spec"]["containers"][0]["envFrom"][0]["configMapRef"]["name"]
    assert reference == conf["metadata"]["name"] != "conf"


def test_merge_and_replace() -> None:
    """`merge` keeps what is there, `replace` only its name and markers; the namespace stays the old one's."""

    def overlay(behavior: str) -> dict[str, object]:
        own = f"configMapGenerator: [{{name: c, behavior: {behavior}, literals: [b=2]}}]"
        files = {
            "base/kustomization.yaml": "configMapGenerator: [{name: c, literals: [a=1, b=1]}]",
            "top/kustomization.yaml": f"resources: [../base]\n{own}",
        }
        found: dict[str, object] = built(files, "top")[0]
        return found

    assert overlay("merge")["data"] == {"a": "1", "b": "2"}
    assert overlay("replace")["data"] == {"b": "2"}
    assert "id ConfigMap.v1.[noGrp]/c.[noNs] exists" in refusal(
        {"kustomization.yaml": "resources: [c.yaml]\nconfigMapGenerator: [{name: c}]", "c.yaml": config_map("c")}
    )


def test_options_of_all_and_of_one() -> None:
    """A generator's own labels win over those of all; immutable is a field of the object."""
    common = "generatorOptions: {labels: {a: all, b: all}, immutable: true}"
    own = "secretGenerator: [{name: s, type: t, options: {labels: {b: own}}}]"
    found = built({"kustomization.yaml": f"{common}\n{own}"})[0]
    assert found["metadata"]["labels"] == {"a": "all", "b": "own"}
    assert (found["immutable"], found["type"]) == (True, "t")


@pytest.mark.parametrize(
    ("args", "error"),
    [
        ("{name: c, literals: [a]}", "expected key=value"),
        ("{name: c, literals: [a=1, a=2]}", "c illegally repeats the key `a`"),
        ("{name: c, files: [gone.txt]}", "configMapGenerator[0]: gone.txt does not exist"),
        ("{literals: [a=1]}", "must have a name"),
    ],
)
def test_refusals(args: str, error: str) -> None:
    """Errors name the generator's entry and the key, never a value."""
    assert error in refusal({"kustomization.yaml": f"configMapGenerator: [{args}]"})

"""What a repository may try, each with its bound: one sentence that names the bound and the place, and nothing else happens."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gitopsd.formats import yamlread
from gitopsd.model.app import DirectoryOptions, KustomizeOptions, Source
from gitopsd.model.errors import LimitError, RenderError
from gitopsd.model.tree import DictTree
from gitopsd.render.application import render_source
from gitopsd.render.kustomize.settings import BuildSettings
from gitopsd.render.limits import Limits

MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
LAUGHS = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{b}: &{b} [{','.join([f'*{a}'] * 10)}]\n" for a, b in zip("abcdefg", "bcdefgh", strict=True)
)
PROGRAM = """\
apiVersion: x/v1
kind: P
metadata: {name: p, annotations: {config.kubernetes.io/function: 'exec: {path: ./x}'}}
"""
LIMITS = Limits(
    objects=50, layers=4, roots=40, files=60, bytes=2 << 20, yaml=yamlread.Limits(bytes=1 << 20, documents=20, depth=30)
)

Files = dict[str, str | bytes]


def refusal(files: Files, source: Source | None = None) -> RenderError:
    """The error of rendering the folder `top`."""
    with pytest.raises(RenderError) as caught:
        render_source(DictTree(files), source or Source("repo", "top"), BuildSettings(limits=LIMITS))
    return caught.value


def top(kustomization: str, **more: str | bytes) -> Files:
    """A kustomization over one ConfigMap, with more files in its folder."""
    named = {f"top/{name.replace('_', '.')}": content for name, content in more.items()}
    return {"top/kustomization.yaml": "resources: [a.yaml]\n" + kustomization, "top/a.yaml": MAP, **named}


def chain(length: int) -> Files:
    """Layers over layers."""
    files: Files = {f"layer-{number}/kustomization.yaml": f"resources: [../layer-{number + 1}]\n" for number in range(length)}
    return files | {
        "top/kustomization.yaml": "resources: [../layer-0]\n",
        f"layer-{length}/kustomization.yaml": "namePrefix: a-\n",
    }


MANY: Files = {f"top/m{file}.yaml": "---\n".join(MAP.replace("a}", f"a{file}-{n}}}") for n in range(15)) for file in range(4)}
LIMITED: dict[str, Files] = {
    "objects": {"top/kustomization.yaml": "resources: [m0.yaml, m1.yaml, m2.yaml, m3.yaml]\n", **MANY},
    "files": top("".join(["configMapGenerator:\n- name: b\n  files: [", ", ".join(f"k{n}=a.yaml" for n in range(70)), "]\n"])),
    "size": top("configMapGenerator: [{name: b, files: [x=b.bin, y=b.bin, z=b.bin]}]\n", b_bin=b"x" * 900_000),
    "fileSize": top("", a_yaml=MAP + "data: {a: '" + "x" * (1 << 20) + "'}\n"),
    "documents": top("", a_yaml="---\n".join(MAP.replace("a}", f"a{n}}}") for n in range(21))),
    "depth": top("", a_yaml=MAP + "data: " + "[" * 10_000),
    "aliases": top("", a_yaml=MAP + LAUGHS),
    "layers": chain(6),
}


@pytest.mark.parametrize("limit", LIMITED)
def test_a_bound_has_a_name(limit: str) -> None:
    """A LimitError names the bound as the configuration does, and the place."""
    error = refusal(LIMITED[limit])
    assert isinstance(error, LimitError)
    assert str(error).endswith(f"(limits.{limit})")
    assert str(error).startswith(("top/", "layer-"))


def patched(*operations: dict[str, Any]) -> Files:
    """The ConfigMap with operations on it."""
    return top("patches:\n- target: {kind: ConfigMap}\n  patch: |\n    " + json.dumps(operations) + "\n")


GROWING: dict[str, tuple[Files, str]] = {
    "copies of copies": (
        patched(
            {"op": "add", "path": "/data", "value": {"a": {"x": "y"}}},
            *({"op": "copy", "from": "/data", "path": f"/data/c{n}"} for n in range(40)),
        ),
        "more than 500000 parts",
    ),
    "a copy inside itself": (
        patched(
            {"op": "add", "path": "/data", "value": {"a": {}}},
            *({"op": "copy", "from": "/data", "path": "/data/a"} for _ in range(3000)),
        ),
        "deeper",
    ),
    "a path into depth": (
        top("replacements:\n- source: {kind: ConfigMap}\n  targets:\n  - select: {kind: ConfigMap}\n"
            f"    fieldPaths: [{'a.' * 300}b]\n    options: {{create: true}}\n"),
        "128 parts",
    ),
    "a var that names itself": (
        top("vars: [{name: V, objref: {apiVersion: v1, kind: ConfigMap, name: a}, fieldref: {fieldPath: data.v}}]\n"
            "configurations: [c.yaml]\n",
            a_yaml=MAP + "data: {v: '" + "$(V)" * 20_000 + "'}\n", c_yaml="varReference: [{path: data/v, kind: ConfigMap}]\n"),
        "characters",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", GROWING)
def test_what_grows_is_stopped(case: str) -> None:
    """Values that multiply themselves end with a LimitError long before memory does."""
    files, said = GROWING[case]
    error = refusal(files)
    assert isinstance(error, LimitError)
    assert said in str(error)


REFUSED: dict[str, tuple[Files, str]] = {
    "a cycle": (
        {"top/kustomization.yaml": "resources: [../b]\n", "b/kustomization.yaml": "resources: [../top]\n"},
        "cycle detected",
    ),
    "itself": (top("components: [.]\n"), "cycle detected"),
    "an absolute path": (top("patches: [{path: /etc/passwd}]\n"), "/etc/passwd is an absolute path"),
    "out of the tree": (top("configMapGenerator: [{name: b, files: [../../../etc/passwd]}]\n"), "leads out of the repository"),
    "out of the root": (top("configMapGenerator: [{name: b, files: [../other]}]\n") | {"other": "x"}, "is not in or below 'top'"),
    "control characters in a path": (
        top('configMapGenerator: [{name: b, files: ["a\\e[2J\\n"]}]\n'),
        r"a\x1b[2J\n does not exist",
    ),
    "no UTF-8": (top("", a_yaml=MAP.encode() + b"data: {a: '\xff\xfe'}\n"), "invalid leading UTF-8 octet"),
    "keys given twice": (top("", a_yaml=MAP + "data: {a: b, a: c}\n"), "key 'a' is given twice"),
    "an endless pattern": (top('patches: [{target: {name: "(a{1000}){1000}"}, patch: "[{}]"}]\n'), "is not a regular expression"),
    "a program": (top("transformers: [p.yaml]\n", p_yaml=PROGRAM), "never run"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(case: str) -> None:
    """Each in one line, with the file that asks for it."""
    files, said = REFUSED[case]
    message = str(refusal(files))
    assert said in message
    assert message.startswith(("top/", "b/"))
    assert message.isprintable()


def test_a_hostile_pattern_costs_nothing() -> None:
    """Patterns that make other engines try all ways give their answer."""
    pattern = 'patches: [{target: {name: \'(a|a)*b|(a+)+$\'}, patch: \'[{"op": "add", "path": "/data", "value": {}}]\'}]\n'
    files = top(pattern, a_yaml=MAP.replace("{name: a}", "{name: " + "a" * 2000 + "c}"))
    assert len(render_source(DictTree(files), Source("repo", "top"), BuildSettings())) == 1


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (Source("repo", "../top"), "spec.source.path: does not exist"),
        (Source("repo", "top", kustomize=KustomizeOptions(components=("/etc",))), "spec.source.kustomize.components[0]: /etc is"),
        (Source("repo", "top", kustomize=KustomizeOptions(components=("../../..",))), "leads out of the repository"),
        (Source("repo", "deep", directory=DirectoryOptions(recurse=True)), "(limits.depth)"),
        (Source("repo", "many", directory=DirectoryOptions(recurse=True)), "(limits.files)"),
    ],
)
def test_applications_and_folders(source: Source, said: str) -> None:
    """The same bounds hold for an Application's own options, and for folders without a kustomization."""
    files = top("") | {"deep/a.yaml": "[" * 1000} | {f"many/{number}.yaml": "" for number in range(61)}
    assert said in str(refusal(files, source))

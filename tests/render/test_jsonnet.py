"""Jsonnet in plain folders: `source.directory.jsonnet`, option by option, and what it can't reach."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from gitopsd.model.app import DirectoryOptions, JsonnetOptions, JsonnetVar, Source
from gitopsd.model.errors import RenderError
from gitopsd.model.refs import Object
from gitopsd.model.tree import DictTree, Recorded
from gitopsd.render.application import render_source
from gitopsd.render.given import Given
from gitopsd.render.kustomize.settings import BuildSettings


def one(name: str) -> str:
    """An object with that name."""
    return f"{{apiVersion: 'v1', kind: 'ConfigMap', metadata: {{name: {name}}}}}"


def rendered(files: Mapping[str, str], options: JsonnetOptions | None = None) -> list[Object]:
    """The objects of the folder `app`."""
    source = Source("https://example.org/a", "app", directory=DirectoryOptions(jsonnet=options) if options else None)
    return render_source(DictTree(files), source, BuildSettings(), Given({"ARGOCD_APP_NAME": "shop"}))


def names(files: Mapping[str, str], options: JsonnetOptions | None = None) -> list[str]:
    """Their names."""
    return [obj["metadata"]["name"] for obj in rendered(files, options)]


def test_files_of_a_folder() -> None:
    """A `.jsonnet` file beside manifests gives an object, or a list of them; libraries are no manifests."""
    files = {
        "app/a.yaml": "{apiVersion: v1, kind: ConfigMap, metadata: {name: plain}}",
        "app/b.jsonnet": one("'one'"),
        "app/c.jsonnet": "[" + one("'two'") + ", " + one("'three'") + "]",
        "app/d.libsonnet": "error 'nobody asked'",
    }
    assert names(files) == ["plain", "one", "two", "three"]


def test_variables() -> None:
    """`extVars` and `tlas` are texts, or Jsonnet with `code`; the application's variables are put in."""
    options = JsonnetOptions(
        ext_vars=(JsonnetVar("app", "$ARGOCD_APP_NAME"), JsonnetVar("numbers", "[1, 2]", code=True)),
        tlas=(JsonnetVar("env", "prod"), JsonnetVar("count", "1 + 1", code=True)),
    )
    name = "'%s-%s-%d-%d' % [std.extVar('app'), env, count, std.length(std.extVar('numbers'))]"
    file = f"function(env, count) {one(name)}"
    assert names({"app/a.jsonnet": file}, options) == ["shop-prod-2-2"]


def test_imports() -> None:
    """Relative to the file, then to the folder of the source, then to `libs`, which start at the root of the repository."""
    files = {
        "app/a.jsonnet": f"local l = import 'sub/l.libsonnet'; {one('l.name')}",
        "app/sub/l.libsonnet": "{name: (import '../beside.libsonnet') + (import 'shared.libsonnet') + importstr 'text'}",
        "app/beside.libsonnet": "'a'",
        "vendor/lib/shared.libsonnet": "'-b-'",
        "app/text": "c",
    }
    assert names(files, JsonnetOptions(libs=("vendor/lib",))) == ["a-b-c"]


def test_imports_are_inputs() -> None:
    """What was imported, and where it was looked for in vain, is part of what the render read."""
    tree = Recorded(DictTree({"app/a.jsonnet": f"local l = import 'l.libsonnet'; {one('l')}", "lib/l.libsonnet": "'x'"}))
    options = DirectoryOptions(jsonnet=JsonnetOptions(libs=("lib",)))
    render_source(tree, Source("https://example.org/a", "app", directory=options), BuildSettings())
    assert tree.inputs["lib/l.libsonnet"] is not None
    assert tree.inputs["app/l.libsonnet"] is None


@pytest.mark.parametrize("path", ["/etc/hostname", "../../../../etc/hostname", "../../etc/hostname", "app/../../x"])
def test_nothing_outside_of_the_repository(path: str) -> None:
    """Neither absolute paths nor those that go up lead to the disk."""
    with pytest.raises(RenderError, match=r"app/a.jsonnet.*does not exist in the repository"):
        rendered({"app/a.jsonnet": f"{{x: importstr '{path}'}}"})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{a: 1,\n b: }", r"app/a\.jsonnet:2:5: syntax error"),
        ("{a: 1,\n b: error 'no good'}", r"app/a\.jsonnet:2:5: no good"),
        ("std.extVar('nope')", r"app/a\.jsonnet:1:1: .*nope"),
        ("local f(x) = 1 + f(x + 1); f(0)", r"app/a\.jsonnet:1:18: stack overflow"),
        ("{a: 1}", r"app/a\.jsonnet: missing Resource metadata"),
    ],
)
def test_errors_have_places(text: str, message: str) -> None:
    """Syntax, evaluation, and results that are no objects: each names the file, and the line where there is one."""
    with pytest.raises(RenderError, match=message):
        rendered({"app/a.jsonnet": text})

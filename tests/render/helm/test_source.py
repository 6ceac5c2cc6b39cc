"""`source.helm`, option by option: what becomes of each in the program's result. The real helm answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from gitopsd.helm import Helm, with_charts
from gitopsd.model.app import HelmFileParameter, HelmOptions, HelmParameter, Source
from gitopsd.model.errors import RenderError
from gitopsd.model.refs import Object
from gitopsd.model.tree import DictTree
from gitopsd.render.application import render_source
from gitopsd.render.given import Given
from gitopsd.render.kustomize.settings import BuildSettings
from gitopsd.render.needs import Answer, Need, Needs, RemoteChart, RemoteFile
from tests.charts import CHART, below, helm, packed

VARIABLES = {
    "ARGOCD_APP_NAME": "shop",
    "ARGOCD_APP_NAMESPACE": "store",
    "KUBE_VERSION": "v1.29.4",
    "KUBE_API_VERSIONS": "apps/v1,apps/v1/Deployment,example.org/v1",
}
pytestmark = pytest.mark.neighbour


@pytest.fixture(scope="module")
def program() -> Helm:
    """The real helm."""
    return helm()


def rendered(
    program: Helm,
    options: HelmOptions | None = None,
    more: Mapping[str, str | bytes] | None = None,
    answers: Mapping[Need, Answer] | None = None,
    refs: Mapping[str, DictTree] | None = None,
) -> list[Object]:
    """The objects of the chart in the folder `apps/web`, with `more` files in its repository."""
    tree = DictTree({**below("apps/web"), **(more or {})})
    source = Source("https://example.org/a", "apps/web", helm=options)
    settings = BuildSettings(enable_helm=True)
    return with_charts(
        lambda found: render_source(tree, source, settings, Given(VARIABLES, found, refs or {})), answers or {}, program
    )


def shown(objects: list[Object]) -> Any:
    """The ConfigMap that shows the values."""
    return next(obj for obj in objects if obj["kind"] == "ConfigMap")


def values(objects: list[Object]) -> Any:
    """The values that the chart was given."""
    return shown(objects)["data"]


def kinds(objects: list[Object]) -> set[str]:
    """The kinds of the objects."""
    return {obj["kind"] for obj in objects}


def test_a_folder_with_a_chart(program: Helm) -> None:
    """Chart.yaml makes a folder a chart; its release is called as the application, in its namespace; everything is included."""
    objects = rendered(program)
    assert shown(objects)["metadata"] == {"name": "shop", "namespace": "store"}
    assert values(objects) == {"color": "red", "size": 1}
    assert kinds(objects) == {"ConfigMap", "CustomResourceDefinition", "Job", "Pod"}


def test_release_name_and_namespace(program: Helm) -> None:
    """`releaseName` and `namespace` stand in for the application's."""
    objects = rendered(program, HelmOptions(release_name="other", namespace="elsewhere"))
    assert shown(objects)["metadata"] == {"name": "other", "namespace": "elsewhere"}


def test_values_by_precedence(program: Helm) -> None:
    """Files in their order, then inline values, then parameters; an object of values stands in for a text of them."""
    files = {"apps/web/a.yaml": "{color: a, size: 2, a: 1}", "shared/b.yaml": "{color: b}"}
    options = HelmOptions(value_files=("a.yaml", "/shared/b.yaml"))
    assert values(rendered(program, options, files)) == {"color": "b", "size": 2, "a": 1}
    inline = HelmOptions(value_files=("a.yaml",), values="color: inline")
    assert values(rendered(program, inline, files))["color"] == "inline"
    both = HelmOptions(values="color: inline", values_object={"color": "object", "off": None})
    assert values(rendered(program, both, files))["color"] == "object"
    parameters = HelmOptions(values="color: inline", parameters=(HelmParameter("color", "set"),))
    assert values(rendered(program, parameters))["color"] == "set"


def test_values_of_another_source(program: Helm) -> None:
    """`$ref/path` is a file of the source with that `ref`; a ref that none has is named with those that there are."""
    refs = {"settings": DictTree({"prod/web.yaml": "color: theirs"})}
    options = HelmOptions(value_files=("$settings/prod/web.yaml",))
    assert values(rendered(program, options, refs=refs))["color"] == "theirs"
    with pytest.raises(RenderError, match=r"\$other/a.yaml: no source has the ref 'other'; there are \$settings"):
        rendered(program, HelmOptions(value_files=("$other/a.yaml",)), refs=refs)


def test_values_behind_a_url(program: Helm) -> None:
    """A values file may stand behind a URL: it is asked for like all that is elsewhere."""
    options = HelmOptions(value_files=("https://example.org/prod.yaml",))
    need = RemoteFile("https://example.org/prod.yaml")
    with pytest.raises(Needs) as asked:
        rendered(program, options)
    assert asked.value.wanted == (need,)
    assert values(rendered(program, options, answers={need: b"color: far"}))["color"] == "far"


def test_missing_values_file(program: Helm) -> None:
    """It is an error that names option and file, unless `ignoreMissingValueFiles` says otherwise."""
    with pytest.raises(RenderError, match=r"apps/web: spec.source.helm.valueFiles\[0\]: nope.yaml does not exist"):
        rendered(program, HelmOptions(value_files=("nope.yaml",)))
    options = HelmOptions(value_files=("nope.yaml",), ignore_missing_value_files=True)
    assert values(rendered(program, options))["color"] == "red"
    with pytest.raises(RenderError, match="leads out of the repository"):
        rendered(program, HelmOptions(value_files=("../../../etc/passwd",)))


def test_parameters(program: Helm) -> None:
    """A comma is part of a value, a list in braces is one; `forceString` keeps numbers texts; variables are put in."""
    options = HelmOptions(
        parameters=(
            HelmParameter("color", "a,b=c"),
            HelmParameter("size", "{1,2}"),
            HelmParameter("text", "12", force_string=True),
            HelmParameter("app", "$ARGOCD_APP_NAME-${ARGOCD_APP_NAMESPACE} $5"),
        )
    )
    found = values(rendered(program, options))
    assert found == {"color": "a,b=c", "size": [1, 2], "text": "12", "app": "shop-store $5"}


def test_file_parameters(program: Helm) -> None:
    """The content of a file becomes a value."""
    options = HelmOptions(file_parameters=(HelmFileParameter("conf", "files/app.conf"),))
    assert values(rendered(program, options, {"apps/web/files/app.conf": "a = 1\n"}))["conf"] == "a = 1\n"
    with pytest.raises(RenderError, match=r"files/app\.conf does not exist"):
        rendered(program, options)


@pytest.mark.parametrize(
    ("options", "left"),
    [
        (HelmOptions(skip_crds=True), {"ConfigMap", "Job", "Pod"}),
        (HelmOptions(skip_tests=True), {"ConfigMap", "CustomResourceDefinition", "Job"}),
    ],
    ids=["skipCrds", "skipTests"],
)
def test_what_is_left_out(program: Helm, options: HelmOptions, left: set[str]) -> None:
    """Definitions and tests are part of the result unless they are not wanted."""
    assert kinds(rendered(program, options)) == left


def test_capabilities(program: Helm) -> None:
    """A chart sees the cluster's versions, or those that the options name."""
    template = (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {v: {{ .Capabilities.KubeVersion.Version }}, has: '%s'}\n"
    )
    more = {"apps/web/templates/shown.yaml": template % '{{ .Capabilities.APIVersions.Has "example.org/v1" }}'}
    assert values(rendered(program, None, more)) == {"v": "v1.29.4", "has": "true"}
    options = HelmOptions(kube_version="1.30.0", api_versions=("other.org/v1",))
    assert values(rendered(program, options, more)) == {"v": "v1.30.0", "has": "false"}


def test_values_schema(program: Helm) -> None:
    """Values are held to the chart's schema unless `skipSchemaValidation`; one that leads out of the chart is refused."""
    more: dict[str, str | bytes] = {"apps/web/values.schema.json": '{"properties": {"size": {"type": "string"}}}'}
    with pytest.raises(RenderError, match="helm chart shop can't be inflated: values don't meet"):
        rendered(program, None, more)
    assert values(rendered(program, HelmOptions(skip_schema_validation=True), more))["size"] == 1
    more["apps/web/values.schema.json"] = '{"$ref": "https://example.org/schema.json"}'
    with pytest.raises(RenderError, match=r"apps/web/values.schema.json: refers to a schema outside of the chart"):
        rendered(program, None, more)


def test_packed_dependencies(program: Helm) -> None:
    """A dependency may be packed in `charts/`; what it holds is held to the same rule about schemas, and bounded."""
    far: dict[str, str | bytes] = {
        "Chart.yaml": "apiVersion: v2\nname: far\nversion: 2.0.1\n",
        "templates/a.yaml": "apiVersion: v1\nkind: Service\nmetadata: {name: far}\n",
    }
    chart = (
        "apiVersion: v2\nname: web\nversion: 1.2.3\ndependencies: [{name: far, version: ^2, repository: 'https://x.example'}]\n"
    )
    more: dict[str, str | bytes] = {"apps/web/Chart.yaml": chart, "apps/web/charts/far-2.0.1.tgz": packed(far, "far")}
    assert "Service" in kinds(rendered(program, None, more))
    for content, message in (
        (packed({**far, "values.schema.json": '{"$ref": "file:///etc/hostname"}'}, "far"), "a schema outside of the chart"),
        (packed({**far, "big": b"\0" * (65 << 20)}, "far"), "more than 64 MiB when unpacked"),
        (b"garbage", "can't be unpacked"),
    ):
        with pytest.raises(RenderError, match=f"charts/far-2.0.1.tgz: .*{message}"):
            rendered(program, None, {**more, "apps/web/charts/far-2.0.1.tgz": content})


def test_errors_show_no_values(program: Helm) -> None:
    """A template that fails with a value in its text gives the place, and not the value."""
    more: dict[str, str | bytes] = {"apps/web/templates/bad.yaml": '{{ fail (printf "token %s is too short" .Values.token) }}'}
    options = HelmOptions(values="token: hunter2-from-values", parameters=(HelmParameter("other", "x"),))
    with pytest.raises(RenderError, match=r"web/templates/bad.yaml:1:3.*token \*\*\* is too short"):
        rendered(program, options, more)


def test_dependencies(program: Helm) -> None:
    """What Chart.yaml names and `charts/` lacks comes from the same repository, or is asked for in the version that is pinned."""
    chart = (
        "apiVersion: v2\nname: web\nversion: 1.2.3\ndependencies:\n"
        "- {name: near, version: '*', repository: 'file://../near'}\n- {name: far, version: ^2, repository: 'https://charts.example'}\n"
    )
    lock = "dependencies:\n- {name: far, version: 2.0.1, repository: 'https://charts.example'}\n"
    template = "apiVersion: v1\nkind: Service\nmetadata: {name: %s}\n"
    near: dict[str, str | bytes] = {
        "apps/near/Chart.yaml": "apiVersion: v2\nname: near\nversion: 0.1.0\n",
        "apps/near/templates/a.yaml": template % "near",
    }
    more = {"apps/web/Chart.yaml": chart, "apps/web/Chart.lock": lock, **near}
    need = RemoteChart("https://charts.example", "far", "2.0.1")
    with pytest.raises(Needs) as asked:
        rendered(program, None, more)
    assert asked.value.wanted == (need,)
    far = DictTree({"Chart.yaml": "apiVersion: v2\nname: far\nversion: 2.0.1\n", "templates/a.yaml": template % "far"})
    objects = rendered(program, None, more, {need: far})
    assert {obj["metadata"]["name"] for obj in objects if obj["kind"] == "Service"} == {"near", "far"}
    vendored: dict[str, str | bytes] = {
        "apps/web/charts/far/Chart.yaml": "apiVersion: v2\nname: far\nversion: 2.0.1\n",
        "apps/web/charts/far/templates/a.yaml": template % "vendored",
    }
    objects = rendered(program, None, {**more, **vendored})
    assert {obj["metadata"]["name"] for obj in objects if obj["kind"] == "Service"} == {"near", "vendored"}


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"dependencies": "[{name: a, repository: 'file://../../../a'}]"}, "leads out of the repository"),
        ({"dependencies": "[{name: a, repository: '@stable'}]"}, "@stable: the name of a repository means nothing here"),
        ({"dependencies": "[{name: ../a, repository: 'file://../a'}]"}, "'../a' is no name of a chart"),
        ({"dependencies": "[{name: a, repository: 'file://.'}]"}, "more than 32 deep"),
    ],
)
def test_dependencies_that_are_refused(program: Helm, more: dict[str, str], message: str) -> None:
    """Each names the file and the dependency."""
    chart = f"{CHART['Chart.yaml']!s}dependencies: {more['dependencies']}\n"
    with pytest.raises(RenderError, match=message):
        rendered(program, None, {"apps/web/Chart.yaml": chart})


def test_refusals(program: Helm) -> None:
    """What is no chart, not enabled, or of a Helm of the past is refused in a sentence."""
    tree = DictTree(below("web"))
    with pytest.raises(RenderError, match=r"web: spec.source.helm: Helm is not enabled: set helm.enabled"):
        render_source(tree, Source("https://example.org/a", "web"), BuildSettings())
    with pytest.raises(RenderError, match=r"spec\.source\.helm\.version: 'v2' is no version of Helm"):
        rendered(program, HelmOptions(version="v2"))
    source = Source("https://example.org/a", "empty", helm=HelmOptions())
    with pytest.raises(RenderError, match=r"empty: is no Helm chart: it has no Chart\.yaml"):
        render_source(DictTree({"empty/a": ""}), source, BuildSettings(enable_helm=True))

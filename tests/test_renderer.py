"""The renderer over the real engine in real children: its cache, its bounds, what else it fetches."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar, TypeVarTuple

import pytest

from gitopsd.children import ChildDiedError, Pool
from gitopsd.helm import Helm
from gitopsd.model.app import App, HelmOptions, KustomizeOptions, Source
from gitopsd.model.errors import LimitError, Place, RenderError, SourceError
from gitopsd.model.source import Commit, Snapshot
from gitopsd.ports import CacheUse
from gitopsd.render.needs import FILE, Elsewhere, where
from gitopsd.render.provenance.trace import Trace
from gitopsd.renderer import Bounds, Renderer
from gitopsd.source.objects import objects_at
from gitopsd.source.tree import GitTree
from tests.charts import CHART, below, helm
from tests.contract.render_port import APP, SURFACE, application, config_map, snapshot
from tests.gitrepo import Repo

_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")


@dataclass
class World:
    """A renderer, what it can fetch by the need as it is written, and how its cache was used."""

    elsewhere: dict[str, Snapshot] = field(default_factory=dict)
    requests: Counter[str] = field(default_factory=Counter)
    deadline: float = 60.0
    budget: int = 1 << 20
    helm: Helm | None = None
    renderer: Renderer = field(init=False)

    def __post_init__(self) -> None:
        self.pool = Pool("render", size=1)
        self.start()

    def start(self) -> None:
        """Begins anew, with these bounds."""

        def count(result: str) -> None:
            self.requests[result] += 1

        bounds = Bounds(self.deadline, budget=self.budget)
        self.renderer = Renderer(self.pool, self.fetch, bounds, helm=self.helm, on_request=count)

    async def fetch(self, need: Elsewhere) -> Snapshot:
        if str(need) not in self.elsewhere:
            raise SourceError("is not there", where(need))
        return self.elsewhere[str(need)]

    async def names(self, app: App, *snapshots: Snapshot) -> list[str]:
        """The names of the rendered objects."""
        return [obj["metadata"]["name"] for obj in (await self.renderer.render(app, snapshots, SURFACE)).unpack()]


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """A renderer with one child."""
    world = World()
    yield world
    await world.pool.aclose()


def kustomized(options: KustomizeOptions) -> App:
    """The application with options of kustomize."""
    return application(Source("https://example.org/a", "app", kustomize=options))


FILES: dict[str, str | bytes] = {
    "app/kustomization.yaml": "resources: [../base]\nnamePrefix: prod-\n",
    "base/kustomization.yaml": "resources: [a.yaml]\n",
    "base/a.yaml": config_map("a"),
}


async def test_kustomize_folder(world: World) -> None:
    """A folder with a kustomization is built by the Kustomize engine, its bases included."""
    assert await world.names(APP, snapshot("c1", FILES)) == ["prod-a"]
    assert await world.names(APP, snapshot("c2", {**FILES, "base/a.yaml": config_map("b")})) == ["prod-b"]


async def test_one_commit_and_many_applications(world: World) -> None:
    """A commit that touches one application costs one render, however many read the repository."""
    apps = [application(Source("https://example.org/a", f"apps/{number}"), name=f"app-{number}") for number in range(50)]
    files: dict[str, str | bytes] = {f"apps/{number}/a.yaml": config_map(f"a-{number}") for number in range(50)}
    for app in apps:
        await world.names(app, snapshot("c1", files))
    world.requests.clear()
    files["apps/7/a.yaml"] = config_map("changed")
    for app in apps:
        await world.names(app, snapshot("c2", files))
    assert world.requests == {"hit": 49, "miss": 1}


async def test_errors_are_remembered(world: World) -> None:
    """A commit that can't be rendered is tried once, and again when what it read has changed; the error names the place."""
    files = {**FILES, "base/kustomization.yaml": "resources:\n- a.yaml\n- missing.yaml\n"}
    for commit in ("c1", "c1", "c2"):
        with pytest.raises(RenderError, match=r"missing\.yaml") as raised:
            await world.names(APP, snapshot(commit, {**files, "unrelated": commit}))
        assert raised.value.place
        assert raised.value.place.file == "base/kustomization.yaml"
    assert world.requests == {"miss": 1, "hit": 2}
    assert await world.names(APP, snapshot("c3", {**files, "base/missing.yaml": config_map("b")})) == ["prod-a", "prod-b"]


async def test_plan_of_another_revision(world: World) -> None:
    """A look at another revision does not push out what is live."""
    live, other = snapshot("c1", FILES), snapshot("c2", {**FILES, "base/a.yaml": config_map("b")})
    for one in (live, other, live, other, live):
        await world.names(APP, one)
    assert world.requests == {"miss": 2, "hit": 3}


async def test_cache_is_bounded(world: World) -> None:
    """Past its budget the cache gives up the applications that were asked for least recently."""
    world.budget = 4000
    world.start()
    apps = [application(Source("https://example.org/a", "app"), name=f"app-{number}") for number in range(4)]
    files: dict[str, str | bytes] = {"app/a.yaml": config_map("a", key="x" * 1500)}
    for app in apps:
        await world.names(app, snapshot("c1", files))
    assert world.renderer.use() == CacheUse(entries=2, evicted=2)
    world.requests.clear()
    for app in reversed(apps):
        await world.names(app, snapshot("c1", files))
    assert world.requests["hit"] == 2


async def test_endless_render_is_ended(world: World) -> None:
    """A render that would take for ever ends with its deadline; the error names the application, and the next render works."""
    files: dict[str, str | bytes] = {"base/a.yaml": config_map("a"), "base/kustomization.yaml": "resources: [a.yaml]\n"}
    for layer in range(12):  # each takes the one below twice: 4,096 times the base, all of them built before two are found alike
        below = "base" if layer == 0 else f"layer-{layer - 1}"
        both = "".join(f"- {name}\n" for name in ("left", "right"))
        files |= {
            f"layer-{layer}/{side}/kustomization.yaml": f"nameSuffix: {side}\nresources: [../../{below}]\n"
            for side in ("left", "right")
        }
        files[f"layer-{layer}/kustomization.yaml"] = f"resources:\n{both}"
    files["app/kustomization.yaml"] = "resources: [../layer-11]\n"
    world.deadline = 0.5
    world.start()
    with pytest.raises(LimitError, match=r"argocd/web: rendering took longer than 0.5 s"):
        await world.names(APP, snapshot("c1", files))
    world.deadline = 60.0
    world.start()
    assert await world.names(APP, snapshot("c2", FILES)) == ["prod-a"]


class DyingPool(Pool):
    """Its children die as often as `deaths` says, as where the kernel is short of memory, before one does its work."""

    deaths = 0

    async def call(self, function: Callable[[*_Ts], _T], *args: *_Ts, deadline: float, alone: bool = False) -> _T:
        if self.deaths:
            self.deaths -= 1
            raise ChildDiedError("its process died (killed by SIGKILL)")
        return await super().call(function, *args, deadline=deadline, alone=alone)


async def test_a_child_that_dies_is_replaced(world: World) -> None:
    """The death of one child is nobody's error; a commit at which two die is not rendered, and is tried again when asked for."""
    pool = world.pool = DyingPool("render", size=1)
    world.start()
    pool.deaths = 1
    assert await world.names(APP, snapshot("c1", FILES)) == ["prod-a"]
    pool.deaths = 2
    other = FILES | {"base/a.yaml": config_map("b")}
    with pytest.raises(RenderError, match=r"came to no result: its process died"):
        await world.names(APP, snapshot("c2", other))
    assert await world.names(APP, snapshot("c2", other)) == ["prod-b"]
    assert world.requests["hit"] == 0


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (Source("https://x.org/a", chart="redis"), "Helm is not enabled: set helm.enabled in the configuration"),
        (Source("https://x.org/a", "app", plugin={"name": "cdk8s"}), r"plugins of Argo CD \(cdk8s\) are not supported"),
        (Source("https://x.org/a", "chart"), "chart: spec.source.helm: Helm is not enabled"),
        (Source("https://x.org/a", "app/a.yaml"), "is a file, not a folder"),
        (Source("https://x.org/a", "../outside"), "does not exist"),
    ],
)
async def test_what_is_no_source(world: World, source: Source, message: str) -> None:
    """What can't be rendered says so, and why."""
    files = {"app/a.yaml": config_map("a"), "chart/Chart.yaml": "name: x"}
    with pytest.raises(RenderError, match=message):
        await world.names(application(source), snapshot("c1", files))


async def test_options_of_the_application(world: World) -> None:
    """The application's own options are part of what is rendered: other options, another render."""
    assert await world.names(kustomized(KustomizeOptions(name_suffix="-x")), snapshot("c1", FILES)) == ["prod-a-x"]
    assert await world.names(kustomized(KustomizeOptions(name_suffix="-y")), snapshot("c1", FILES)) == ["prod-a-y"]


async def test_commit_counts_where_it_is_read(world: World) -> None:
    """A render that puts the commit's id into an annotation is new for each commit; one that doesn't is not."""
    annotated = KustomizeOptions(common_annotations={"at": "${ARGOCD_APP_REVISION}"}, common_annotations_envsubst=True)
    app = kustomized(annotated)
    for commit in ("c1", "c2"):
        rendered = await world.renderer.render(app, (snapshot(commit, FILES),), SURFACE)
        assert rendered.unpack()[0]["metadata"]["annotations"] == {"at": commit}
    named = kustomized(replace(annotated, common_annotations={"by": "${ARGOCD_APP_NAME}"}))
    first = await world.renderer.render(named, (snapshot("c1", FILES),), SURFACE)
    assert await world.renderer.render(named, (snapshot("c2", FILES),), SURFACE) is first


BASE = "https://example.org/bases//web?ref=v1"
REMOTE = {**FILES, "app/kustomization.yaml": f"resources:\n- {BASE}\nnamePrefix: prod-\n"}


def base(commit: str, name: str) -> Snapshot:
    """A commit of the repository of bases."""
    files = {"web/kustomization.yaml": "resources: [b.yaml]\n", "web/b.yaml": config_map(name), "other": commit}
    return snapshot(commit, files, "https://example.org/bases")


async def test_remote_bases(world: World) -> None:
    """A base in another repository is fetched at its revision; it is rendered anew when what was read of it moved."""
    world.elsewhere[BASE] = base("b1", "remote")
    assert await world.names(APP, snapshot("c1", REMOTE)) == ["prod-remote"]
    world.elsewhere[BASE] = base("b2", "remote")
    assert await world.names(APP, snapshot("c1", REMOTE)) == ["prod-remote"]
    assert world.requests == {"miss": 1, "hit": 1}
    world.elsewhere[BASE] = base("b3", "moved")
    assert await world.names(APP, snapshot("c1", REMOTE)) == ["prod-moved"]


async def test_remote_base_that_is_not_there(world: World) -> None:
    """A remote base that can't be had is an error of its repository."""
    with pytest.raises(SourceError, match=r"example\.org/bases: is not there"):
        await world.names(APP, snapshot("c1", REMOTE))


@pytest.mark.parametrize(
    "url", ["file:///etc//x?ref=v1", "http://example.org/bases//web?ref=v1", "git://example.org/b.git?ref=v1"]
)
async def test_remote_bases_are_remote(world: World, url: str) -> None:
    """What a repository names must not be this machine's own files, nor come where anybody may forge it."""
    files: dict[str, str | bytes] = {"app/kustomization.yaml": f"resources: ['{url}']\n"}
    with pytest.raises(RenderError, match="must have an https:// or ssh:// or oci:// URL"):
        await world.names(APP, snapshot("c1", files))


async def test_from_a_mirror(world: World, tmp_path: Path) -> None:
    """A child reads the commit from the mirror itself; a damaged mirror is an error of the source, and is not remembered."""
    repo = Repo(tmp_path / "mirror.git")
    commit = repo.commit(FILES)
    found = objects_at(repo.url, "https://example.org/a").commit(commit)
    assert found
    tree = GitTree(objects_at(repo.url, "https://example.org/a"), found[1])
    taken = Snapshot("https://example.org/a", Commit(commit), tree)
    blob = tree.entry("base/a.yaml")
    assert blob
    loose = repo.path / "objects" / blob.oid[:2] / blob.oid[2:]
    loose.rename(tmp_path / "kept")
    with pytest.raises(SourceError, match="its mirror is damaged"):
        await world.names(APP, taken)
    (tmp_path / "kept").rename(loose)
    assert await world.names(APP, taken) == ["prod-a"]


async def test_unreadable_object_names_its_place(world: World) -> None:
    """An error of the engine comes through with file and line."""
    with pytest.raises(RenderError) as raised:
        await world.names(APP, snapshot("c1", {"app/a.yaml": "kind: ConfigMap\n  bad: indent\n"}))
    assert isinstance(raised.value.place, Place)
    assert (raised.value.place.file, raised.value.place.line) == ("app/a.yaml", 2)


@pytest.fixture
def charts(world: World) -> World:
    """The renderer with the real helm."""
    world.helm = helm()
    world.start()
    return world


@pytest.mark.neighbour
async def test_charts_in_folders(charts: World) -> None:
    """A chart is inflated in the child; as long as nothing that goes into it has changed, it is not inflated again."""
    app = application(Source("https://example.org/a", "web", helm=HelmOptions(value_files=("prod.yaml",))))
    files = {**below("web"), "web/prod.yaml": "color: blue", "web/.helmignore": ""}
    assert "web" in await charts.names(app, snapshot("c1", files))
    await charts.names(app, snapshot("c2", {**files, "unrelated": "x"}))
    assert charts.requests == {"miss": 1, "hit": 1}
    await charts.names(app, snapshot("c3", {**files, "web/prod.yaml": "color: green"}))
    assert charts.requests == {"miss": 2, "hit": 1}


@pytest.mark.neighbour
async def test_charts_and_the_surface(charts: World) -> None:
    """A chart that looks at the cluster's versions is inflated again when those change; any other is not."""
    app = application(Source("https://example.org/a", "web"))
    newer = replace(SURFACE, server_version="v1.99.0")
    template = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: 'at-{{ .Capabilities.KubeVersion.Minor }}'}\n"
    looking: dict[str, str | bytes] = {"web/Chart.yaml": CHART["Chart.yaml"], "web/templates/a.yaml": template}
    assert await charts.names(app, snapshot("c1", looking)) != ["at-99"]
    found = await charts.renderer.render(app, (snapshot("c1", looking),), newer)
    assert [obj["metadata"]["name"] for obj in found.unpack()] == ["at-99"]
    charts.requests.clear()
    blind = snapshot("c2", below("web"))
    await charts.names(app, blind)
    await charts.renderer.render(app, (blind,), newer)
    assert charts.requests == {"miss": 1, "hit": 1}


@pytest.mark.neighbour
@pytest.mark.parametrize(("options", "minor"), [(None, "29"), (KustomizeOptions(kube_version="1.27.0"), "27")])
async def test_capabilities_of_kustomizations(charts: World, options: KustomizeOptions | None, minor: str) -> None:
    """A chart of a kustomization sees the cluster's version, or that of `source.kustomize`."""
    template = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: 'at-{{ .Capabilities.KubeVersion.Minor }}'}\n"
    files: dict[str, str | bytes] = {
        "app/kustomization.yaml": "helmCharts: [{name: web}]",
        **below("app/charts/web", {"Chart.yaml": CHART["Chart.yaml"], "templates/a.yaml": template}),
    }
    app = application(Source("https://example.org/a", "app", kustomize=options))
    found = await charts.renderer.render(app, (snapshot("c1", files),), replace(SURFACE, server_version="v1.29.1"))
    assert [obj["metadata"]["name"] for obj in found.unpack()] == [f"at-{minor}"]


@pytest.mark.neighbour
async def test_charts_of_kustomizations(charts: World) -> None:
    """`helmCharts` from the folder `charts` and from a repository; what is elsewhere is fetched, and followed."""
    kustomization = (
        "namePrefix: prod-\nhelmCharts:\n- {name: near, releaseName: a, valuesInline: {color: blue}}\n"
        "- {name: web, repo: https://charts.example, version: ^1, releaseName: b, skipTests: true, skipHooks: true}\n"
    )
    near = {"app/charts/near/Chart.yaml": "apiVersion: v2\nname: near\nversion: 0.1.0\n"}
    files = {"app/kustomization.yaml": kustomization, **near, "app/charts/near/templates/a.yaml": CHART["templates/shown.yaml"]}
    charts.elsewhere["helm chart web ^1 of https://charts.example"] = snapshot("1.2.3", CHART, "https://charts.example")
    assert await charts.names(APP, snapshot("c1", files)) == ["prod-a", "prod-b"]
    assert charts.renderer.elsewhere(APP.key) == {"https://charts.example#web"}
    assert await charts.names(APP, snapshot("c1", files)) == ["prod-a", "prod-b"]
    assert charts.requests == {"miss": 1, "hit": 1}


async def test_values_of_another_repository(world: World) -> None:
    """What one source refers to in another is part of what the render read, and a source that only has a `ref` gives nothing."""
    sources = (Source("https://example.org/a", "app"), Source("https://example.org/b", ref="values"))
    app = replace(APP, spec=replace(APP.spec, source=None, sources=sources))
    assert await world.names(app, snapshot("c1", FILES), snapshot("c2", {"a": "1"})) == ["prod-a"]
    assert await world.names(app, snapshot("c1", FILES), snapshot("c3", {"a": "2"})) == ["prod-a"]
    assert world.requests == {"miss": 1, "hit": 1}


async def test_what_is_lacking_is_followed(world: World) -> None:
    """A repository that could not be reached is among those to be asked again, and so is one whose base could not be built."""
    with pytest.raises(SourceError, match="is not there"):
        await world.names(APP, snapshot("c1", REMOTE))
    assert world.renderer.elsewhere(APP.key) == {"https://example.org/bases"}
    world.elsewhere[BASE] = snapshot("b1", {"web/kustomization.yaml": "resources: [missing.yaml]"}, "https://example.org/bases")
    with pytest.raises(RenderError, match=r"missing\.yaml"):
        await world.names(APP, snapshot("c1", REMOTE))
    assert world.renderer.elsewhere(APP.key) == {"https://example.org/bases"}


async def test_files_behind_urls(world: World) -> None:
    """A resource may be a file behind a URL; another content is another result."""
    url = "https://example.org/crds/v1/all.yaml"
    files: dict[str, str | bytes] = {"app/kustomization.yaml": f"resources: ['{url}']"}
    for name in ("one", "two"):
        world.elsewhere[url] = snapshot(name, {FILE: config_map(name)}, url)
        assert await world.names(APP, snapshot("c1", files)) == [name]


async def test_explains_in_a_child(world: World) -> None:
    """A render with a trace gives what it found, for the objects it was asked about; nothing of it is kept."""
    trace = Trace("ConfigMap", "a")
    found = await world.renderer.explain(APP, (snapshot("c1", FILES),), SURFACE, trace)
    (ref,) = found
    assert ref.name == "prod-a"
    name = next(field for field in found[ref] if field.field == "metadata.name")
    assert [str(step.place) for step in name.steps] == ["base/a.yaml:4:3", "app/kustomization.yaml:2:1: namePrefix"]
    assert not world.requests
    broken = {"app/kustomization.yaml": "resources: [gone.yaml]\n"}
    with pytest.raises(RenderError, match=r"gone\.yaml"):
        await world.renderer.explain(APP, (snapshot("c2", broken),), SURFACE, trace)


async def test_version_of_kustomize(world: World) -> None:
    """There is one engine: an application that asks for another version is told so."""
    rendered = await world.renderer.render(kustomized(KustomizeOptions(version="v4.5.7")), (snapshot("c1", FILES),), SURFACE)
    assert [obj["metadata"]["name"] for obj in rendered.unpack()] == ["prod-a"]
    (warning,) = rendered.warnings
    assert warning.startswith("spec.source.kustomize.version: 'v4.5.7' is passed over")

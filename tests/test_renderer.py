"""The renderer over the real engine in real children: its cache, its bounds, what else it fetches."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from gitopsd.children import Pool
from gitopsd.model.app import App, KustomizeOptions, Source
from gitopsd.model.errors import LimitError, Place, RenderError, SourceError
from gitopsd.model.source import Commit, Snapshot
from gitopsd.renderer import Renderer
from gitopsd.source.objects import objects_at
from gitopsd.source.tree import GitTree
from tests.contract.render_port import APP, SURFACE, application, config_map, snapshot
from tests.gitrepo import Repo


@dataclass
class World:
    """A renderer, the remote bases that it can fetch, and how its cache was used."""

    bases: dict[tuple[str, str], Snapshot] = field(default_factory=dict)
    requests: Counter[str] = field(default_factory=Counter)
    deadline: float = 60.0
    budget: int = 1 << 20
    renderer: Renderer = field(init=False)

    def __post_init__(self) -> None:
        self.pool = Pool("render", size=1)
        self.start()

    def start(self) -> None:
        """Begins anew, with these bounds."""

        def count(result: str) -> None:
            self.requests[result] += 1

        self.renderer = Renderer(self.pool, self.fetch, deadline=self.deadline, budget=self.budget, on_request=count)

    async def fetch(self, url: str, revision: str) -> Snapshot:
        if (url, revision) not in self.bases:
            raise SourceError(f"has no revision {revision!r}", url)
        return self.bases[url, revision]

    async def names(self, app: App, *snapshots: Snapshot) -> list[str]:
        """The names of the rendered objects."""
        return [obj["metadata"]["name"] for obj in (await self.renderer.render(app, snapshots, SURFACE)).objects]


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
    world.requests.clear()
    for app in reversed(apps):
        await world.names(app, snapshot("c1", files))
    assert world.requests["hit"] == 2


async def test_endless_render_is_ended(world: World) -> None:
    """A render that would take for ever (here by a hostile pattern) ends with its deadline; the error names the application."""
    world.deadline = 2.0
    world.start()
    patch = "patches:\n- target: {name: (a+)+b}\n  patch: '[{op: remove, path: /data}]'\n"
    files: dict[str, str | bytes] = {
        "app/kustomization.yaml": "resources: [a.yaml]\n" + patch,
        "app/a.yaml": config_map("a" * 60),
    }
    with pytest.raises(LimitError, match=r"argocd/web: rendering took longer than 2 s"):
        await world.names(APP, snapshot("c1", files))
    world.deadline = 60.0
    world.start()
    assert await world.names(APP, snapshot("c2", FILES)) == ["prod-a"]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (Source("https://x.org/a", "app", chart="redis"), "Helm charts are not supported yet"),
        (Source("https://x.org/a", "app", plugin={"name": "cdk8s"}), "plugins of Argo CD are not supported"),
        (Source("https://x.org/a", "chart"), r"chart/Chart\.yaml: Helm charts are not supported yet"),
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
        assert rendered.objects[0]["metadata"]["annotations"] == {"at": commit}
    named = kustomized(replace(annotated, common_annotations={"by": "${ARGOCD_APP_NAME}"}))
    first = await world.renderer.render(named, (snapshot("c1", FILES),), SURFACE)
    assert await world.renderer.render(named, (snapshot("c2", FILES),), SURFACE) is first


REMOTE = {**FILES, "app/kustomization.yaml": "resources:\n- https://example.org/bases//web?ref=v1\nnamePrefix: prod-\n"}


def base(commit: str, name: str) -> Snapshot:
    """A commit of the repository of bases."""
    files = {"web/kustomization.yaml": "resources: [b.yaml]\n", "web/b.yaml": config_map(name), "other": commit}
    return snapshot(commit, files, "https://example.org/bases")


async def test_remote_bases(world: World) -> None:
    """A base in another repository is fetched at its revision; it is rendered anew when what was read of it moved."""
    world.bases["https://example.org/bases", "v1"] = base("b1", "remote")
    assert await world.names(APP, snapshot("c1", REMOTE)) == ["prod-remote"]
    world.bases["https://example.org/bases", "v1"] = base("b2", "remote")
    assert await world.names(APP, snapshot("c1", REMOTE)) == ["prod-remote"]
    assert world.requests == {"miss": 1, "hit": 1}
    world.bases["https://example.org/bases", "v1"] = base("b3", "moved")
    assert await world.names(APP, snapshot("c1", REMOTE)) == ["prod-moved"]


async def test_remote_base_that_is_not_there(world: World) -> None:
    """A remote base that can't be had is an error of its repository."""
    with pytest.raises(SourceError, match=r"example\.org/bases: has no revision 'v1'"):
        await world.names(APP, snapshot("c1", REMOTE))


@pytest.mark.parametrize(
    "url", ["file:///etc//x?ref=v1", "http://example.org/bases//web?ref=v1", "git://example.org/b.git?ref=v1"]
)
async def test_remote_bases_are_remote(world: World, url: str) -> None:
    """What a repository names must not be this machine's own files, nor come where anybody may forge it."""
    files: dict[str, str | bytes] = {"app/kustomization.yaml": f"resources: ['{url}']\n"}
    with pytest.raises(RenderError, match="a remote base must be an https:// or ssh:// URL"):
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

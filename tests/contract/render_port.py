"""What every render port does, the real one and the fake: tests that both inherit."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from gitopsd.model.app import App, AppKey, AppSpec, Destination, Source
from gitopsd.model.errors import RenderError
from gitopsd.model.source import Commit, Snapshot
from gitopsd.model.surface import Surface
from gitopsd.model.tree import DictTree
from gitopsd.ports import RenderPort

SURFACE = Surface("v1.37.0", "digest", {})


def application(*sources: Source, name: str = "web") -> App:
    """An application of these sources."""
    return App(AppKey("argocd", name), AppSpec(Destination(name="in-cluster"), sources=sources))


def snapshot(commit: str, files: Mapping[str, str | bytes], repository: str = "https://example.org/a") -> Snapshot:
    """A commit of these files."""
    return Snapshot(repository, Commit(commit), DictTree(files))


def config_map(name: str, **data: str) -> str:
    """A manifest."""
    values = "".join(f"\n  {key}: '{value}'" for key, value in data.items()) or " {}"
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:{values}\n"


APP = application(Source("https://example.org/a", "app"))


class RenderPortContract:
    """Give it a fixture `port` (a RenderPort)."""

    async def test_renders_a_folder(self, port: RenderPort) -> None:
        """The manifests of the source's folder are the objects, in order; those of other folders are not."""
        files = {"app/b.yaml": config_map("b"), "app/a.yaml": config_map("a", key="1"), "other/c.yaml": config_map("c")}
        rendered = await port.render(APP, (snapshot("c1", files),), SURFACE)
        assert [obj["metadata"]["name"] for obj in rendered.unpack()] == ["a", "b"]
        assert rendered.unpack()[0]["data"] == {"key": "1"}

    async def test_same_object_while_nothing_changed(self, port: RenderPort) -> None:
        """What a commit changes elsewhere leaves the render the very same object; what it changes here does not."""
        files = {"app/a.yaml": config_map("a"), "other/c.yaml": config_map("c")}
        first = await port.render(APP, (snapshot("c1", files),), SURFACE)
        assert await port.render(APP, (snapshot("c1", files),), SURFACE) is first
        assert await port.render(APP, (snapshot("c2", {**files, "other/c.yaml": config_map("d")}),), SURFACE) is first
        changed = await port.render(APP, (snapshot("c3", {**files, "app/a.yaml": config_map("z")}),), SURFACE)
        assert changed is not first
        assert changed.unpack()[0]["metadata"]["name"] == "z"
        added = await port.render(APP, (snapshot("c4", {**files, "app/b.yaml": config_map("b")}),), SURFACE)
        assert len(added.unpack()) == 2

    async def test_what_is_forgotten_is_rendered_anew(self, port: RenderPort) -> None:
        """From the same files come the same objects, but not those that were kept; other applications keep theirs."""
        files = {"app/a.yaml": config_map("a"), "two/b.yaml": config_map("b")}
        two = application(Source("https://example.org/a", "two"), name="two")
        first = await port.render(APP, (snapshot("c1", files),), SURFACE)
        other = await port.render(two, (snapshot("c1", files),), SURFACE)
        port.forget(APP.key)
        again = await port.render(APP, (snapshot("c1", files),), SURFACE)
        assert again is not first
        assert again.unpack() == first.unpack()
        assert await port.render(two, (snapshot("c1", files),), SURFACE) is other

    async def test_applications_are_apart(self, port: RenderPort) -> None:
        """Each application has its own source, be the commit the same."""
        files = {"app/a.yaml": config_map("a"), "two/b.yaml": config_map("b")}
        two = application(Source("https://example.org/a", "two"), name="two")
        await port.render(APP, (snapshot("c1", files),), SURFACE)
        assert (await port.render(two, (snapshot("c1", files),), SURFACE)).unpack()[0]["metadata"]["name"] == "b"

    async def test_changed_source(self, port: RenderPort) -> None:
        """The same application with another path is another render."""
        files = {"app/a.yaml": config_map("a"), "two/b.yaml": config_map("b")}
        await port.render(APP, (snapshot("c1", files),), SURFACE)
        moved = application(Source("https://example.org/a", "two"))
        assert (await port.render(moved, (snapshot("c1", files),), SURFACE)).unpack()[0]["metadata"]["name"] == "b"

    async def test_missing_folder_and_mended(self, port: RenderPort) -> None:
        """A folder that is not there is an error that names it, each time; the commit that brings it mends it."""
        for _ in range(2):
            with pytest.raises(RenderError, match="app"):
                await port.render(APP, (snapshot("c1", {"other/a.yaml": config_map("a")}),), SURFACE)
        mended = await port.render(APP, (snapshot("c2", {"app/a.yaml": config_map("a")}),), SURFACE)
        assert len(mended.unpack()) == 1

    async def test_several_sources(self, port: RenderPort) -> None:
        """Sources follow one another in their order; one that is only referred to has no objects."""
        sources = (
            Source("https://example.org/a", "app"),
            Source("https://example.org/values", ref="values"),
            Source("https://example.org/b", "."),
        )
        snapshots = (
            snapshot("c1", {"app/z.yaml": config_map("z")}),
            snapshot("v1", {"values.yaml": "a: 1"}, "https://example.org/values"),
            snapshot("d1", {"a.yaml": config_map("a")}, "https://example.org/b"),
        )
        rendered = await port.render(application(*sources), snapshots, SURFACE)
        assert [obj["metadata"]["name"] for obj in rendered.unpack()] == ["z", "a"]

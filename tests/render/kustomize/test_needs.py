"""What a build can't compute: it asks, and is asked again with the answers."""

from __future__ import annotations

import pytest

from gitopsd.model.errors import RenderError
from gitopsd.model.tree import DictTree
from gitopsd.render.kustomize.build import build
from gitopsd.render.kustomize.remote import is_remote, parse_remote
from gitopsd.render.kustomize.settings import BuildSettings
from gitopsd.render.needs import Answer, InflateChart, Need, Needs, RemoteBase, RemoteChart, RemoteFile
from tests.render.kustomize.building import config_map

URL = "https://git.example/org/repo//deploy/base?ref=v1"
BASE = RemoteBase(URL, "https://git.example/org/repo", "deploy/base", "v1")


@pytest.mark.parametrize(
    ("url", "need"),
    [
        (URL, BASE),
        ("github.com/org/repo/deploy?ref=main", ("https://github.com/org/repo", "deploy", "main")),
        ("https://github.com/org/repo", ("https://github.com/org/repo", "", "")),
        ("git@git.example:org/repo.git/deploy?ref=v2", ("git@git.example:org/repo.git", "deploy", "v2")),
        ("git@git.example:org/repo//a/b", ("git@git.example:org/repo", "a/b", "")),
        ("ssh://git@git.example/org/repo.git//x?version=3", ("ssh://git@git.example/org/repo.git", "x", "3")),
        ("git::https://git.example/org/repo.git", ("https://git.example/org/repo.git", "", "")),
        ("file:///srv/repo//x", ("file:///srv/repo", "x", "")),
        ("gh:org/repo//deploy?ref=v1", ("https://github.com/org/repo", "deploy", "v1")),
        ("https://github.com/org/repo/a/b?timeout=120&ref=v1", ("https://github.com/org/repo", "a/b", "v1")),
        ("git::ssh://git@git.example/org/repo//x?ref=v1&submodules=false", ("ssh://git@git.example/org/repo", "x", "v1")),
        ("https://dev.example/org/project/_git/repo/x?version=1", ("https://dev.example/org/project/_git/repo", "x", "1")),
    ],
)
def test_urls(url: str, need: RemoteBase | tuple[str, str, str]) -> None:
    """Repository, path and ref of the forms that kustomize takes."""
    assert is_remote(url)
    assert parse_remote(url) == (need if isinstance(need, RemoteBase) else RemoteBase(url, *need))


def test_submodules_are_refused() -> None:
    """A base in a submodule would not be there: who asks for one learns what to write instead."""
    tree = DictTree({"kustomization.yaml": "resources: ['https://git.example/org/repo//x?submodules=true']"})
    with pytest.raises(RenderError, match=r"kustomization.yaml:1:13: resources\[0\]: .*submodules are not fetched"):
        build(tree, "")


@pytest.mark.parametrize("path", ["a.yaml", "../base", "./x", "deploy/base", "v1.0/x"])
def test_paths(path: str) -> None:
    """Paths are no URLs."""
    assert not is_remote(path)


def test_all_needs_of_a_build_are_asked_for_at_once() -> None:
    """The build goes as far as it can; an error that follows from what is missing is no error yet."""
    file = "https://example.com/raw/a.yaml"
    tree = DictTree(
        {"kustomization.yaml": f"resources: ['{URL}', '{file}']\npatches: [{{path: p.yaml}}]", "p.yaml": config_map("far")}
    )
    with pytest.raises(Needs) as asked:
        build(tree, "")
    assert asked.value.wanted == (BASE, RemoteFile(file))
    remote = DictTree(
        {"deploy/base/kustomization.yaml": "resources: [../far.yaml, ../more]", "deploy/far.yaml": config_map("far")}
    )
    with pytest.raises(Exception, match=r"https://git.example/org/repo//deploy/base/kustomization.yaml:1:13: .*security"):
        build(tree, "", answers={BASE: remote, RemoteFile(file): config_map("a").encode()})


def test_a_remote_base_is_a_base() -> None:
    """Its own bases are looked for in its own repository."""
    remote = DictTree(
        {
            "deploy/base/kustomization.yaml": "namePrefix: r-\nresources: [../more]",
            "deploy/more/kustomization.yaml": "resources: [a.yaml]",
            "deploy/more/a.yaml": config_map("a"),
        }
    )
    found = build(DictTree({"kustomization.yaml": f"resources: ['{URL}']"}), "", answers={BASE: remote})
    assert [obj["metadata"]["name"] for obj in found] == ["r-a"]


def test_charts_only_where_helm_is_enabled() -> None:
    """A chart's objects keep the namespace that its templates gave them."""
    tree = DictTree(
        {"kustomization.yaml": "namespace: mine\nhelmCharts: [{name: c, version: '1', repo: https://charts.example}]"}
    )
    with pytest.raises(Exception, match=r"kustomization.yaml:2:14: helmCharts\[0\]: helm chart 'c' can't be inflated"):
        build(tree, "")
    enabled = BuildSettings(enable_helm=True)
    with pytest.raises(Needs) as asked:
        build(tree, "", enabled)
    (where,) = asked.value.wanted
    assert where == RemoteChart("https://charts.example", "c", "1")
    answers: dict[Need, Answer] = {where: DictTree({"Chart.yaml": "name: c"})}
    with pytest.raises(Needs) as asked:
        build(tree, "", enabled, answers)
    (need,) = asked.value.wanted
    assert isinstance(need, InflateChart)
    answers[need] = b"{apiVersion: v1, kind: ConfigMap, metadata: {name: x, namespace: theirs}}"
    (found,) = build(tree, "", enabled, answers)
    assert found["metadata"] == {"name": "x", "namespace": "theirs"}

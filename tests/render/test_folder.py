"""Plain folders of manifests."""

from __future__ import annotations

import pytest

from gitopsd.model.app import DirectoryOptions
from gitopsd.model.errors import LimitError, RenderError
from gitopsd.model.tree import DictTree
from gitopsd.render.folder import render_folder
from gitopsd.render.kustomize.settings import BuildSettings
from gitopsd.render.limits import Limits


def manifest(name: str) -> str:
    """An object."""
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\n"


FILES = {
    "app/b.yaml": manifest("b1") + "---\n" + manifest("b2"),
    "app/a.yml": manifest("a"),
    "app/c.json": '{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}',
    "app/empty.yaml": "# nothing\n---\n",
    "app/README.md": "no manifest",
    "app/sub/d.yaml": manifest("d"),
    "app/sub/deep/e.yaml": manifest("e"),
    "other/f.yaml": manifest("f"),
}


def names(options: DirectoryOptions | None = None, files: dict[str, str] | None = None, path: str = "app") -> list[str]:
    """The names of the objects, in order."""
    objects = render_folder(DictTree(files or FILES), path, options or DirectoryOptions(), BuildSettings())
    return [obj["metadata"]["name"] for obj in objects]


def test_manifests_of_the_folder() -> None:
    """All documents of all manifests in the folder itself, in order of the files' names."""
    assert names() == ["a", "b1", "b2", "c"]


def test_recursion() -> None:
    """With `recurse` what is below follows what is beside."""
    assert names(DirectoryOptions(recurse=True)) == ["a", "b1", "b2", "c", "d", "e"]
    assert names(DirectoryOptions(recurse=True), path="") == ["a", "b1", "b2", "c", "d", "e", "f"]


@pytest.mark.parametrize(
    ("include", "exclude", "found"),
    [
        ("*.yml", "", "a"),
        ("{a,c}.*", "", "a c"),
        ("*.y?ml", "", "b1 b2 d e"),
        ("sub/*", "", "d e"),
        ("", "sub/*", "a b1 b2 c"),
        ("*", "{*.json,**/deep/*}", "a b1 b2 d"),
        ("[ab].*", "", "a b1 b2"),
        ("[!ab].*", "", "c"),
        ("a\\.yml", "", "a"),
        ("no-such", "", ""),
    ],
)
def test_globs(include: str, exclude: str, found: str) -> None:
    """`include` and `exclude` are globs over paths from the folder; what both match is excluded; `*` matches slashes."""
    assert names(DirectoryOptions(recurse=True, include=include, exclude=exclude)) == found.split()


def test_lists_and_marked_files() -> None:
    """A list stands for its items; a file that is marked to be skipped is no manifest."""
    items = "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: x}}\n"
    assert names(files={"app/a.yaml": items, "app/b.yaml": "# +argocd:skip-file-rendering\n[not, a, manifest]\n"}) == ["x"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a: [1\n", r"^app/x\.yaml:\d+"),
        ("just text", r"^app/x\.yaml: missing Resource metadata"),
        ("apiVersion: v1\nkind: ConfigMap\nmetadata: {}\n", r"^app/x\.yaml: missing metadata\.name"),
    ],
)
def test_what_is_no_manifest(content: str, message: str) -> None:
    """A file that is no manifest is an error that names it."""
    with pytest.raises(RenderError, match=message):
        names(files={"app/x.yaml": content})


def test_bounds() -> None:
    """Too many files, or objects, are a LimitError."""
    tree = DictTree({f"app/{number}.yaml": manifest(f"n{number}") for number in range(5)})
    for limits in (Limits(files=4), Limits(objects=4)):
        with pytest.raises(LimitError, match="holds more than 4"):
            render_folder(tree, "app", DirectoryOptions(), BuildSettings(limits=limits))

"""What `resources:` takes, and what it refuses."""

from __future__ import annotations

import pytest

from gitopsd.model.errors import LimitError
from gitopsd.render.kustomize.settings import BuildSettings, LoadRestrictor
from gitopsd.render.limits import Limits
from tests.render.kustomize.building import built, config_map, refusal


def names(objects: list[dict[str, dict[str, str]]]) -> list[str]:
    """The objects' names, in order."""
    return [obj["metadata"]["name"] for obj in objects]


def test_files_and_bases_in_the_order_they_are_named() -> None:
    """A folder stands for all that its kustomization gives; the order is that of the entries."""
    files = {
        "top/kustomization.yaml": "resources: [b.yaml, ../base, a.yaml]",
        "top/a.yaml": config_map("a"),
        "top/b.yaml": config_map("b"),
        "base/kustomization.yml": "resources: [c.yaml]",
        "base/c.yaml": config_map("c"),
    }
    assert names(built(files, "top")) == ["b", "c", "a"]


def test_the_old_name_of_resources() -> None:
    """`bases` come behind `resources`."""
    files = {"top/Kustomization": "bases: [../base]\nresources: [a.yaml]", "top/a.yaml": config_map("a")}
    files |= {"base/kustomization.yaml": "resources: [c.yaml]", "base/c.yaml": config_map("c")}
    assert names(built(files, "top")) == ["a", "c"]


def test_lists_give_their_items_and_empty_documents_nothing() -> None:
    """`kind: List` is taken apart; comments and empty documents are no objects."""
    text = (
        f"# nothing\n---\n---\nkind: List\nitems:\n- {{apiVersion: v1, kind: X, metadata: {{name: a}}}}\n---\n{config_map('b')}"
    )
    assert names(built({"kustomization.yaml": "resources: [all.yaml]", "all.yaml": text})) == ["b", "a"]


def test_keys_in_any_case() -> None:
    """As Go reads JSON, a field's name matches whatever its case."""
    assert names(built({"kustomization.yaml": "Resources: [a.yaml]\nnameprefix: p-", "a.yaml": config_map("a")})) == ["p-a"]


@pytest.mark.parametrize(
    ("files", "error"),
    [
        (
            {"kustomization.yaml": "resources:\n- a.yaml\n- gone.yaml", "a.yaml": config_map("a")},
            "yaml:3:3: resources[1]: gone.yaml does not exist",
        ),
        (
            {"kustomization.yaml": "resources: [a.yaml]\nnameprefx: p-"},
            "yaml:2:1: nameprefx: invalid Kustomization: unknown field",
        ),
        (
            {"kustomization.yaml": "resources: [a.yaml]\nimages: [{name: a, newTag: 1.5}]"},
            "images[0].newTag: invalid Kustomization: must be a str",
        ),
        ({"kustomization.yaml": "resources: a.yaml"}, "kustomization.yaml:1:1: resources: invalid Kustomization: must be a list"),
        ({"kustomization.yaml": "kind: Kustomization"}, "kustomization.yaml is empty"),
        ({"kustomization.yaml": "kind: Deployment\nresources: []"}, "yaml:1:1: kind: kind should be Kustomization or Component"),
        (
            {"kustomization.yaml": "resources: [a.yaml, a.yaml]", "a.yaml": config_map("a")},
            "resources[1]: may not add resource with an already registered id: ConfigMap",
        ),
        ({"kustomization.yaml": "resources: [/etc/passwd]"}, "/etc/passwd is an absolute path"),
        ({"kustomization.yaml": "resources: [../../up]"}, "../../up leads out of the repository"),
        ({"kustomization.yaml": "resources: [a.yaml]", "a.yaml": "kind: X"}, "a.yaml:1:1: missing metadata.name"),
        ({"a.yaml": "x"}, "unable to find one of 'kustomization.yaml'"),
    ],
)
def test_refusals_name_file_line_and_field(files: dict[str, str], error: str) -> None:
    """Each error says where, and what is wrong there."""
    assert error in refusal(files)


def test_bases_may_not_form_a_cycle() -> None:
    """A base that includes what includes it is refused, and so is a folder above."""
    files = {"a/kustomization.yaml": "resources: [../b]", "b/kustomization.yaml": "resources: [../a]"}
    assert "b/kustomization.yaml:1:13: resources[0]: cycle detected: candidate root 'a' contains visited root 'a'" in refusal(
        files, "a"
    )


def test_files_outside_the_root_only_where_allowed() -> None:
    """The load restrictor keeps files in their kustomization's folder; it can be lifted, but not to leave the tree."""
    files = {"a/kustomization.yaml": "resources: [../x.yaml]", "x.yaml": config_map("x")}
    assert "security; file 'x.yaml' is not in or below 'a'" in refusal(files, "a")
    assert names(built(files, "a", BuildSettings(load_restrictor=LoadRestrictor.NONE))) == ["x"]


@pytest.mark.parametrize(
    ("bound", "limits"),
    [("objects", Limits(objects=1)), ("files", Limits(files=1)), ("roots", Limits(roots=0)), ("bytes", Limits(bytes=1))],
)
def test_bounds(bound: str, limits: Limits) -> None:
    """Past a bound the build ends with a LimitError that names it."""
    files = {"a/kustomization.yaml": "resources: [../b]", "b/kustomization.yaml": "resources: [x.yaml, y.yaml]"}
    files |= {"b/x.yaml": config_map("x"), "b/y.yaml": config_map("y")}
    with pytest.raises(LimitError, match=f"more than .* {bound}"):
        built(files, "a", BuildSettings(limits=limits))


def test_layers_are_bounded() -> None:
    """A chain of bases ends at the bound."""
    files = {f"l{n}/kustomization.yaml": f"resources: [../l{n + 1}]" for n in range(9)} | {
        "l9/kustomization.yaml": "resources: []"
    }
    assert built(files, "l0") == []
    with pytest.raises(LimitError, match="more than 3 layers deep"):
        built(files, "l0", BuildSettings(limits=Limits(layers=3)))

"""`gitopsd explain`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.running import run
from tests.gitrepo import Repo

FILES = {
    "base/kustomization.yaml": "resources: [web.yaml]\nsecretGenerator: [{name: key, literals: [password=hunter2]}]\n",
    "base/web.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  replicas: 1\n  paused: false\n",
    "prod/kustomization.yaml": "resources: [../base]\nnamePrefix: prod-\nreplicas:\n- {name: web, count: 3}\n",
}


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Path]:
    """A base and an overlay, in the folder in which commands run."""
    for name, content in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    with contextlib.chdir(tmp_path):
        yield tmp_path


def test_text(here: Path) -> None:
    """A field with its value, and below it each step: where, the value then, what did it and who asked."""
    ran = run("explain", "prod", "Deployment/web", "spec.replicas")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines() == [
        "Deployment/prod-web",
        "  spec.replicas: 3",
        "      base/web.yaml:6:3             1  resource, resources[0] in base/kustomization.yaml:1",
        "      prod/kustomization.yaml:4:15  3  ReplicaCountTransformer, replicas[0]",
    ]


def test_json(here: Path) -> None:
    """For programs: every object of the name, with all its fields, values as they are."""
    (found,) = run("explain", "prod", "deployment/prod-web", "-o", "json").json
    assert found["object"] == {"group": "apps", "kind": "Deployment", "namespace": "", "name": "prod-web"}
    fields = {field["field"]: field for field in found["fields"]}
    assert list(fields) == ["apiVersion", "kind", "metadata.name", "spec.replicas", "spec.paused"]
    assert fields["spec.paused"]["value"] is False
    assert fields["spec.paused"]["origin"] == {"file": "base/web.yaml", "line": 7, "column": 3, "field": None, "commit": None}
    assert [step["value"] for step in fields["metadata.name"]["steps"]] == ["web", "prod-web"]
    assert fields["metadata.name"]["steps"][1]["asked"]["file"] == "prod/kustomization.yaml"


def test_below_a_field(here: Path) -> None:
    """A field that is no leaf stands for all below it; a leading dot is as good."""
    for field in ("spec", ".spec"):
        (found,) = run("explain", "prod", "Deployment/web", field, "-o", "json").json
        assert [one["field"] for one in found["fields"]] == ["spec.replicas", "spec.paused"]


def test_a_commit(here: Path) -> None:
    """With `--repo` paths are those of the repository."""
    repo = Repo(here / "repo")
    first = repo.commit(dict(FILES))
    repo.commit({"prod/kustomization.yaml": "resources: [../base]\n"})
    ran = run("explain", "prod", "Deployment/web", "spec.replicas", "--repo", repo.url, "--revision", first)
    assert "prod/kustomization.yaml:4:15" in ran.out
    assert "prod/" not in run("explain", "prod", "Deployment/web", "spec.replicas", "--repo", repo.url).out


def test_who_wrote_a_line(here: Path) -> None:
    """With `--repo` each place has the commit that last wrote its line, its author and time."""
    repo = Repo(here / "repo")
    first = repo.commit(dict(FILES), message="Begin")
    more = {"prod/kustomization.yaml": FILES["prod/kustomization.yaml"].replace("count: 3", "count: 4")}
    second = repo.commit(FILES | more, message="Scale web up")
    (found,) = run("explain", "prod", "Deployment/web", "spec.replicas", "--repo", repo.url, "-o", "json").json
    base, overlay = (step["place"]["commit"] for step in found["fields"][0]["steps"])
    assert (base["id"], base["message"]) == (first, "Begin")
    author = {"author": "Ada Lovelace", "email": "ada@example.org", "time": "2023-11-14T23:13:20+01:00"}
    assert overlay == {"id": second, "message": "Scale web up"} | author
    text = run("explain", "prod", "Deployment/web", "spec.replicas", "--repo", repo.url).out
    assert text.splitlines()[-1].endswith(f"replicas[0], {second[:10]} by Ada Lovelace on 2023-11-14")


def test_secrets_stay_hidden(here: Path) -> None:
    """Where a Secret's value comes from can be asked; what it is, is `render`'s to say."""
    for output in ("text", "json"):
        ran = run("explain", "prod", "Secret/key", "data", "-o", output)
        assert (ran.code, "<hidden>" in ran.out, "aHVudGVyMg" in ran.out) == (0, True, False)
    assert "base/kustomization.yaml:2:" in run("explain", "prod", "Secret/key", "data.password").out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("Deployment",), "KIND/NAME"),
        (("Deployment/a/b/c",), "KIND/NAME"),
        (("Deployment/other",), "Deployment/prod-web"),
        (("Service/web",), "Deployment, Secret"),
        (("Deployment/web", "spec.nothing"), "has no field spec.nothing"),
    ],
)
def test_what_is_not_there(here: Path, words: tuple[str, ...], says: str) -> None:
    """The error says what there is instead."""
    ran = run("explain", "prod", *words)
    assert (ran.code, ran.out) == (1, "")
    assert says in ran.err

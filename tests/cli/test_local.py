"""`gitopsd render`, `health` and `config`: commands that need no daemon."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.running import run
from tests.gitrepo import Repo

ROOT = Path(__file__).parents[2]
KUBECTL = Path(sys.executable).parent / "kubectl"
DEPLOYMENT = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n"
FILES = {
    "base/kustomization.yaml": "resources: [web.yaml]\n",
    "base/web.yaml": DEPLOYMENT,
    "prod/kustomization.yaml": "namePrefix: prod-\nresources: [../base, namespace.yaml]\n",
    "prod/namespace.yaml": "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n",
    "broken/kustomization.yaml": "resources: [../base, missing.yaml]\n",
    "outside/kustomization.yaml": "resources: [../base/web.yaml]\n",
    "plain/web.yaml": DEPLOYMENT,
}


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Path]:
    """A folder with bases and overlays, which is where commands run."""
    for name, content in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    with contextlib.chdir(tmp_path):
        yield tmp_path


def test_render_prints_what_kustomize_does(here: Path) -> None:
    """Byte for byte, wherever the folder is named from; a base may stand above it."""
    wanted = subprocess.run([KUBECTL, "kustomize", "prod"], capture_output=True, text=True, check=True).stdout
    for path in ("prod", "./prod/", str(here / "prod"), "base/../prod"):
        ran = run("render", path)
        assert (ran.code, ran.out, ran.err) == (0, wanted, "")
    with contextlib.chdir(here / "prod"):
        assert run("render", ".").out == wanted


@pytest.mark.parametrize("overlay", ["dev", "stage", "prod"])
def test_render_of_the_sample_repository(overlay: str) -> None:
    """The overlays in manifests/ come out as kustomize prints them."""
    folder = str(ROOT / "manifests" / "ops" / "overlays" / overlay)
    assert (
        run("render", folder).out
        == subprocess.run([KUBECTL, "kustomize", folder], capture_output=True, text=True, check=True).stdout
    )


def test_render_options(here: Path) -> None:
    """JSON is one List for programs; order and restriction are kustomize's."""
    listed = run("render", "prod", "-o", "json").json
    assert (listed["kind"], [item["kind"] for item in listed["items"]]) == ("List", ["Namespace", "Deployment"])
    unsorted = run("render", "prod", "--reorder", "none", "-o", "json").json
    assert [item["kind"] for item in unsorted["items"]] == ["Deployment", "Namespace"]
    assert run("render", "outside").code == 1
    assert "kind: Deployment" in run("render", "outside", "--load-restrictor", "LoadRestrictionsNone").out


def test_render_of_plain_files(here: Path) -> None:
    """A folder without kustomization is its manifests."""
    assert run("render", "plain").out == "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n"


def test_render_of_a_commit(here: Path) -> None:
    """With `--repo` the disk does not matter: the commit does."""
    repo = Repo(here / "repo")
    first = repo.commit({"prod/web.yaml": DEPLOYMENT})
    repo.commit({"prod/web.yaml": DEPLOYMENT.replace("web", "shop")})
    assert "name: shop" in run("render", "prod", "--repo", repo.url).out
    assert "name: web" in run("render", "prod", "--repo", repo.url, "--revision", first).out
    ran = run("render", "prod", "--repo", repo.url, "--revision", "nowhere")
    assert (ran.code, ran.err.count("\n")) == (1, 1)


def test_render_names_the_place_of_an_error(here: Path) -> None:
    """File, line and field, as they look from here; absolute where that is elsewhere."""
    ran = run("render", "broken")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("gitopsd: broken/kustomization.yaml:1:")
    assert "missing.yaml" in ran.err
    with contextlib.chdir("/"):
        assert run("render", str(here / "broken")).err.startswith(f"gitopsd: {str(here)[1:]}/broken/kustomization.yaml:1:")
    with contextlib.chdir(here / "prod"):
        assert run("render", "../broken").err.startswith(f"gitopsd: {here}/broken/kustomization.yaml:1:")
    assert "'base/web.yaml' is not in or below 'outside'" in run("render", "outside").err
    assert run("render", "nowhere").err.startswith("gitopsd: nowhere is no folder")


def test_render_from_disk_needs_no_git(here: Path) -> None:
    """Neither libgit2, an event loop nor pydantic is loaded, nor what makes dataclasses or paths: that keeps its start short."""
    script = "import sys; from gitopsd.cli import main; main(['render', 'prod']); print(*sys.modules)"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment)
    loaded = set(done.stdout.splitlines()[-1].split())
    heavy = {"pygit2", "asyncio", "pydantic", "fastapi", "sqlalchemy", "kubernetes", "aiohttp", "ssl", "rich"}
    assert loaded & (heavy | {"dataclasses", "inspect", "pathlib", "urllib.parse"}) == set()


def test_health_of_objects_in_a_file(here: Path) -> None:
    """One JSON object a line, in the order of the file, from YAML or JSON."""
    ran = run("health", "-f", "plain/web.yaml")
    assert [json.loads(line)["name"] for line in ran.out.splitlines()] == ["web"]
    assert set(json.loads(ran.out)) == {"kind", "name", "status", "message"}
    (here / "two.json").write_text('{"kind": "Pod", "metadata": {"name": "a"}}\n{"kind": "Pod", "metadata": {"name": "b"}}')
    assert [json.loads(line)["name"] for line in run("health", "-f", "two.json").out.splitlines()] == ["a", "b"]
    missing = run("health", "-f", "nowhere.yaml")
    assert (missing.code, missing.err) == (1, "gitopsd: nowhere.yaml: can't be read: No such file or directory\n")


def test_health_of_standard_input() -> None:
    """`-` is standard input."""
    words = [sys.executable, "-m", "gitopsd", "health", "-f", "-"]
    done = subprocess.run(words, input=DEPLOYMENT, capture_output=True, text=True, check=True, cwd=ROOT)
    assert json.loads(done.stdout)["kind"] == "Deployment"


def test_health_by_own_rules(here: Path) -> None:
    """`--config` has the rules of a configuration heeded."""
    rule = "{apiVersion: v1, kind: Pod, current: \"metadata.name == 'a'\", message: \"metadata.name + '!'\"}"
    (here / "config.yaml").write_text(f"apiVersion: gitopsd.dev/v1alpha1\nkind: Config\nhealth: {{rules: [{rule}]}}\n")
    (here / "pod.json").write_text('{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}}')
    ran = run("health", "-f", "pod.json", "--config", "config.yaml")
    assert json.loads(ran.out) == {"kind": "Pod", "name": "a", "status": "Healthy", "message": "a!"}
    assert json.loads(run("health", "-f", "pod.json").out)["status"] == "Unknown"


def test_config_check_and_schema(here: Path) -> None:
    """What is wrong is said by file and line, exit code 1; the schema is JSON."""
    good = "apiVersion: gitopsd.dev/v1alpha1\nkind: Config\n"
    (here / "good.yaml").write_text(good)
    assert run("config", "check", "good.yaml").code == 0
    (here / "bad.yaml").write_text(good + "polling: {intervall: 5s}\n")
    ran = run("config", "check", "bad.yaml")
    assert (ran.code, ran.out) == (1, "")
    assert "bad.yaml:3" in ran.err
    assert run("config", "schema").json["title"]


def test_run_says_what_is_wrong_with_its_configuration(here: Path) -> None:
    """One sentence, exit code 1."""
    ran = run("run", "--config", "nowhere.yaml")
    assert (ran.code, ran.err.count("\n")) == (1, 1)
    assert "nowhere.yaml" in ran.err


def test_render_with_a_remote_base(here: Path) -> None:
    """A base in another repository is fetched, at the commit of its ref; on the own machine that may be a file:// URL."""
    repo = Repo(here / "bases")
    repo.commit({"web/kustomization.yaml": "resources: [web.yaml]", "web/web.yaml": DEPLOYMENT})
    (here / "remote").mkdir()
    (here / "remote/kustomization.yaml").write_text(f"namePrefix: far-\nresources: ['file://{repo.path}//web?ref=main']\n")
    assert "name: far-web" in run("render", "remote").out
    repo.commit({"web/kustomization.yaml": "resources: [web.yaml]", "web/web.yaml": DEPLOYMENT.replace("web", "shop")})
    assert "name: far-shop" in run("render", "remote").out


def test_render_of_a_chart(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Charts need --enable-helm, and the program: each is said where it lacks. A script stands in for helm."""
    (here / "chart").mkdir()
    (here / "chart/Chart.yaml").write_text("name: web\n")
    assert "Helm is not enabled" in run("render", "chart").err
    monkeypatch.setenv("PATH", str(here))
    assert "there is no program 'helm'" in run("render", "chart", "--enable-helm").err
    program = here / "helm"
    program.write_text("#!/bin/sh\necho '{apiVersion: v1, kind: ConfigMap, metadata: {name: from-helm}}'\n")
    program.chmod(0o755)
    assert "name: from-helm" in run("render", "chart", "--enable-helm").out

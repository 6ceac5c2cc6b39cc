"""Applications from resources of the cluster: raw objects in, applications and what is wrong with them out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gitopsd.config import ConfigErrors, Scan, load_config
from gitopsd.config.resources import REFRESH, ApplicationResources, joined
from gitopsd.model.app import App, AppKey, AppSpec, Destination, Source
from gitopsd.model.project import UNRESTRICTED, Project, ProjectSpec

KEY = AppKey("argocd", "web")


def resource(**spec: Any) -> dict[str, Any]:
    """A resource as an API server gives it."""
    metadata = {"name": "web", "namespace": "argocd", "uid": "u", "resourceVersion": "5", "generation": 3, "managedFields": []}
    wanted = {"destination": {"name": "here"}, "source": {"repoURL": "r", "path": "p"}}
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": metadata, "spec": wanted | spec}


def read(found: dict[str, Any], reader: ApplicationResources | None = None) -> Scan:
    """A scan where this is the only one."""
    return (reader or ApplicationResources(None)).scan({KEY: found}, {})


def test_a_resource_is_an_application() -> None:
    """Status and what the server keeps in metadata are none of it; its origin is its name."""
    given = {**resource(), "status": {"sync": {"status": "Synced"}}, "operation": {"sync": {}}}
    assert read(given).apps == (
        App(KEY, AppSpec(Destination(name="here"), source=Source("r", "p")), origin="Application argocd/web"),
    )


def test_fields_of_a_newer_argo_cd_are_warned_of() -> None:
    """They are no reason to refuse the rest."""
    scan = read(resource(brandNew={"a": 1}, source={"repoURL": "r", "path": "p", "kustomize": {"newest": True}}))
    assert [app.key for app in scan.apps] == [KEY]
    assert [str(warning) for warning in scan.warnings] == [
        'Application argocd/web: spec.source.kustomize.newest: unknown field "newest"',
        'Application argocd/web: spec.brandNew: unknown field "brandNew"',
    ]


def test_of_a_broken_one_the_last_good_version_goes_on() -> None:
    """The problem names resource and field."""
    reader = ApplicationResources(None)
    good = read(resource(), reader=reader)
    broken = read(resource(destination={}), reader=reader)
    assert broken.apps == good.apps
    assert [str(problem) for problem in broken.problems] == [
        "Application argocd/web: spec.destination: must have exactly one of server and name"
    ]
    assert read(resource(destination={})).apps == ()


def test_what_declares_the_same_is_the_same() -> None:
    """A status and a request make no new application of it: the very value is given again."""
    reader = ApplicationResources(None)
    (first,) = read(resource(), reader=reader).apps
    later = resource() | {"status": {"sync": {}}}
    later["metadata"] = later["metadata"] | {"resourceVersion": "6", "annotations": {REFRESH: "normal"}}
    (second,) = read(later, reader=reader).apps
    assert second is first


def test_a_file_counts_where_both_declare_one() -> None:
    """The problem names both."""
    (found,) = read(resource()).apps
    file = Scan((App(KEY, AppSpec(Destination(name="here"), source=Source("f", "f")), origin="apps/web.yaml:1"),))
    both = joined(file, Scan((found,)))
    assert both.apps == file.apps
    (problem,) = both.problems
    assert str(problem) == (
        "Application argocd/web: application argocd/web stands in apps/web.yaml:1 too, and that one counts: "
        "remove or rename one of them"
    )


def test_resources_need_the_cluster_they_are_in(tmp_path: Path) -> None:
    """Which one it is, its server says."""
    text = "apiVersion: gitopsd.dev/v1alpha1\nkind: Config\nclusters: [{name: west, kubeconfig: k}]\n"
    (tmp_path / "config.yaml").write_text(text + "applications: [{cluster: {selector: a=b}}]\n")
    with pytest.raises(ConfigErrors, match=r"applications\[0\].cluster: needs an entry of clusters whose server is https"):
        load_config(tmp_path / "config.yaml", {})


def test_projects_of_the_cluster() -> None:
    """AppProjects are read beside the applications; a strange one keeps its last good version, or permits nothing."""
    reader = ApplicationResources(None)
    given = resource() | {"kind": "AppProject", "spec": {"sourceRepos": ["r"]}}
    (app,) = reader.scan({KEY: resource(project="web")}, {KEY: given}).with_projects
    assert app.project
    assert app.project.spec.source_repos == ("r",)
    strange = given | {"spec": {"sourceRepos": ["r"], "brandNewDenial": ["*"]}}
    scan = reader.scan({KEY: resource(project="web")}, {KEY: strange})
    assert [kept.project for kept in scan.with_projects] == [app.project]
    assert "brandNewDenial" in str(scan.problems[0])
    (app,) = ApplicationResources(None).scan({KEY: resource(project="web")}, {KEY: strange}).with_projects
    assert app.project is None


def test_applications_wait_for_projects_that_are_not_known_yet() -> None:
    """Until the cluster has told its projects, only applications whose project stands in a file are taken up."""
    cluster = ApplicationResources(None).scan({KEY: resource()}, None)
    file = App(AppKey("argocd", "shop"), AppSpec(Destination(name="here"), project="shop"))
    both = joined(Scan((file,), projects={"shop": UNRESTRICTED}), cluster)
    assert [app.key for app in both.with_projects] == [file.key]


def project(namespace: str, **spec: Any) -> dict[str, Any]:
    """An AppProject `web` as an API server gives it."""
    metadata = {"name": "web", "namespace": namespace, "uid": "u", "resourceVersion": "5"}
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject", "metadata": metadata, "spec": spec}


def test_of_two_projects_the_first_counts_or_that_of_a_file() -> None:
    """Applications of that project say where the other one is."""
    found = {AppKey(home, "web"): project(home, description=home) for home in ("a", "b")}
    scan = ApplicationResources(None).scan({KEY: resource(project="web")}, found)
    assert scan.complaints == {
        KEY: "AppProject b/web: project web stands in AppProject a/web too, and that one counts: remove or rename one of them"
    }
    (app,) = scan.with_projects
    assert app.project
    assert app.project.namespace == "a"
    file = Scan((), projects={"web": Project("web", ProjectSpec(), origin="apps/web.yaml:1")})
    both = joined(file, scan)
    assert both.projects == file.projects
    assert "project web stands in apps/web.yaml:1 too, and that one counts" in both.complaints[KEY]


def test_applications_say_what_is_wrong_with_their_project() -> None:
    """Unless there is something wrong with themselves."""
    other = AppKey("argocd", "other")
    wrong = resource(project="web", destination={})
    wrong["metadata"] = wrong["metadata"] | {"name": "other"}
    broken = {AppKey("a", "web"): project("a", sourceRepo=[])}
    scan = ApplicationResources(None).scan({KEY: resource(project="web"), other: wrong}, broken)
    assert scan.complaints == {
        KEY: 'AppProject a/web: spec.sourceRepo: unknown field "sourceRepo", did you mean "sourceRepos"?',
        other: "Application argocd/other: spec.destination: must have exactly one of server and name",
    }

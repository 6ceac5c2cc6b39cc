from __future__ import annotations

from pathlib import Path

from gitopsd.config import check
from tests.config.test_files import app, broken

HEAD = "apiVersion: gitopsd.dev/v1alpha1\nkind: Config\n"


def test_configuration_and_its_applications(tmp_path: Path) -> None:
    """Errors of the applications that a configuration names are errors of the check; good ones are counted."""
    (tmp_path / "config.yaml").write_text(f"{HEAD}applications: [{{file: '*.app'}}, {{cluster: {{selector: a}}}}]\n")
    (tmp_path / "one.app").write_text(f"{app('a')}---\n{broken('b')}")
    report = check(tmp_path / "config.yaml")
    assert report.applications == 1
    assert ["repourl" in str(error) or "repoURL" in str(error) for error in report.errors] == [True, True]


def test_broken_configuration(tmp_path: Path) -> None:
    """All errors of the configuration are reported."""
    (tmp_path / "config.yaml").write_text(f"{HEAD}a: 1\nb: 2\n")
    assert len(check(tmp_path / "config.yaml").errors) == 2


def test_file_of_applications(tmp_path: Path) -> None:
    """A file of applications can be checked by itself; which clusters there are is then nobody's question."""
    (tmp_path / "a.yaml").write_text(app("a").replace("in-cluster", "east"))
    assert check(tmp_path / "a.yaml").errors == ()
    assert check(tmp_path / "a.yaml").applications == 1


def test_missing_file(tmp_path: Path) -> None:
    """A file that is not there is an error, not a crash."""
    (error,) = check(tmp_path / "a.yaml").errors
    assert "can't be read" in str(error)


def test_applications_against_their_projects(tmp_path: Path) -> None:
    """What a project does not permit of an application is an error where the application stands."""
    (tmp_path / "config.yaml").write_text(f"{HEAD}applications: [{{file: '*.app'}}]\n")
    project = "apiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata: {name: default}\nspec: {sourceRepos: ['*']}\n"
    (tmp_path / "one.app").write_text(f"{app('a')}---\n{project}")
    report = check(tmp_path / "config.yaml")
    (error,) = report.errors
    assert str(error).startswith(f"{tmp_path}/one.app:1: spec: project default does not permit the namespace")

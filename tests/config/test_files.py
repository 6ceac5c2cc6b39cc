from __future__ import annotations

import os
from pathlib import Path

import pytest

from gitopsd.config import ApplicationFiles, Config, Scan, load_config

APP = """\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {{name: {name}}}
spec: {{source: {{repoURL: u, path: {path}}}, destination: {{name: in-cluster}}}}
"""


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """A configuration with its applications in apps/."""
    (tmp_path / "apps").mkdir()
    (tmp_path / "config.yaml").write_text(
        "apiVersion: gitopsd.dev/v1alpha1\nkind: Config\napplications: [{file: apps/**/*.yaml}]\n",
    )
    return load_config(tmp_path / "config.yaml", {})


def app(name: str, path: str = "p") -> str:
    """An Application."""
    return APP.format(name=name, path=path)


def broken(name: str) -> str:
    """An Application with a typing error in its spec."""
    return app(name).replace("repoURL", "repourl")


def paths(scan: Scan) -> dict[str, str]:
    """The path of each application's source, which tells one version of it from another."""
    return {found.key.name: found.sources[0].path for found in scan.apps}


def problems(scan: Scan, folder: Path) -> list[str]:
    """What is wrong, without the folder's name."""
    return [str(problem).replace(f"{folder}/", "") for problem in scan.problems]


def test_all_documents_of_all_files(tmp_path: Path, config: Config) -> None:
    """Each file may hold many documents, in folders of any depth; hidden ones, and other names, are left out."""
    apps = tmp_path / "apps"
    for folder in ("deep/er", "..2026_data", ".git"):
        (apps / folder).mkdir(parents=True)
    (apps / "a.yaml").write_text(f"{app('a')}---\n{app('b')}---\n")
    (apps / "deep/er/c.yaml").write_text(app("c"))
    for hidden in ("..2026_data/x.yaml", ".git/x.yaml", ".x.yaml", "x.txt"):
        (apps / hidden).write_text(app("x"))
    scan = ApplicationFiles(config).scan()
    assert [found.key.name for found in scan.apps] == ["a", "b", "c"]
    assert scan.problems == scan.warnings == ()


def test_list_as_kubectl_prints_it(tmp_path: Path, config: Config) -> None:
    """`kubectl get applications -o yaml > all.yaml` is a file of applications; errors in it have their place."""
    items = "".join(f"- {text.replace(chr(10), chr(10) + '  ').rstrip()}\n" for text in (app("a"), broken("b")))
    (tmp_path / "apps/all.yaml").write_text(f"apiVersion: v1\nkind: List\nitems:\n{items}")
    scan = ApplicationFiles(config).scan()
    assert list(paths(scan)) == ["a"]
    assert 'apps/all.yaml:11:19: spec.source.repourl: unknown field "repourl", did you mean "repoURL"?' in problems(
        scan, tmp_path
    )


def test_changed_file_is_taken_up(tmp_path: Path, config: Config) -> None:
    """A scan sees what was changed, added and removed since the last one."""
    files = ApplicationFiles(config)
    (tmp_path / "apps/a.yaml").write_text(app("a", "old"))
    (tmp_path / "apps/b.yaml").write_text(app("b"))
    assert paths(files.scan()) == {"a": "old", "b": "p"}
    (tmp_path / "apps/a.yaml").write_text(app("a", "new"))
    (tmp_path / "apps/b.yaml").unlink()
    (tmp_path / "apps/c.yaml").write_text(app("c"))
    assert paths(files.scan()) == {"a": "new", "c": "p"}


def test_unchanged_application_is_the_same_value(tmp_path: Path, config: Config) -> None:
    """Who compares by identity sees at once that nothing has changed, also where only the time stamp has."""
    files = ApplicationFiles(config)
    (tmp_path / "apps/a.yaml").write_text(app("a"))
    first = files.scan().apps[0]
    os.utime(tmp_path / "apps/a.yaml", (1, 1))
    assert files.scan().apps[0] is first
    assert files.scan().apps[0] is first


def test_broken_document_keeps_the_last_good_version(tmp_path: Path, config: Config) -> None:
    """A typing error leaves the application as it was, is said until it is mended, and holds nobody else up."""
    files = ApplicationFiles(config)
    file = tmp_path / "apps/a.yaml"
    file.write_text(f"{app('a', 'good')}---\n{app('b', 'old')}")
    files.scan()
    file.write_text(f"{broken('a')}---\n{app('b', 'new')}")
    for _ in range(2):
        scan = files.scan()
        assert paths(scan) == {"a": "good", "b": "new"}
        assert 'apps/a.yaml:4:17: spec.source.repourl: unknown field "repourl", did you mean "repoURL"?' in problems(
            scan, tmp_path
        )
        assert {str(problem.app) for problem in scan.problems} == {"argocd/a"}
    file.write_text(app("a", "mended"))
    assert paths(files.scan()) == {"a": "mended"}
    assert files.scan().problems == ()


def test_broken_from_the_start(tmp_path: Path, config: Config) -> None:
    """An application that was never good is not there, but its problem names it."""
    (tmp_path / "apps/a.yaml").write_text(broken("a"))
    scan = ApplicationFiles(config).scan()
    assert scan.apps == ()
    assert {str(problem.app) for problem in scan.problems} == {"argocd/a"}


@pytest.mark.parametrize("text", ["a: [", app("a").replace("name: a", "name: 1"), "- 1\n", "kind: Application\n", "{}"])
def test_nothing_disappears_from_a_file_that_can_t_be_told_apart(tmp_path: Path, config: Config, text: str) -> None:
    """As long as a document might be about any application, none of its file is dropped."""
    files = ApplicationFiles(config)
    file = tmp_path / "apps/a.yaml"
    file.write_text(f"{app('a')}---\n{app('b')}")
    files.scan()
    file.write_text(text)
    scan = files.scan()
    assert list(paths(scan)) == ["a", "b"]
    assert len(scan.problems) == 1


def test_unreadable_file_keeps_its_applications(tmp_path: Path, config: Config) -> None:
    """A file that turned into something unreadable (here: a link to nowhere) is a problem, and drops nothing."""
    files = ApplicationFiles(config)
    file = tmp_path / "apps/a.yaml"
    file.write_text(app("a"))
    files.scan()
    file.unlink()
    file.symlink_to(tmp_path / "nowhere")
    scan = files.scan()
    assert list(paths(scan)) == ["a"]
    assert problems(scan, tmp_path) == ["apps/a.yaml: can't be read: No such file or directory"]


def test_vanished_folder_keeps_its_applications(tmp_path: Path, config: Config) -> None:
    """A mount that comes late, or goes away, deletes no application; the problem names the folder."""
    files = ApplicationFiles(config)
    (tmp_path / "apps/a.yaml").write_text(app("a"))
    files.scan()
    (tmp_path / "apps").rename(tmp_path / "away")
    for _ in range(2):
        scan = files.scan()
        assert list(paths(scan)) == ["a"]
        assert problems(scan, tmp_path) == [
            "apps/**/*.yaml: matches no file: there is no folder apps".replace("folder ", f"folder {''}")
        ]
    (tmp_path / "apps").mkdir()
    assert files.scan().apps == ()


def test_pattern_without_files_is_a_warning(config: Config) -> None:
    """An empty folder is no error, but worth a word."""
    (warning,) = ApplicationFiles(config).scan().warnings
    assert str(warning).endswith("apps/**/*.yaml: matches no file")


def test_folder_as_a_pattern(tmp_path: Path) -> None:
    """Who names a folder is told how to name the files in it."""
    (tmp_path / "apps").mkdir()
    (tmp_path / "config.yaml").write_text("apiVersion: gitopsd.dev/v1alpha1\nkind: Config\napplications: [{file: apps}]\n")
    (warning,) = ApplicationFiles(load_config(tmp_path / "config.yaml", {})).scan().warnings
    assert "is a folder: name the files in it, such as" in str(warning)


def test_application_in_two_files(tmp_path: Path, config: Config) -> None:
    """Of two documents about one application the one that was there first counts, and the problem names both places."""
    files = ApplicationFiles(config)
    (tmp_path / "apps/b.yaml").write_text(app("a", "first"))
    files.scan()
    (tmp_path / "apps/a.yaml").write_text(f"{app('other')}---\n{app('a', 'second')}")
    scan = files.scan()
    assert paths(scan) == {"a": "first", "other": "p"}
    (said,) = problems(scan, tmp_path)
    assert said.startswith("apps/a.yaml:6: application argocd/a stands in apps/b.yaml:1 too, and that one counts")
    (tmp_path / "apps/b.yaml").unlink()
    assert paths(files.scan()) == {"a": "second", "other": "p"}


def test_application_twice_in_a_file(tmp_path: Path, config: Config) -> None:
    """Within a file the first document counts."""
    (tmp_path / "apps/a.yaml").write_text(f"{app('a', 'first')}---\n{app('a', 'second')}")
    scan = ApplicationFiles(config).scan()
    assert paths(scan) == {"a": "first"}
    assert problems(scan, tmp_path)[0].startswith("apps/a.yaml:6:1: application argocd/a stands in apps/a.yaml:1 too")


PROJECT = "apiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata: {name: p}\nspec: {sourceRepos: [u]}\n"


def test_projects(tmp_path: Path, config: Config) -> None:
    """AppProjects stand beside Applications; of a broken one the last good version stays; of two of one name the first counts."""
    (tmp_path / "apps/p.yaml").write_text(PROJECT)
    files = ApplicationFiles(config)
    good = files.scan().projects["p"]
    assert good
    assert good.spec.source_repos == ("u",)
    (tmp_path / "apps/p.yaml").write_text(PROJECT.replace("sourceRepos", "sourceRepo"))
    scan = files.scan()
    assert scan.projects == {"p": good}
    assert problems(scan, tmp_path) == [
        'apps/p.yaml:4:8: spec.sourceRepo: unknown field "sourceRepo", did you mean "sourceRepos"?'
    ]
    (tmp_path / "apps/p.yaml").write_text(PROJECT)
    (tmp_path / "apps/q.yaml").write_text(PROJECT)
    scan = files.scan()
    assert scan.projects == {"p": good}
    assert problems(scan, tmp_path)[0].endswith("and that one counts: remove or rename one of them")


def test_a_broken_project_permits_nothing(tmp_path: Path, config: Config) -> None:
    """Of a project that was never read nobody knows what it permits, the one called default included."""
    (tmp_path / "apps/a.yaml").write_text(app("a", "x"))
    default = PROJECT.replace("name: p", "name: default")
    for text, permits in (
        ("", True),
        (default.replace("[u]", "1"), False),
        (default.replace("[u]", "["), False),
        (default, True),
    ):
        (tmp_path / "apps/p.yaml").write_text(text)
        scan = ApplicationFiles(config).scan()
        (joined,) = scan.with_projects
        assert bool(joined.project) is permits


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (
            "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\n",
            "kind: ApplicationSet (argoproj.io/v1alpha1) is nothing that",
        ),
        ("apiVersion: v1\nkind: ConfigMap\n", "kind: ConfigMap (v1) is nothing that gitopsd takes from here"),
        ("apiVersion: argoproj.io/v1\nkind: Application\n", "apiVersion: must be argoproj.io/v1alpha1"),
        ("a: b\n", "is no Application: it needs apiVersion: argoproj.io/v1alpha1 and kind: Application"),
    ],
)
def test_other_kinds_are_refused(tmp_path: Path, config: Config, text: str, complaint: str) -> None:
    """A document that would have no effect is said, never passed over."""
    (tmp_path / "apps/x.yaml").write_text(text)
    (said,) = problems(ApplicationFiles(config).scan(), tmp_path)
    assert complaint in said

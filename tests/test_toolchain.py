"""What installs, builds and checks gitopsd: requirements, locks, the image."""

from __future__ import annotations

import ast
import re
import shlex
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LOCKS = ("requirements.lock", "requirements-build.lock", "requirements-dev.lock")
PART_OF = {"starlette": "fastapi", "pydantic-core": "pydantic"}
"""Distributions that are the lower half of one we declare: we import their names, the upper half chooses their versions."""

GIVEN = {
    "jsonpatch": "the measure for our JSON6902, which differs from it where kustomize does",
    "kubernetes": "models and generated calls, for what comes; cluster/kubeconfig.py says why access is read without it",
    "ruamel-yaml": "round trips that keep comments, for what gitopsd will write into a repository",
}
"""Part of the project's ground, though nothing imports them yet."""

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def distribution(requirement: str) -> str:
    """`ruamel.yaml>=0.19` -> `ruamel-yaml`: as the index compares names."""
    match = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert match is not None
    return re.sub(r"[-_.]+", "-", match[0]).lower()


def imported() -> set[str]:
    """The distributions that the package imports."""
    modules = {
        name.split(".")[0]
        for path in (ROOT / "gitopsd").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    by_module = packages_distributions()
    names = {
        distribution(by_module[module][0]) for module in modules - sys.stdlib_module_names - {"gitopsd"} if module in by_module
    }
    return {PART_OF.get(name, name) for name in names}


def pins(lock: str) -> dict[str, str]:
    """Name to `version ; marker`."""
    found = re.findall(r"^([a-z0-9-]+)==([^\\\n]+)", (ROOT / lock).read_text(), re.MULTILINE)
    return {name: version.strip() for name, version in found}


def test_every_requirement_is_declared_and_used() -> None:
    """What the code imports is declared, what is declared is imported: no requirement by luck, none left over."""
    declared = {distribution(requirement) for requirement in PROJECT["dependencies"]}
    assert imported() | GIVEN.keys() == declared


def test_every_requirement_has_its_reason() -> None:
    """The decision record names each requirement."""
    reasons = (ROOT / "docs/decisions/0001-dependencies.md").read_text()
    assert [name for name in PROJECT["dependencies"] if distribution(name) not in reasons.lower().replace(".", "-")] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_has_a_hash_for_everything_and_names_no_index(lock: str) -> None:
    """Nothing unchecked is installed, and where it comes from is the installer's setting."""
    text = (ROOT / lock).read_text()
    for entry in re.split(r"\n(?=[a-z])", text)[1:]:
        assert "--hash=sha256:" in entry, entry.splitlines()[0]
    assert not re.search(r"://|index|find-links|@ ", text)


def test_locks_agree() -> None:
    """What is tested is what runs and what builds."""
    everything = pins("requirements-dev.lock")
    for lock in LOCKS:
        assert pins(lock).items() <= everything.items(), lock


def test_lock_has_what_pyproject_asks_for() -> None:
    """A requirement that was added without `make lock` is noticed here, not by who installs."""
    assert {distribution(name) for name in PROJECT["dependencies"]} <= pins("requirements.lock").keys()


def dockerfile() -> list[list[str]]:
    """The instructions, in words: `["RUN", "pip", ...]`."""
    text = re.sub(r"^\s*#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    lines = re.sub(r"\\\n\s*", " ", text).splitlines()
    return [[line.split()[0], *shlex.split(line.partition(" ")[2])] for line in lines if line.strip()]


def final_stage() -> list[list[str]]:
    """The instructions of the stage that becomes the image."""
    instructions = dockerfile()
    last = max(index for index, words in enumerate(instructions) if words[0] == "FROM")
    return instructions[last:]


def test_image_runs_as_a_user_without_rights() -> None:
    """The last USER is a number, so that `runAsNonRoot` can be checked, and the one that deploy/ names."""
    users = [words[1] for words in final_stage() if words[0] == "USER"]
    assert users == ["65532:65532"]
    assert "runAsUser: 65532" in (ROOT / "deploy/base/deployment.yaml").read_text()


def test_image_is_built_in_stages_from_one_pinned_base() -> None:
    """Nothing of the build stays in the image, and no base is `latest`."""
    stages = [words for words in dockerfile() if words[0] == "FROM"]
    bases = [words[1].partition("=")[2] for words in dockerfile() if words[0] == "ARG"]
    assert [words[1] for words in stages] == ["${PYTHON}", "${PYTHON}"]
    assert len(bases) == 1
    assert re.fullmatch(r"python:3\.\d+-slim-\w+(@sha256:[0-9a-f]{64})?", bases[0])
    assert not any(words[0] == "RUN" and "pip" in words for words in final_stage())


def test_image_installs_only_what_a_lock_has() -> None:
    """Each installation either checks hashes or has no index to ask."""
    installs = [" ".join(words) for words in dockerfile() if words[0] == "RUN" and "install" in words]
    steps = [step for run in installs for step in run.split("&&") if " install " in step]
    assert steps
    assert [step for step in steps if "--require-hashes" not in step and "--no-index" not in step] == []


def test_image_has_what_it_copies() -> None:
    """Each file that a COPY names exists and is let through by .dockerignore."""
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {
        name.rstrip("/") for words in dockerfile() if words[0] == "COPY" and "--from=build" not in words for name in words[1:-1]
    }
    assert copied <= let_in
    assert all((ROOT / name).exists() for name in copied)

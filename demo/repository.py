"""The ops repository of the demo: manifests/ as a Git repository of its own."""

from __future__ import annotations

import shutil
from pathlib import Path

import pygit2

MANIFESTS = Path(__file__).parent.parent / "manifests"


def make_repository(folder: Path) -> Path:
    """A repository with one commit that holds the ops tree, made anew each time; returns its absolute path."""
    folder = folder.absolute()
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(MANIFESTS / "ops", folder / "ops")
    repository = pygit2.init_repository(str(folder), initial_head="main")
    repository.config["user.name"] = "gitopsd demo"
    repository.config["user.email"] = "demo@example.com"
    repository.index.add_all()
    repository.index.write()
    who = pygit2.Signature("gitopsd demo", "demo@example.com")
    repository.create_commit("refs/heads/main", who, who, "The two sample services", repository.index.write_tree(), [])
    return folder

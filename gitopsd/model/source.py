"""Commits and what they hold."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from gitopsd.model.tree import Tree


Lines = Mapping[str, AbstractSet[int]]
"""Lines, counted from 1, of files."""


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit of a repository. `message` is the first line; `time` is the committer's, with time zone."""

    id: str
    author: str = ""
    email: str = ""
    time: datetime | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One source of an application at one moment.

    `repository` is the URL without credentials; `arrived` is when the commit reached us.
    """

    repository: str
    commit: Commit
    tree: Tree
    arrived: datetime | None = None

"""Which commit each line of a file comes from. It walks history, which may be long, so it runs in a child."""

from __future__ import annotations

from collections.abc import Mapping

from gitopsd.model.source import Commit, Lines
from gitopsd.source.objects import objects_at


def blame(path: str, repository: str, commit: str, lines: Lines) -> Mapping[tuple[str, int], Commit]:
    """The commit that last wrote each of `lines`, files as `commit` has them in the mirror at `path`.

    A file that is not there, or only through a symbolic link, is left out. Raises SourceError for a damaged mirror.
    """
    objects = objects_at(path, repository)
    objects.refresh()
    known: dict[str, Commit] = {}
    found: dict[tuple[str, int], Commit] = {}
    for file, numbers in lines.items():
        for number, oid in objects.blamed(commit, file, numbers).items():
            if oid not in known and (read := objects.commit(oid)) is not None:
                known[oid] = read[0]
            if oid in known:
                found[file, number] = known[oid]
    return found

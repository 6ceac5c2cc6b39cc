"""An explanation as JSON, for programs: what `gitopsd explain -o json` prints and HTTP answers with."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from gitopsd.formats.path import is_below, render_path
from gitopsd.formats.scalars import plain

if TYPE_CHECKING:
    from gitopsd.model.errors import Place
    from gitopsd.model.refs import ObjectRef
    from gitopsd.model.source import Commit, Lines
    from gitopsd.render.provenance.explained import Explained, Step

HIDDEN = "<hidden>"
"""What stands for a value of a Secret."""

Commits = Mapping[tuple[str, int], "Commit"]
"""By file and line."""

_NO_COMMITS: Commits = {}


def _as_it_is(place: Place) -> Place:
    """The paths of a commit are those of its repository."""
    return place


def fields_below(field: str, fields: Iterable[Explained]) -> Iterator[Explained]:
    """Those at or below `field`, which may name items of lists by identity or by index; all where it is empty."""
    wanted = field.removeprefix(".")
    for one in fields:
        if any(is_below(name, wanted) for name in (one.field, render_path(one.path))):
            yield one


def lines_of(fields: Iterable[Explained]) -> Lines:
    """The lines in files of the repository itself that the steps of `fields` come from."""
    found: defaultdict[str, set[int]] = defaultdict(set)
    for one in fields:
        for step in one.steps:
            for place in (step.place, step.asked):
                if place is not None and place.line is not None and "://" not in place.file:
                    found[place.file].add(place.line)
    return found


def is_secret(ref: ObjectRef, path: tuple[str | int, ...]) -> bool:
    """Whether the value of a field is nobody's to read."""
    return ref.kind == "Secret" and not ref.group and bool(path) and path[0] in {"data", "stringData"}


def field_document(
    ref: ObjectRef, one: Explained, commits: Commits = _NO_COMMITS, seen: Callable[[Place], Place] = _as_it_is
) -> dict[str, Any]:
    """One field of the object `ref`. `seen` says how files are named to the reader."""
    hidden = is_secret(ref, one.path)
    steps = [_step(step, commits, seen, hidden=hidden) for step in one.steps]
    return {"field": one.field, "value": _value(one.value, hidden=hidden), "origin": steps[0]["place"], "steps": steps}


def _value(value: Any, *, hidden: bool) -> Any:
    return HIDDEN if hidden else plain(value)


def _step(step: Step, commits: Commits, seen: Callable[[Place], Place], *, hidden: bool) -> dict[str, Any]:
    return {
        "by": step.by,
        "place": _place(step.place, commits, seen),
        "asked": _place(step.asked, commits, seen),
        "detail": step.detail,
        "value": _value(step.value, hidden=hidden),
    }


def _place(place: Place | None, commits: Commits, seen: Callable[[Place], Place]) -> dict[str, Any] | None:
    if place is None:
        return None
    shown, commit = seen(place), commits.get((place.file, place.line or 0))
    return {
        "file": shown.file,
        "line": shown.line,
        "column": shown.column,
        "field": shown.field,
        "commit": commit and _commit(commit),
    }


def _commit(commit: Commit) -> dict[str, Any]:
    time = commit.time.isoformat() if commit.time else None
    return {"id": commit.id, "author": commit.author, "email": commit.email, "time": time, "message": commit.message}

"""Rules as data: which rule a kind has (`rules.json`). How a rule is read is in `language`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

from gitopsd.health.language import Rule, compile_rule


@cache
def table() -> dict[str, dict[str, Any]]:
    """The data file: `shared` maps names to lines, `kinds` maps groups to kinds to lines or the name of a shared rule."""
    parsed: dict[str, dict[str, Any]] = json.loads(files(__package__).joinpath("rules.json").read_bytes())
    return parsed


@cache
def _index() -> dict[tuple[str, str], list[str]]:
    return {
        (group, kind): lines if isinstance(lines, list) else [f"@{lines}"]
        for group, kinds in table()["kinds"].items()
        for names, lines in kinds.items()
        for kind in names.split()
    }


@lru_cache(maxsize=1024)
def rule_for(group: str, kind: str) -> Rule | None:
    """The rule for a kind: by its group, else by a domain that the group lies in (`*.crossplane.io`); by kind, else by `*`."""
    for name in _tables(group):
        for key in ((name, kind), (name, "*")):
            if lines := _index().get(key):
                return compile_rule(lines, table()["shared"])
    return None


def _tables(group: str) -> Iterator[str]:
    yield group
    while "." in group:
        group = group.partition(".")[2]
        yield f"*.{group}"

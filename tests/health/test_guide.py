from __future__ import annotations

from pathlib import Path

from gitopsd.health.builtin import CODE
from gitopsd.health.rules import table

GUIDE = Path(__file__).parents[2] / "docs" / "guide" / "health.md"
MARK = "<!-- kinds: tests/health/test_guide.py compares this table with the data -->\n"


def kinds() -> str:
    """The table of the guide as the rules have it."""
    groups: dict[str, set[str]] = {}
    for group, kind in CODE:
        groups.setdefault(group, set()).add(kind)
    for group, rules in table()["kinds"].items():
        groups.setdefault(group, set()).update(kind for names in rules for kind in names.split())
    rows = [f"| {group or '(core)'} | {', '.join(sorted(names))} |" for group, names in sorted(groups.items())]
    return "\n".join(["", "| Group | Kinds |", "|---|---|", *rows, ""]).replace("*", "\\*")


def test_the_guide_lists_the_kinds_that_have_rules() -> None:
    """The table of kinds in the guide is what the rules say; where it isn't, the failure shows the right one."""
    assert GUIDE.read_text().partition(MARK)[2] == kinds()

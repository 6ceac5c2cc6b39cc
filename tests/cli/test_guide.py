"""docs/guide/commands.md, held to the program: all that there is stands in it, and what stands in it can be typed."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from gitopsd.cli.program import app

GUIDE = (Path(__file__).parents[2] / "docs" / "guide" / "commands.md").read_text()
EXAMPLES = [line.strip()[2:] for line in GUIDE.splitlines() if re.match(r" +\$ .*gitopsd", line)]
ROOT: Any = get_command(app)


def commands(group: Any = ROOT, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """All commands, those of groups by both names."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


@pytest.mark.parametrize(
    ("path", "command"), list(commands()), ids=lambda value: " ".join(value) if isinstance(value, tuple) else ""
)
def test_every_command_and_option_is_in_the_guide(path: tuple[str, ...], command: Any) -> None:
    """Each has a heading or a sentence; each of its options stands somewhere."""
    assert f"### {path[0]}\n" in GUIDE
    assert f"`{' '.join(path)}`" in GUIDE or len(path) == 1
    for parameter in command.params:
        for option in (*parameter.opts, *parameter.secondary_opts):
            if option.startswith("--") and option != "--output":
                assert option in GUIDE, f"{' '.join(path)} {option}"


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_can_be_typed(example: str) -> None:
    """Each is understood as it stands."""
    words = shlex.split(example.rpartition("| ")[2].partition(" > ")[0])[1:]
    group = ROOT
    while hasattr(group, "commands"):
        group = group.commands[words.pop(0)]
    assert group.make_context(group.name, words)


def test_every_command_has_an_example() -> None:
    """One at least."""
    shown = {shlex.split(example.rpartition("| ")[2])[1] for example in EXAMPLES}
    assert {path[0] for path, _ in commands()} == shown

"""The command line.

`gitopsd render PATH` is what hooks and scripts run a thousand times, so it starts without the machinery of options and help,
which takes longer to load than a small folder takes to render. Anything else is for `program`, which knows all words.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns its exit code: 0 done, 1 failed, 64 wrong usage."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        asked = _plain_render(words)
        return _render(*asked) if asked else _program(words)
    except BrokenPipeError:
        # Whoever read our output has seen enough (`| head`); closing it again at the end must not complain either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130


def _program(words: Sequence[str]) -> int:
    from gitopsd.cli.program import run  # noqa: PLC0415 - see above

    return run(words)


def _plain_render(words: Sequence[str]) -> tuple[str, str] | None:
    """Path and format of `render PATH`, with `-o FORMAT` or without; None for anything else."""
    match words:
        case ["render", path]:
            form = "yaml"
        case ["render", "-o", ("yaml" | "json") as form, path] | ["render", path, "-o", ("yaml" | "json") as form]:
            pass
        case _:
            return None
    return None if path.startswith("-") else (path, form)


def _render(path: str, form: str) -> int:
    gc.disable()  # nearly all that a build makes is in its result, and the process ends with it
    from gitopsd.cli.rendering import Asked, printed, rendered  # noqa: PLC0415 - see above
    from gitopsd.model.errors import GitopsdError  # noqa: PLC0415 - likewise

    try:
        sys.stdout.write(printed(rendered(Asked(path)), form))
    except GitopsdError as error:
        print(f"gitopsd: {error}", file=sys.stderr)
        return 1
    return 0

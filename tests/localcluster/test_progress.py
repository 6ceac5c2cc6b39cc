from __future__ import annotations

import io

from localcluster.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_without_a_terminal_it_is_a_line_now_and_then() -> None:
    """A log gets the first figure of each step, not one line per package."""
    stream = io.StringIO()
    progress = Progress(stream)
    for step in ("building etcd", "building kwok"):
        progress.begin(step)
        for done in range(1, 101):
            progress.show(done, 100, "packages compiled")
    assert stream.getvalue() == "building etcd: 1/100 packages compiled\nbuilding kwok: 1/100 packages compiled\n"


def test_on_a_terminal_it_is_a_bar_in_place() -> None:
    """One line that is written anew, and left behind when something else is to be said."""
    stream = Terminal()
    progress = Progress(stream)
    progress.begin("building etcd")
    progress.show(50, 100, "packages compiled")
    progress.show(100, 100, "packages compiled")
    progress.say("built etcd")
    half, whole, rest = stream.getvalue().removeprefix("\r\033[K").replace("\r\033[K", "\n").split("\n", 2)
    assert half == f"[{'#' * 15}{'.' * 15}] building etcd: 50/100 packages compiled"
    assert whole == f"[{'#' * 30}] building etcd: 100/100 packages compiled"
    assert rest == "built etcd\n"


def test_without_a_total_it_counts() -> None:
    """How many modules are missing isn't known before they are there."""
    stream = io.StringIO()
    progress = Progress(stream)
    progress.begin("building etcd")
    progress.show(3, 0, "modules downloaded")
    assert stream.getvalue() == "building etcd: 3 modules downloaded\n"

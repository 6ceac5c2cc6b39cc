"""How far a long job is: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TextIO

_WIDTH = 30
"""Characters of the bar."""

_EVERY = 10.0
"""Seconds between two lines where there is no terminal."""


@dataclass(slots=True)
class Progress:
    """Writes to `stream`; `step` is what is under way at the moment."""

    stream: TextIO
    step: str = ""
    _next_line: float = field(default=0.0, init=False)
    _open: bool = field(default=False, init=False)

    def begin(self, step: str) -> None:
        """The next step starts."""
        self.end()
        self.step = step
        self._next_line = 0.0

    def show(self, done: int, total: int, what: str) -> None:
        """`done` of `total` (0: unknown) `what` of this step are there."""
        figure = f"{done}/{total} {what}" if total else f"{done} {what}"
        if self.stream.isatty():
            filled = _WIDTH * done // total if total else 0
            self.stream.write(f"\r\033[K[{'#' * filled}{'.' * (_WIDTH - filled)}] {self.step}: {figure}")
            self._open = True
        elif time.monotonic() >= self._next_line:
            self._next_line = time.monotonic() + _EVERY
            self.stream.write(f"{self.step}: {figure}\n")
        self.stream.flush()

    def say(self, text: str) -> None:
        """A line of its own."""
        self.end()
        self.stream.write(f"{text}\n")
        self.stream.flush()

    def end(self) -> None:
        """This step is over: what follows stands on a line of its own."""
        if self._open:
            self.stream.write("\n")
            self._open = False

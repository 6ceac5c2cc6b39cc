"""What processes cost, with all their children: CPU seconds and resident memory, as Linux tells them in /proc."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_SAMPLE = 0.5
"""Seconds between two looks at memory."""


def cpu_seconds(pid: int) -> float:
    """CPU of the process and its descendants since their start, those that have ended included."""
    # utime, stime, and of ended children cutime, cstime: fields 14 to 17 of proc_pid_stat(5)
    return sum(sum(map(int, stat[11:15])) for stat in _stats(pid)) / _TICKS


def resident_bytes(pid: int) -> int:
    """Memory of the process and its living descendants; what they share counts for each."""
    return sum(int(stat[21]) for stat in _stats(pid)) * _PAGE


def _stats(pid: int) -> Iterator[list[str]]:
    """The fields after the name, of each process of the tree."""
    with suppress(FileNotFoundError, ProcessLookupError):
        yield Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from _stats(int(child))


@dataclass(slots=True)
class Peaks:
    """The most memory that each of some processes had while this ran, in bytes; a context manager."""

    pids: Mapping[str, int]
    peaks: dict[str, int] = field(default_factory=dict)
    _done: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread = field(init=False)

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None) -> None:
        self._done.set()
        self._thread.join()

    def _run(self) -> None:
        while True:
            for name, pid in self.pids.items():
                self.peaks[name] = max(self.peaks.get(name, 0), resident_bytes(pid))
            if self._done.wait(_SAMPLE):
                return

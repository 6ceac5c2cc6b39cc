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
_SAMPLE = 0.5
"""Seconds between two looks at memory."""


def cpu_seconds(pid: int) -> float:
    """CPU of the process and its descendants since their start, those that have ended included."""
    # utime, stime, and of ended children cutime, cstime: fields 14 to 17 of proc_pid_stat(5)
    return sum(sum(map(int, stat[11:15])) for stat in _stats(pid)) / _TICKS


@dataclass(frozen=True, slots=True)
class Memory:
    """Memory of processes, in bytes.

    What they share counts once for each of them in `resident`, and once altogether in `proportional` (proc_pid_smaps(5): Rss and
    Pss): the second is what they take from the machine, and what a limit of their container is held against.
    """

    resident: int = 0
    proportional: int = 0

    def __add__(self, other: Memory) -> Memory:
        return Memory(self.resident + other.resident, self.proportional + other.proportional)

    def or_more(self, other: Memory) -> Memory:
        """The larger of each."""
        return Memory(max(self.resident, other.resident), max(self.proportional, other.proportional))


def memory(pid: int) -> Memory:
    """Memory of the process and its living descendants."""
    return sum((own_memory(one) for one in _tree(pid)), Memory())


def own_memory(pid: int) -> Memory:
    """Memory of the process alone."""
    with suppress(FileNotFoundError, ProcessLookupError):
        lines = (line.split() for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:])
        kib = {words[0]: int(words[1]) for words in lines}
        return Memory(kib["Rss:"] << 10, kib["Pss:"] << 10)
    return Memory()


def _stats(pid: int) -> Iterator[list[str]]:
    """The fields after the name, of each process of the tree."""
    for one in _tree(pid):
        with suppress(FileNotFoundError, ProcessLookupError):
            yield Path(f"/proc/{one}/stat").read_text().rpartition(") ")[2].split()


def _tree(pid: int) -> Iterator[int]:
    yield pid
    with suppress(FileNotFoundError, ProcessLookupError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from _tree(int(child))


@dataclass(slots=True)
class Peaks:
    """The most memory that each of some processes had, with its descendants, while this ran; a context manager."""

    pids: Mapping[str, int]
    peaks: dict[str, Memory] = field(default_factory=dict)
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
                self.peaks[name] = self.peaks.get(name, Memory()).or_more(memory(pid))
            if self._done.wait(_SAMPLE):
                return

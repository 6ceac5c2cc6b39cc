"""Processes that outlive the command that started them, found again by a file.

A process is remembered as its pid and its birth (the kernel's start time), so that a pid which has since been given to
another process is never taken for ours, and never killed.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_POLL = 0.02
"""Seconds between two looks at a process that is to end."""

_LINE = 500
"""Bytes that a log's line has at most, were all alike: a single huge one is cut."""


@dataclass(frozen=True, slots=True)
class Process:
    """One named process: `pid_file` says which it is, `log` holds both its outputs."""

    name: str
    pid_file: Path
    log: Path

    def start(self, arguments: Sequence[str], environment: Mapping[str, str] | None = None, *, stdin: int | None = None) -> None:
        """Start it in a session of its own, unless it runs already; `environment` is added to ours.

        `stdin` is a file descriptor, `/dev/null` by default.
        """
        if self.alive():
            return
        pid = os.posix_spawn(
            arguments[0],
            list(arguments),
            {**os.environ, **(environment or {})},
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0) if stdin is None else (os.POSIX_SPAWN_DUP2, stdin, 0),
                (os.POSIX_SPAWN_OPEN, 1, str(self.log), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
                (os.POSIX_SPAWN_DUP2, 1, 2),
            ],
            setsid=True,
        )
        self.pid_file.write_text(f"{pid} {birth(pid)}")

    def pid(self) -> int | None:
        """Its pid while it runs, else None."""
        try:
            pid, _, born = self.pid_file.read_text().partition(" ")
        except FileNotFoundError:
            return None
        return int(pid) if born and birth(int(pid)) == born else None

    def alive(self) -> bool:
        """Whether it runs."""
        return self.pid() is not None

    def stop(self, grace: float) -> None:
        """End it and what it started; it has `grace` seconds to do so by itself."""
        self._signal(signal.SIGTERM if grace else signal.SIGKILL)
        deadline = time.monotonic() + grace
        while self.alive():
            if time.monotonic() > deadline:
                self._signal(signal.SIGKILL)
            time.sleep(_POLL)
        self.pid_file.unlink(missing_ok=True)

    def _signal(self, number: signal.Signals) -> None:
        pid = self.pid()
        if pid is not None:
            with suppress(ProcessLookupError):
                os.killpg(pid, number)  # a session leader's group has its pid

    def last_lines(self, count: int) -> str:
        """The end of its log."""
        try:
            with self.log.open("rb") as log:
                log.seek(-min(log.seek(0, os.SEEK_END), count * _LINE), os.SEEK_END)
                lines = log.read().decode(errors="replace").splitlines()
        except FileNotFoundError:
            return ""
        return "\n".join(lines[-count:])


_THREADS, _STARTED = 16, 18
"""Fields of /proc/PID/stat (proc(5): num_threads and starttime), counted from the one after the state."""


def birth(pid: int) -> str:
    """When the process started, in the kernel's own words; empty where it ended, be it that its parent has not noticed yet."""
    with suppress(ChildProcessError):  # somebody else's child
        os.waitpid(pid, os.WNOHANG)  # our own would stay a zombie otherwise
    if not Path("/proc/self/stat").exists():
        found = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
        return found.stdout.strip()
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    state, *rest = stat.rpartition(")")[2].split()  # the name before it, in parentheses, can hold anything
    # One whose first thread has ended is a zombie although others still hold its ports.
    ended = state == "X" or (state == "Z" and int(rest[_THREADS]) <= 1)
    return "" if ended else rest[_STARTED]

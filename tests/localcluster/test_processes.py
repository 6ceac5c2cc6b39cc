from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from localcluster.processes import Process, birth


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Process]:
    """A process that is not started yet, and ends with the test."""
    process = Process("sleeper", tmp_path / "pid", tmp_path / "log")
    yield process
    process.stop(0)


def shell(script: str) -> list[str]:
    """A command line that runs `script`."""
    return ["/bin/sh", "-c", script]


def until_logged(process: Process, text: str) -> None:
    """Wait for a line in the process's log."""
    while text not in process.last_lines(10):
        assert process.alive(), process.last_lines(10)


def test_started_process_is_found_again_by_its_file(process: Process) -> None:
    """Another command that knows the file alone sees the process run, and can end it."""
    process.start(shell("exec sleep 1000"))
    other = Process("sleeper", process.pid_file, process.log)
    pid = other.pid()
    assert pid is not None
    assert psutil.pid_exists(pid)
    other.stop(1)
    assert not process.alive()
    assert not process.pid_file.exists()


def test_running_process_is_not_started_twice(process: Process) -> None:
    """Starting what runs changes nothing."""
    process.start(shell("exec sleep 1000"))
    pid = process.pid()
    process.start(shell("exec sleep 1000"))
    assert process.pid() == pid


def test_recycled_pid_is_neither_taken_nor_killed(process: Process) -> None:
    """A pid that the kernel gave to another process since is not ours, whatever the file says."""
    with subprocess.Popen(["sleep", "1000"]) as bystander:
        process.pid_file.write_text(f"{bystander.pid} {int(birth(os.getpid())) - 1}")
        assert not process.alive()
        process.stop(1)
        assert bystander.poll() is None
        bystander.kill()


@pytest.mark.parametrize("content", ["", "123", "4194303 77"], ids=["empty", "cut off", "no such process"])
def test_damaged_file_names_no_process(process: Process, content: str) -> None:
    """A file that was cut off by a crash, or whose process is gone, means: not running."""
    process.pid_file.write_text(content)
    assert not process.alive()


def test_process_that_ended_is_not_alive(process: Process) -> None:
    """Its end is seen even where its parent (here: us) has not waited for it; what it said stays readable."""
    process.start(shell("echo said; exit 3"))
    while process.alive():
        pass
    assert process.last_lines(10) == "said"


def test_process_that_ignores_the_signal_is_killed(process: Process) -> None:
    """After its grace nothing is asked any more."""
    process.start(shell("trap '' TERM; echo deaf; while :; do sleep 0.1; done"))
    until_logged(process, "deaf")
    process.stop(0.05)
    assert not process.alive()


def test_what_it_started_goes_with_it(process: Process) -> None:
    """Compilers end with the command that started them."""
    process.start(shell("sleep 1000 & echo $!; wait"))
    while not process.last_lines(1):
        pass
    child = psutil.Process(int(process.last_lines(1)))
    process.stop(0)
    gone, _ = psutil.wait_procs([child], timeout=10)
    assert gone or child.status() == psutil.STATUS_ZOMBIE


def test_survives_the_session_that_started_it(process: Process) -> None:
    """It leads a session of its own, so that neither Ctrl-C nor a closed terminal reaches it."""
    process.start(shell("exec sleep 1000"))
    pid = process.pid()
    assert pid is not None
    assert os.getsid(pid) == pid


def test_end_of_a_log_is_bounded(process: Process) -> None:
    """A huge line is cut, no huge file is read whole, and a log that is not there is empty."""
    assert process.last_lines(3) == ""
    process.log.write_text("first\n" + "x" * 100_000 + "\nlast\n")
    assert process.last_lines(2).endswith("x\nlast")
    assert len(process.last_lines(2)) <= 1000

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from gitopsd.children import ChildError, ChildLimitError, Nursery, Pool
from gitopsd.model.errors import Place, RenderError, SourceError
from tests.waiting import until

# What runs in the children: plain functions, found there by module and name.


def add(a: int, b: int) -> int:
    """Adds."""
    return a + b


def pid() -> int:
    """Which child this is."""
    return os.getpid()


def nursery() -> int:
    """Who bore this child."""
    return os.getppid()


def loaded(module: str) -> bool:
    """Whether a module was there before anybody asked for it."""
    return module in sys.modules


def hang(started: str) -> None:
    """Says who it is, starts a grandchild, and never returns; blocking signals it does not survive SIGKILL alone."""
    grandchild = subprocess.Popen(["sleep", "1000"])
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    Path(started).write_text(f"{os.getpid()} {grandchild.pid}\n")
    time.sleep(1000)


def fail(kind: str) -> None:
    """Raises an error of ours, or one that is not."""
    if kind == "source":
        raise SourceError("no such branch", "https://example.org/a", retryable=False)
    if kind == "render":
        raise RenderError("does not exist", Place("kustomization.yaml", 3, 1, "resources[1]"))
    raise KeyError("hunter2")


def die(how: int) -> None:
    """Ends its own process."""
    os.kill(os.getpid(), how)


def devour() -> int:
    """Takes a gigabyte."""
    return len(bytearray(1 << 30))


def chatter() -> str:
    """Prints where a library might."""
    print("this must not end up in the replies")  # noqa: T201 - the point
    return "said"


def temporary() -> str:
    """Makes a folder and leaves it."""
    return tempfile.mkdtemp()


def smuggle() -> Any:
    """Answers with what its parent must not make."""
    return Smuggled()


class Smuggled:
    """What a child that was taken over could answer: a pickle that runs a program."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("true",)


@pytest.fixture
async def pool() -> AsyncIterator[Pool]:
    """A pool of two."""
    pool = Pool("test", size=2, memory=512 << 20, calls=50)
    yield pool
    await pool.aclose()


async def gone(process: int) -> None:
    """Waits until a process has ended (one that nobody has reaped yet counts)."""
    await until(lambda: not psutil.pid_exists(process) or psutil.Process(process).status() == psutil.STATUS_ZOMBIE)


async def written(file: Path) -> list[int]:
    """Waits for what `hang` says."""
    await until(lambda: file.exists() and file.read_text().endswith("\n"))
    return [int(word) for word in file.read_text().split()]  # noqa: ASYNC240 - a few bytes


async def test_runs_a_function(pool: Pool) -> None:
    """A function with its arguments runs elsewhere, and its value comes back."""
    assert await pool.call(add, 2, 3, deadline=30) == 5
    assert await pool.call(pid, deadline=30) != os.getpid()


async def test_keeps_children(pool: Pool) -> None:
    """The next call goes to the child that has its caches warm."""
    assert await pool.call(pid, deadline=30) == await pool.call(pid, deadline=30)


async def test_alone(pool: Pool) -> None:
    """Work that leaves traces in its process gets one of its own, which nobody uses after it."""
    shared = await pool.call(pid, deadline=30)
    alone = await pool.call(pid, deadline=30, alone=True)
    assert shared != alone
    assert await pool.call(pid, deadline=30) == shared
    await gone(alone)


async def test_replaces_worn_children() -> None:
    """A child is replaced after its number of calls."""
    pool = Pool("test", size=1, calls=2)
    pids = [await pool.call(pid, deadline=30) for _ in range(3)]
    await pool.aclose()
    assert pids[0] == pids[1] != pids[2]


async def test_deadline_kills_the_group(pool: Pool, tmp_path: Path) -> None:
    """A call that passes its deadline ends with its child and everything that the child started; the pool goes on."""
    await pool.call(pid, deadline=30)  # a child that is awake: all of the deadline is for the work
    call = asyncio.create_task(pool.call(hang, str(tmp_path / "pids"), deadline=4))
    pids = await written(tmp_path / "pids")
    with pytest.raises(ChildLimitError, match="took longer than 4 s"):
        await call
    for process in pids:
        await gone(process)
    assert await pool.call(add, 1, 1, deadline=30) == 2


async def test_cancelled_caller_ends_the_work(pool: Pool, tmp_path: Path) -> None:
    """Nobody waits for a call whose caller is cancelled, so it is ended."""
    call = asyncio.create_task(pool.call(hang, str(tmp_path / "pids"), deadline=1000))
    pids = await written(tmp_path / "pids")
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    for process in pids:
        await gone(process)


async def test_errors_come_back_whole(pool: Pool) -> None:
    """Our own errors are raised as they were in the child, with all that they know."""
    with pytest.raises(SourceError, match=r"^https://example\.org/a: no such branch$") as source:
        await pool.call(fail, "source", deadline=30)
    assert (source.value.repository, source.value.retryable) == ("https://example.org/a", False)
    with pytest.raises(RenderError) as render:
        await pool.call(fail, "render", deadline=30)
    assert render.value.place == Place("kustomization.yaml", 3, 1, "resources[1]")


async def test_unexpected_error_names_the_place_alone(pool: Pool) -> None:
    """An error that we did not foresee says its kind and place, not its text: that may hold a credential."""
    with pytest.raises(ChildError, match=r"KeyError in fail \(test_children\.py:\d+\)") as raised:
        await pool.call(fail, "key", deadline=30)
    assert "hunter2" not in str(raised.value)


async def test_death_is_told_and_replaced(pool: Pool) -> None:
    """A child that dies in a call is an error that says how, and the next call works."""
    with pytest.raises(ChildError, match=r"its process died \(killed by SIGSEGV\)"):
        await pool.call(die, signal.SIGSEGV.value, deadline=30)
    assert await pool.call(add, 1, 1, deadline=30) == 2


async def test_death_between_calls_goes_unnoticed(pool: Pool) -> None:
    """A child that dies while it is idle is replaced without an error."""
    process = await pool.call(pid, deadline=30)
    os.kill(process, signal.SIGKILL)
    await until(lambda: not pool._idle[-1].alive)
    assert await pool.call(pid, deadline=30) != process


async def test_the_nursery_s_death_is_told_and_mended(pool: Pool, tmp_path: Path) -> None:
    """It takes its children along, one that is at work too; the next call starts another."""
    first = await pool.call(nursery, deadline=30)
    call = asyncio.create_task(pool.call(hang, str(tmp_path / "pids"), deadline=1000))
    child, grandchild = await written(tmp_path / "pids")
    os.kill(first, signal.SIGKILL)
    with pytest.raises(ChildError, match=r"its process died \(killed by SIGKILL\)"):
        await call
    await gone(child)
    os.kill(grandchild, signal.SIGKILL)
    assert await pool.call(nursery, deadline=30) != first


async def test_pools_may_share_a_nursery() -> None:
    """Their children find loaded what it was told to load, and each pool ends only its own."""
    shared = Nursery(("wave",))
    one, other = Pool("one", size=1, nursery=shared), Pool("other", size=1, nursery=shared)
    assert await one.call(nursery, deadline=30) == await other.call(nursery, deadline=30)
    assert await one.call(loaded, "wave", deadline=30)
    await one.aclose()
    assert await other.call(add, 1, 2, deadline=30) == 3
    await other.aclose()
    await shared.aclose()


async def test_a_child_that_can_t_be_forked_is_an_error(pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says why, and takes nobody along."""
    (tmp_path / "full.py").write_text("import os\ndef fork():\n    raise OSError(11, 'full')\nos.fork = fork\n")
    monkeypatch.syspath_prepend(tmp_path)
    full = Nursery(("full",))
    for _ in range(2):
        with pytest.raises(ChildError, match=r"could not be started: Resource temporarily unavailable"):
            await Pool("full", size=1, nursery=full).call(pid, deadline=30)
    await full.aclose()
    assert await pool.call(add, 1, 2, deadline=30) == 3


async def test_a_caller_that_leaves_at_once_leaves_nothing(pool: Pool) -> None:
    """Whatever had been begun for it, the nursery or a child, is ended or used by the next."""
    for _ in range(5):
        call = asyncio.create_task(pool.call(pid, deadline=30))
        await asyncio.sleep(0)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
    assert await pool.call(add, 1, 2, deadline=30) == 3


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not bound a process's data")
async def test_memory_is_bounded(pool: Pool) -> None:
    """Work that takes more memory than a child may have is an error that says so."""
    with pytest.raises(ChildLimitError, match="needed more than 512 MiB of memory"):
        await pool.call(devour, deadline=30)


async def test_temporary_files_end_with_the_child(pool: Pool) -> None:
    """What a child that is killed had in its temporary folder does not stay."""
    folder = await pool.call(temporary, deadline=30)
    await until(Path(folder).is_dir)
    await pool.aclose()
    await until(lambda: not Path(folder).exists())


async def test_output_is_not_a_reply(pool: Pool) -> None:
    """What a library prints does not disturb the replies."""
    assert await pool.call(chatter, deadline=30) == "said"


async def test_replies_run_nothing(pool: Pool) -> None:
    """A child that was taken over by what it read can't make its parent run anything."""
    with pytest.raises(ChildError, match="answered what no child of ours does"):
        await pool.call(smuggle, deadline=30)
    assert await pool.call(add, 1, 1, deadline=30) == 2


async def test_waiting_callers_are_served(pool: Pool) -> None:
    """More callers than children: all are served, by no more children than allowed."""
    pids = await asyncio.gather(*(pool.call(pid, deadline=30) for _ in range(20)))
    assert len(pids) == 20
    assert len(set(pids)) <= 2


def test_children_end_with_their_parent(tmp_path: Path) -> None:
    """A parent that is killed leaves no child behind, not even a busy one."""
    program = f"""
import asyncio, sys
sys.path.insert(0, {str(Path.cwd())!r})
from gitopsd.children import Pool
from tests.test_children import hang
async def main():
    await Pool("test", size=1).call(hang, {str(tmp_path / "pids")!r}, deadline=1000)
asyncio.run(main())
"""
    with subprocess.Popen([sys.executable, "-c", program]) as parent:
        child, grandchild = asyncio.run(written(tmp_path / "pids"))
        parent.kill()
    asyncio.run(gone(child))
    os.kill(grandchild, signal.SIGKILL)

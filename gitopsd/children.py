"""Child processes that can be ended.

Two kinds of work must never hold up the daemon: rendering, which computes (threads would share its interpreter lock), and
network Git, which blocks in C code that knows idle timeouts but no deadline. Both are plain functions, called in a child:

    pool = Pool("git", size=8)
    refs = await pool.call(list_refs, url, deadline=30)

A call that passes its deadline, or whose caller is cancelled, kills its child with its whole process group; the next call
gets a new one. Arguments and results travel as pickles over the child's own pipes, so no credential is ever on a command line
or in an environment. A child reads what strangers wrote, so of what it sends back nothing is made but our own values and
errors. Children end with their parent, however that ends, and their temporary files end with them.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import functools
import io
import os
import pickle
import resource
import shutil
import signal
import struct
import sys
import tempfile
import traceback
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO, TypeVar, TypeVarTuple, cast

from gitopsd.model.errors import GitopsdError

_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")

_HEADER = struct.Struct(">Q")
_MAX_FRAME = 256 << 20
_PR_SET_PDEATHSIG = 1


class ChildError(GitopsdError):
    """The work in a child came to no result: its process died, or it raised what it should not. Says what, never a value."""


class ChildDiedError(ChildError):
    """Its process died, be it of its work or of what others did: the kernel ends whom it likes where memory is short."""


class ChildLimitError(ChildError):
    """The work in a child asked for more time, memory or output than it may have."""


class ChildTimeError(ChildLimitError):
    """It asked for more time."""


@dataclass(frozen=True, slots=True)
class _Reply:
    """What a child answers: a value, or the error to raise; and the memory that it holds now, in bytes."""

    value: Any
    error: GitopsdError | None
    resident: int


class Pool:
    """Up to `size` children, started when they are needed and kept for the next call.

    `memory` bounds the data of one child, in bytes. A child is replaced after `calls` calls, and when it holds more than half of
    that memory after one. Waiting callers are served in turn.
    """

    def __init__(self, name: str, *, size: int, memory: int = 1 << 30, calls: int = 1000) -> None:
        self._name = name
        self._memory = memory
        self._calls = calls
        self._slots = asyncio.Semaphore(size)
        self._idle: list[_Child] = []
        self._ending: set[asyncio.Task[None]] = set()

    async def call(self, function: Callable[[*_Ts], _T], *args: *_Ts, deadline: float, alone: bool = False) -> _T:
        """`function(*args)`, run in a child; `deadline` is in seconds and counts from when the child has it.

        `function` is found by its module and name. `alone` gives it a child that ends with the call, for work that leaves
        traces in its process. Raises what the function raises of `gitopsd.model.errors`, ChildLimitError where a bound is passed,
        ChildDiedError where the child dies, ChildError where it answers nonsense.
        """
        request = pickle.dumps((function, args))
        async with self._slots:
            child = await self._take(new=alone)
            try:
                async with asyncio.timeout(deadline):
                    reply = await child.ask(request)
            except TimeoutError:
                self._end(child)
                raise ChildTimeError(f"took longer than {deadline:g} s") from None
            except BaseException:
                self._end(child)
                raise
            if alone or child.calls >= self._calls or reply.resident > self._memory // 2:
                self._end(child)
            else:
                self._idle.append(child)
        if reply.error is not None:
            raise reply.error
        return cast(_T, reply.value)

    async def aclose(self) -> None:
        """Ends all children."""
        while self._idle:
            self._end(self._idle.pop())
        await asyncio.gather(*self._ending)

    async def _take(self, *, new: bool) -> _Child:
        # The last one used is the one whose caches are warm; one that died while it was idle is found here.
        while self._idle and not new:
            child = self._idle.pop()
            if child.alive:
                return child
            self._end(child)
        return await _Child.start(self._name, self._memory)

    def _end(self, child: _Child) -> None:
        child.kill()
        task = asyncio.create_task(child.reap())
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)


class _Child:
    """The parent's end of one child."""

    def __init__(self, process: Process, folder: str) -> None:
        self._process, self._folder = process, folder
        self._requests = cast(asyncio.StreamWriter, process.stdin)
        self._replies = cast(asyncio.StreamReader, process.stdout)
        self.calls = 0

    @classmethod
    async def start(cls, name: str, memory: int) -> _Child:
        # In a session of its own: Ctrl-C on a terminal is for the parent, and killing the group takes what the child started.
        command = [sys.executable, "-P", "-m", __name__, name, str(memory)]
        try:
            folder = tempfile.mkdtemp(prefix="gitopsd-")
            environment = {**os.environ, "TMPDIR": folder, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
            process = await asyncio.create_subprocess_exec(
                *command, stdin=PIPE, stdout=PIPE, env=environment, start_new_session=True, limit=1 << 20
            )
        except OSError as error:
            raise ChildError(f"its process could not be started: {error.strerror}") from error
        return cls(process, folder)

    @property
    def alive(self) -> bool:
        return self._process.returncode is None

    async def ask(self, request: bytes) -> _Reply:
        self.calls += 1
        try:
            self._requests.write(_HEADER.pack(len(request)) + request)
            await self._requests.drain()
            (size,) = _HEADER.unpack(await self._replies.readexactly(_HEADER.size))
            if size > _MAX_FRAME:
                raise ChildLimitError(f"answered with more than {_MAX_FRAME >> 20} MiB")
            frame = await self._replies.readexactly(size)
        except (asyncio.IncompleteReadError, ConnectionError):
            self.kill()
            raise ChildDiedError(f"its process died ({_cause(await self._process.wait())})") from None
        return _parse(frame)

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):  # it may be gone, and on macOS a zombie is not ours
            os.killpg(self._process.pid, signal.SIGKILL)

    async def reap(self) -> None:
        self._requests.close()
        while await self._replies.read(1 << 20):
            pass  # what it still had to say; unread, it would keep the pipe open
        await self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)


def _cause(code: int) -> str:
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def _parse(frame: bytes) -> _Reply:
    try:
        reply = _OursOnly(io.BytesIO(frame)).load()
    except Exception as error:  # a broken pickle raises what it likes
        raise ChildError("its process answered what no child of ours does") from error
    if not isinstance(reply, _Reply):
        raise ChildError("its process answered what no child of ours does")
    return reply


class _OursOnly(pickle.Unpickler):
    """Makes nothing but plain data, our own values, and times: a pickle from elsewhere could otherwise run anything."""

    def find_class(self, module: str, name: str) -> Any:
        if module.startswith("gitopsd.") or module in _PLAIN:
            found = super().find_class(module, name)
            if isinstance(found, type) and (found.__module__.startswith("gitopsd.") or found.__name__ in _PLAIN.get(module, ())):
                return found
        raise pickle.UnpicklingError(f"{module}.{name} is not a value that a child may send")


_PLAIN = {"builtins": {"set", "frozenset", "bytearray"}, "datetime": {"datetime", "date", "timedelta", "timezone"}}


# --- the child's side ---------------------------------------------------------------------------------------------------


def serve() -> None:
    """Answers requests until there are no more. What the functions print goes to standard error: the pipe is ours."""
    memory = int(sys.argv[2])
    _end_with_parent()
    with contextlib.suppress(ValueError, OSError):  # a lower hard limit is set already, or the system has none of these
        resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    while header := requests.read(_HEADER.size):
        request = requests.read(_HEADER.unpack(header)[0])
        _send(replies, _answer(request, memory))


def _end_with_parent() -> None:
    """Linux ends us when the parent dies, even within a call; elsewhere the end of our input does, after it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _answer(request: bytes, memory: int) -> bytes:
    value, error = None, None
    try:
        function, args = pickle.loads(request)  # noqa: S301 - from our parent, which may run anything anyway
        value = function(*args)
    except GitopsdError as raised:
        error = raised
    except MemoryError:
        error = ChildLimitError(f"needed more than {memory >> 20} MiB of memory")
    except Exception as raised:  # noqa: BLE001 - whatever it is, the caller has to know
        error = _unexpected(raised)
    frame = pickle.dumps(_Reply(value, error, _resident()))
    if len(frame) > _MAX_FRAME:
        frame = pickle.dumps(_Reply(None, ChildLimitError(f"gave more than {_MAX_FRAME >> 20} MiB"), _resident()))
    return frame


def _unexpected(raised: Exception) -> ChildError:
    """Names the kind and the place, not the text, which may hold what was being worked on."""
    last = traceback.extract_tb(raised.__traceback__)[-1]
    return ChildError(f"{type(raised).__name__} in {last.name} ({os.path.basename(last.filename)}:{last.lineno})")  # noqa: PTH119


def _send(replies: BinaryIO, frame: bytes) -> None:
    replies.write(_HEADER.pack(len(frame)))
    replies.write(frame)
    replies.flush()


@functools.cache
def _page() -> int:
    return os.sysconf("SC_PAGE_SIZE")


def _resident() -> int:
    try:
        with open("/proc/self/statm", "rb") as statm:  # noqa: PTH123 - after every call: keep it cheap
            return int(statm.read().split()[1]) * _page()
    except OSError:
        return 0  # no /proc: children are replaced by count alone


if __name__ == "__main__":
    from gitopsd.children import serve as serve_as_imported  # under the module's own name, its classes are the parent's

    serve_as_imported()

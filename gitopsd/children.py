"""Child processes that can be ended.

Two kinds of work must never hold up the daemon: rendering, which computes (threads would share its interpreter lock), and
network Git, which blocks in C code that knows idle timeouts but no deadline. Both are plain functions, called in a child:

    pool = Pool("git", size=8)
    refs = await pool.call(list_refs, url, deadline=30)

A call that passes its deadline, or whose caller is cancelled, kills its child with its whole process group; the next call
gets a new one. Arguments and results travel as pickles over the child's own socket, so no credential is ever on a command line
or in an environment. A child reads what strangers wrote, so of what it sends back nothing is made but our own values and
errors. Children end with their parent, however that ends, and their temporary files end with them.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import pickle
import shutil
import signal
import socket
import sys
import tempfile
from asyncio.subprocess import DEVNULL, Process
from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar, TypeVarTuple, cast

from gitopsd import nursery
from gitopsd.nursery import (
    BEAR,
    BORN,
    FRAME,
    HEADER,
    KILL,
    MAX_FRAME,
    ChildDiedError,
    ChildError,
    ChildLimitError,
    ChildTimeError,
    Reply,
)

__all__ = ["ChildDiedError", "ChildError", "ChildLimitError", "ChildTimeError", "Nursery", "Pool", "plain"]

_Pipes = tuple[asyncio.StreamReader, asyncio.StreamWriter]
_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")


class Pool:
    """Up to `size` children, started when they are needed and kept for the next call.

    `memory` bounds the data of one child, in bytes. A child is replaced after `calls` calls, and when it holds more than half of
    that memory after one. Waiting callers are served in turn. Without a `nursery` to share with others it has one of its own.
    """

    def __init__(self, name: str, *, size: int, memory: int = 1 << 30, calls: int = 1000, nursery: Nursery | None = None) -> None:
        self._name = name
        self._memory = memory
        self._calls = calls
        self._slots = asyncio.Semaphore(size)
        self._idle: list[_Child] = []
        self._ending: set[asyncio.Task[None]] = set()
        self._nursery = nursery or Nursery()
        self._own = nursery is None

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
        if self._own:
            await self._nursery.aclose()

    async def _take(self, *, new: bool) -> _Child:
        # The last one used is the one whose caches are warm; one that died while it was idle is found here.
        while self._idle and not new:
            child = self._idle.pop()
            if child.alive:
                return child
            self._end(child)
        return await self._nursery.bear(self._name, self._memory)

    def _end(self, child: _Child) -> None:
        child.kill()
        task = asyncio.create_task(child.reap())
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)


class Nursery:
    """The parent's end of `gitopsd.nursery`, which starts with the first child that is asked for.

    `preload` are the modules that children need: what they load themselves each of them has for itself.
    """

    def __init__(self, preload: tuple[str, ...] = ()) -> None:
        self._preload = preload
        self._starting = asyncio.Lock()
        self._running: _Running | None = None

    async def bear(self, name: str, memory: int) -> _Child:
        """A new child, which `top` shows by this name. Raises ChildError."""
        async with self._starting:
            if self._running is None or self._running.is_over:
                await self.aclose()
                self._running = await _Running.start(self._preload)
        return await self._running.bear(name, memory)

    async def aclose(self) -> None:
        """Ends it, and with it the children that are left."""
        if self._running is not None:
            await self._running.end()
            self._running = None


class _Running:
    """A nursery while it lives: its process, the socket at which it is asked, and the children that it tells of."""

    def __init__(self, process: Process, control: socket.socket, folder: str) -> None:
        self._process, self._control, self._folder = process, control, folder
        self._awaited: deque[asyncio.Future[tuple[int, asyncio.Future[int]]]] = deque()
        self._living: dict[int, asyncio.Future[int]] = {}
        self.is_over = False
        asyncio.get_running_loop().add_reader(control, self._hear)

    @classmethod
    async def start(cls, preload: tuple[str, ...]) -> _Running:
        # In a session of its own: Ctrl-C on a terminal is for the parent.
        with contextlib.ExitStack() as undo:
            ours, theirs = socket.socketpair()
            undo.callback(ours.close)
            with theirs:
                command = [sys.executable, "-P", "-m", nursery.__name__, str(theirs.fileno()), *preload]
                try:
                    folder = tempfile.mkdtemp(prefix="gitopsd-")
                    undo.callback(shutil.rmtree, folder)
                    environment = {**os.environ, "TMPDIR": folder, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
                    process = await asyncio.create_subprocess_exec(
                        *command, stdin=DEVNULL, env=environment, start_new_session=True, pass_fds=(theirs.fileno(),)
                    )
                except OSError as error:
                    raise ChildError(f"its process could not be started: {error.strerror}") from error
            undo.pop_all()
        ours.settimeout(0)
        return cls(process, ours, folder)

    async def bear(self, name: str, memory: int) -> _Child:
        ours, theirs = socket.socketpair()
        born = asyncio.get_running_loop().create_future()
        with theirs:
            try:
                socket.send_fds(self._control, [FRAME.pack(BEAR, name.encode()[:15], memory, 0)], [theirs.fileno()])
            except OSError as error:
                ours.close()
                raise ChildDiedError(f"its process could not be started: {error.strerror}") from error
        self._awaited.append(born)
        try:
            pid, ended = await asyncio.shield(born)
        except BaseException:
            ours.close()  # which ends it, once it is born
            raise
        return _Child(self._kill, pid, ended, await asyncio.open_unix_connection(sock=ours, limit=1 << 20))

    def _kill(self, pid: int) -> None:
        with contextlib.suppress(OSError):  # all is over, and its children with it
            self._control.send(FRAME.pack(KILL, b"", pid, 0))

    def _hear(self) -> None:
        try:
            told = self._control.recv(FRAME.size * 64)
        except BlockingIOError:
            return
        except OSError:
            told = b""
        for kind, _, pid, status in FRAME.iter_unpack(told):
            if kind == BORN and status:
                why = f"its process could not be started: {os.strerror(status)}"
                self._awaited.popleft().set_exception(ChildDiedError(why))
            elif kind == BORN:
                self._living[pid] = asyncio.get_running_loop().create_future()
                self._awaited.popleft().set_result((pid, self._living[pid]))
            else:
                self._living.pop(pid).set_result(status)
        if not told:
            self._lost()

    def _lost(self) -> None:
        """It is gone, and its children with it."""
        self.is_over = True
        asyncio.get_running_loop().remove_reader(self._control)
        while self._awaited:
            self._awaited.popleft().set_exception(ChildDiedError("its process could not be started: what starts it has died"))
        while self._living:
            self._living.popitem()[1].set_result(signal.SIGKILL)

    async def end(self) -> None:
        if not self.is_over:
            self._lost()
        self._control.close()
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)


class _Child:
    """The parent's end of one child. `ended` comes to the status that `waitpid` gives for it."""

    def __init__(self, end: Callable[[int], None], pid: int, ended: asyncio.Future[int], pipes: _Pipes) -> None:
        self._kill, self._pid, self._ended = end, pid, ended
        self._replies, self._requests = pipes
        self.calls = 0

    @property
    def alive(self) -> bool:
        return not self._ended.done()

    async def ask(self, request: bytes) -> Reply:
        self.calls += 1
        try:
            self._requests.write(HEADER.pack(len(request)) + request)
            await self._requests.drain()
            (size,) = HEADER.unpack(await self._replies.readexactly(HEADER.size))
            if size > MAX_FRAME:
                raise ChildLimitError(f"answered with more than {MAX_FRAME >> 20} MiB")
            frame = await self._replies.readexactly(size)
        except (asyncio.IncompleteReadError, ConnectionError):
            self.kill()
            raise ChildDiedError(f"its process died ({_cause(await asyncio.shield(self._ended))})") from None
        return _parse(frame)

    def kill(self) -> None:
        if self.alive:
            self._kill(self._pid)

    async def reap(self) -> None:
        self._requests.close()
        await self._ended


def _cause(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def plain(frame: bytes) -> Any:
    """What a child has pickled, if it is nothing but plain data, our own values, and times. Raises ChildError."""
    try:
        return _OursOnly(io.BytesIO(frame)).load()
    except Exception as error:  # a broken pickle raises what it likes
        raise ChildError("its process answered what no child of ours does") from error


def _parse(frame: bytes) -> Reply:
    reply = plain(frame)
    if not isinstance(reply, Reply):
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

"""The nursery: a process that has loaded what children need, and forks one whenever it is asked.

To start an interpreter with our modules takes a quarter of a second and 25 MiB for each child; a fork takes milliseconds, and
shares with all others what was loaded. The nursery is a program of its own, not a fork of the daemon, so no secret is in its
memory; and it runs nothing of what its children run, so that each of them begins knowing nothing of what strangers wrote.

It speaks with its parent (`gitopsd.children`) in frames over a socket. No asyncio is loaded here.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import functools
import gc
import importlib
import os
import pickle
import resource
import select
import shutil
import signal
import socket
import struct
import sys
import tempfile
import traceback
from dataclasses import dataclass
from typing import Any, BinaryIO

from gitopsd.model.errors import GitopsdError

FRAME = struct.Struct(">c15sqq")
"""What is asked and told: its kind, and of a request the name and the memory in bytes (with the child's end of a socket), of
an answer the pid, and for a death its status as `waitpid` gives it. For a birth that failed it is the errno."""
BEAR, KILL, BORN, DEAD = b"b", b"k", b"+", b"-"

HEADER = struct.Struct(">Q")
MAX_FRAME = 256 << 20

_PR_SET_PDEATHSIG, _PR_SET_NAME = 1, 15


class ChildError(GitopsdError):
    """The work in a child came to no result: its process died, or it raised what it should not. Says what, never a value."""


class ChildDiedError(ChildError):
    """Its process died, be it of its work or of what others did: the kernel ends whom it likes where memory is short."""


class ChildLimitError(ChildError):
    """The work in a child asked for more time, memory or output than it may have."""


class ChildTimeError(ChildLimitError):
    """It asked for more time."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a child answers: a value, or the error to raise; and the memory that it holds now, in bytes."""

    value: Any
    error: GitopsdError | None
    resident: int


# --- the nursery --------------------------------------------------------------------------------------------------------


def main() -> None:
    """Serves the parent at the socket of the first argument's number, with the modules loaded that follow."""
    control = socket.socket(fileno=int(sys.argv[1]))
    _end_with_parent()
    os.dup2(2, 1)  # what anything prints goes to standard error
    for name in sys.argv[2:]:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # what is there now is never looked at again by a collector, whose marks would make copies of all its pages
    _tend(control)


def _tend(control: socket.socket) -> None:
    """Until the parent is gone."""
    woken, waker = socket.socketpair()
    waker.settimeout(0)
    signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    living: set[int] = set()
    while True:
        ready, _, _ = select.select([control, woken], [], [])
        if woken in ready:
            woken.recv(4096)
            _reap(control, living)
        if control in ready:
            frame, fds, _, _ = socket.recv_fds(control, FRAME.size, 1)
            if not frame:
                return
            kind, name, number, _ = FRAME.unpack(frame)
            if kind == KILL and number in living:
                os.kill(number, signal.SIGKILL)
            elif kind == BEAR:
                pid, error = _fork()
                if not pid and not error:
                    _live(fds[0], name.rstrip(b"\0"), number, (control, woken, waker))
                os.close(fds[0])
                living |= {pid} - {0}
                control.send(FRAME.pack(BORN, b"", pid, error))


def _fork() -> tuple[int, int]:
    """A pid, which is 0 in the child, and an errno where there is none."""
    try:
        return os.fork(), 0
    except OSError as error:
        return 0, error.errno or errno.EAGAIN


def _reap(control: socket.socket, living: set[int]) -> None:
    """Tells of those that have ended; what they started ends with them, and so do their temporary files."""
    while living:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        living.discard(pid)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
        shutil.rmtree(_folder(pid), ignore_errors=True)
        control.send(FRAME.pack(DEAD, b"", pid, status))


def _folder(pid: int) -> str:
    """The folder for temporary files of a child."""
    return os.path.join(tempfile.gettempdir(), str(pid))  # noqa: PTH118 - pathlib would be loaded for it


def _end_with_parent() -> None:
    """Linux ends us when the parent dies, even within a call; elsewhere the end of our input does, after it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


# --- a child ------------------------------------------------------------------------------------------------------------


def _live(fd: int, name: bytes, memory: int, not_ours: tuple[socket.socket, ...]) -> None:
    """All of a child's life, in a session of its own: killing its group takes what it started."""
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for own in not_ours:
            own.close()
        os.setsid()
        _end_with_parent()
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(_PR_SET_NAME, name)
        os.environ["TMPDIR"] = folder = _folder(os.getpid())
        os.mkdir(folder, 0o700)  # noqa: PTH102 - see _folder
        tempfile.tempdir = None
        with contextlib.suppress(ValueError, OSError):  # a lower hard limit is set already, or the system has none of these
            resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
        requests, replies = os.fdopen(os.dup(fd), "rb"), os.fdopen(os.dup(fd), "wb")
        os.close(fd)  # that one would be inherited
        _serve(requests, replies, memory)
        code = 0
    except BrokenPipeError:
        code = 0  # nobody waits for the answer
    except BaseException:  # noqa: BLE001 - the nursery's own stack, below us, is none of a child's
        traceback.print_exc()
    finally:
        os._exit(code)


def _serve(requests: BinaryIO, replies: BinaryIO, memory: int) -> None:
    """Answers requests until there are no more."""
    while header := requests.read(HEADER.size):
        request = requests.read(HEADER.unpack(header)[0])
        frame = _answer(request, memory)
        replies.write(HEADER.pack(len(frame)))
        replies.write(frame)
        replies.flush()


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
    frame = pickle.dumps(Reply(value, error, _resident()))
    if len(frame) > MAX_FRAME:
        frame = pickle.dumps(Reply(None, ChildLimitError(f"gave more than {MAX_FRAME >> 20} MiB"), _resident()))
    return frame


def _unexpected(raised: Exception) -> ChildError:
    """Names the kind and the place, not the text, which may hold what was being worked on."""
    last = traceback.extract_tb(raised.__traceback__)[-1]
    return ChildError(f"{type(raised).__name__} in {last.name} ({os.path.basename(last.filename)}:{last.lineno})")  # noqa: PTH119


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
    from gitopsd.nursery import main as main_as_imported  # under the module's own name, its classes are the parent's

    main_as_imported()

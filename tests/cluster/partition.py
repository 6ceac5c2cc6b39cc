"""A way to a server that can be cut: whoever uses it sees neither an end nor an answer, as in a network that is partitioned."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self


@dataclass(slots=True)
class Cut:
    """Forwards TCP from a port of its own to `target`; a context manager. What is on its way when it is cut arrives later."""

    target: tuple[str, int]
    _listener: socket.socket = field(init=False)
    _open: threading.Event = field(default_factory=threading.Event)
    _sockets: list[socket.socket] = field(default_factory=list)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open.set()
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._open.set()
        for one in (self._listener, *self._sockets):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for one in (self._listener, *self._sockets):
            one.close()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._listener.getsockname()[1])

    def cut(self) -> None:
        """Nothing passes any more."""
        self._open.clear()

    def heal(self) -> None:
        """All passes again, first of all what was held back."""
        self._open.set()

    def _start(self, work: Callable[..., None], *sockets: socket.socket) -> None:
        self._threads.append(threading.Thread(target=work, args=sockets))
        self._threads[-1].start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                here, _ = self._listener.accept()
                there = socket.create_connection(self.target)
                self._sockets += here, there
                self._start(self._pump, here, there)
                self._start(self._pump, there, here)

    def _pump(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while data := one.recv(1 << 16):
                self._open.wait()
                other.sendall(data)
        for side in (one, other):
            with suppress(OSError):
                side.shutdown(socket.SHUT_RDWR)

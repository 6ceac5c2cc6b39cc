"""What one of many may be: a repository and a cluster that take a connection and say nothing, and a commit that is a bomb."""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

HOSTILE = frozenset({"argocd/silent-repository", "argocd/silent-cluster", "argocd/bomb"})

BOMB = "apps/bomb"


def bomb() -> str:
    """A kustomization whose aliases would become 10^9 values (a "billion laughs")."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]" for level in range(1, 10)]
    return "\n".join(lines) + "\n"


def kubeconfig(folder: Path, address: str) -> Path:
    """A kubeconfig for the cluster at an address."""
    entries = {
        "clusters": [{"name": "silent", "cluster": {"server": f"http://{address}"}}],
        "contexts": [{"name": "silent", "context": {"cluster": "silent", "user": "nobody"}}],
        "users": [{"name": "nobody", "user": {"token": "none"}}],
    }
    path = folder / "silent.kubeconfig"
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "Config", "current-context": "silent", **entries}))
    return path


@dataclass(slots=True)
class Silence:
    """A listener that lets everybody connect and never answers; a context manager."""

    _socket: socket.socket = field(init=False)

    def __enter__(self) -> Self:
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=128)
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None) -> None:
        self._socket.close()

    @property
    def address(self) -> str:
        """`host:port`."""
        return f"127.0.0.1:{self._socket.getsockname()[1]}"

"""A real argocd-server beside the control plane, and the `argocd` command: they know Applications, and nothing of gitopsd."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localcluster import LocalCluster, neighbour
from localcluster.layout import free_ports
from localcluster.processes import Process

_NOBODY = "127.0.0.1:1"
"""Where its cache, its repo-server and its login service are not: nothing below needs them."""


@dataclass(frozen=True, slots=True)
class ArgoCd:
    """The command, as a person types it against the server."""

    program: str
    address: str
    home: Path

    def __call__(self, *words: str) -> str:
        """What it prints; fails with what it says where it fails."""
        command = [self.program, *words, "--server", self.address, "--plaintext"]
        environment = {"HOME": str(self.home), "PATH": "/usr/bin:/bin", "ARGOCD_BINARY_NAME": "argocd"}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=90)
        assert done.returncode == 0, f"argocd {' '.join(words)}: {done.stdout}{done.stderr}"
        return done.stdout

    def document(self, *words: str) -> Any:
        """What it prints as JSON."""
        return json.loads(self(*words, "-o", "json"))


@contextmanager
def argocd_server(cluster: LocalCluster, namespace: str, folder: Path) -> Iterator[ArgoCd]:
    """A server for the Applications of `namespace`."""
    program = str(neighbour("argocd"))
    labels = {"app.kubernetes.io/part-of": "argocd"}
    for plural, name in (("configmaps", "argocd-cm"), ("configmaps", "argocd-rbac-cm"), ("secrets", "argocd-secret")):
        cluster.api.create(f"/api/v1/namespaces/{namespace}/{plural}", {"metadata": {"name": name, "labels": labels}})
    port, metrics = free_ports(2)
    process = Process("argocd-server", folder / "argocd-server.pid", folder / "argocd-server.log")
    arguments = [
        *(program, "--kubeconfig", str(cluster.kubeconfig), "--namespace", namespace, "--insecure", "--disable-auth"),
        *("--address", "127.0.0.1", "--port", str(port), "--metrics-address", "127.0.0.1", "--metrics-port", str(metrics)),
        *("--redis", _NOBODY, "--repo-server", _NOBODY, "--dex-server", _NOBODY),
    ]
    process.start(arguments, {"ARGOCD_BINARY_NAME": "argocd-server", "ARGOCD_FAKE_IN_CLUSTER": "true", "HOME": str(folder)})
    try:
        while not _answers(port):
            assert process.alive(), process.last_lines(20)
            time.sleep(0.1)
        yield ArgoCd(program, f"127.0.0.1:{port}", folder)
    finally:
        process.stop(5)


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/version", timeout=5):
            return True
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False

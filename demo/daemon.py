"""The daemon of the demo: its configuration, its process, and what it says of the application."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from localcluster.layout import free_ports

APPLICATION = Path(__file__).parent.parent / "manifests" / "applications" / "monitor-app-prod.yaml"
_REPOSITORY = "https://github.com/myorg/myrepo.git"

_CONFIG = """\
apiVersion: gitopsd.dev/v1alpha1
kind: Config
server: {{listen: 127.0.0.1:{api}, metrics: 127.0.0.1:{metrics}}}
storage: {{history: 'sqlite:history.db', mirrors: mirrors}}
polling: {{interval: 1s}}
clusters:
  - {{name: in-cluster, server: 'https://kubernetes.default.svc'{access}}}
applications:
  - file: monitor-app-prod.yaml
"""


class DaemonError(Exception):
    """The daemon did not start, or ended."""


def _free_port() -> int:
    return free_ports(1)[0]


@dataclass(slots=True)
class Daemon:
    """`gitopsd run` in `folder`, for the sample application in `repository`; a context manager."""

    folder: Path
    repository: Path
    kubeconfig: Path | None
    context: str
    port: int = field(default_factory=_free_port)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """Where its API answers."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        """What it says."""
        return self.folder / "gitopsd.log"

    def __enter__(self) -> Self:
        config = self.folder / "config.yaml"
        config.write_text(_CONFIG.format(api=self.port, metrics=_free_port(), access=self._access()))
        document = APPLICATION.read_text().replace(_REPOSITORY, str(self.repository))
        (self.folder / "monitor-app-prod.yaml").write_text(document)
        with self.log.open("wb") as log:
            command = [sys.executable, "-m", "gitopsd", "run", "--config", str(config)]
            # A session of its own: Ctrl-C is for the demo, which then ends the daemon in order.
            self._process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
        self._await_answer()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process:
            self._process.terminate()
            self._process.wait(timeout=60)

    def _access(self) -> str:
        # Of several files in KUBECONFIG the first one counts: a list can't be handed on in a configuration.
        users = os.environ.get("KUBECONFIG", "").split(os.pathsep)[0] or Path.home() / ".kube" / "config"
        kubeconfig = self.kubeconfig or Path(users).absolute()
        return f", kubeconfig: '{kubeconfig}'" + (f", context: '{self.context}'" if self.context else "")

    def _await_answer(self) -> None:
        while True:
            self._check_alive()
            try:
                self._get("/healthz")
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.05)
            else:
                return

    def _check_alive(self) -> None:
        if self._process and self._process.poll() is not None:
            last = "".join(self.log.read_text().splitlines(keepends=True)[-10:])
            raise DaemonError(f"the daemon ended with code {self._process.returncode}; {self.log} ends with:\n{last}")

    def state(self) -> str:
        """What is said of the application in a few words: `Synced, Healthy`; `OutOfSync, Missing: ...`."""
        self._check_alive()
        application = self._get("/api/v1/applications/monitor-app-prod")
        words = f"{application['sync']['status']}, {application['health']['status']}"
        said = [condition["message"] for condition in application["conditions"]] or [application["health"]["message"]]
        return f"{words}: {said[0]}" if said[0] else words

    def _get(self, path: str) -> Any:
        with urllib.request.urlopen(self.address + path, timeout=10) as answer:  # noqa: S310 - our own daemon on loopback
            return json.load(answer)

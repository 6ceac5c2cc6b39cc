"""The whole daemon as a process, for tests of the main job: a Git repository, its configuration, and what it says over HTTP."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from localcluster import LocalCluster
from localcluster.layout import free_ports
from tests.gitrepo import Repo

_CONFIG = """\
apiVersion: gitopsd.dev/v1alpha1
kind: Config
installation: {installation}
server: {{listen: 127.0.0.1:{api}, metrics: 127.0.0.1:{metrics}}}
storage: {{history: '{history}', {password}mirrors: mirrors}}
polling: {{interval: {polling}}}
clusters:
  - {{name: in-cluster, server: 'https://kubernetes.default.svc', kubeconfig: {kubeconfig}}}
applications:
  - file: apps/*.yaml
"""

_APPLICATION = """\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {{name: {name}, namespace: argocd, annotations: {annotations}}}
spec:
  project: default
  source: {{repoURL: '{repository}', targetRevision: HEAD, path: {path}}}
  destination: {{server: 'https://kubernetes.default.svc', namespace: {namespace}}}
  syncPolicy:
    automated: {{prune: true, selfHeal: true}}
"""


def _free_port() -> int:
    return free_ports(1)[0]


@dataclass(slots=True)
class Daemon:
    """`gitopsd run` in `folder`; a context manager. `installation` keeps its marks apart from those of other tests.

    It polls each `polling`; `runner` is the beginning of its command line, where a profiler has its place; `history` is the URL
    of its database, where a password may stand in, `kubeconfig` another way to the cluster, `more` the end of its configuration.
    """

    folder: Path
    cluster: LocalCluster
    installation: str
    polling: str = "1s"
    runner: tuple[str, ...] = (sys.executable,)
    history: str = "sqlite:history.db"
    kubeconfig: Path | None = None
    more: str = ""
    repo: Repo = field(init=False)
    api: int = field(default_factory=_free_port)
    metrics: int = field(default_factory=_free_port)
    _process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        (self.folder / "apps").mkdir(parents=True)
        self.repo = Repo(self.folder / "repository.git")
        (self.folder / "password").write_text(secret := urlsplit(self.history).password or "")
        config = _CONFIG.format(
            history=self.history.replace(f":{secret}@", "@"),
            password=f"passwordFile: {self.folder}/password, " if secret else "",
            installation=self.installation,
            api=self.api,
            metrics=self.metrics,
            polling=self.polling,
            kubeconfig=self.kubeconfig or self.cluster.kubeconfig,
        )
        config += self.more
        (self.folder / "config.yaml").write_text(config)

    def declare(self, name: str, namespace: str, path: str = "app", **annotations: str) -> None:
        """Declares an application that prunes and heals, with annotations under gitopsd.dev/ (`depends_on` is `depends-on`)."""
        said = {f"gitopsd.dev/{word.replace('_', '-')}": value for word, value in annotations.items()}
        parts = {"name": name, "namespace": namespace, "path": path, "repository": self.repo.url}
        text = _APPLICATION.format(**parts, annotations=json.dumps(said))
        (self.folder / "apps" / f"{name}.yaml").write_text(text)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        """A new process; returns when it answers."""
        with self.log.open("ab") as log:
            command = [*self.runner, "-m", "gitopsd", "run", "--config", str(self.folder / "config.yaml")]
            self._process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
        self.until(lambda: self.alive() and self._answers())

    def kill(self, how: signal.Signals = signal.SIGKILL) -> int:
        """Ends the process and all its children; gives its exit code."""
        process = self._process
        if process is None:
            return 0
        if how is signal.SIGKILL:
            os.killpg(process.pid, how) if process.poll() is None else None
        else:
            process.send_signal(how)
        self._process = None
        return process.wait(timeout=60)

    @property
    def pid(self) -> int:
        """The process; raises where it was not started."""
        if self._process is None:
            raise AssertionError("the daemon was not started")
        return self._process.pid

    def alive(self) -> bool:
        """Whether the process runs; fails with the end of its log where it ended by itself."""
        if self._process is None or self._process.poll() is not None:
            raise AssertionError(f"the daemon ended:\n{self.log_text()[-3000:]}")
        return True

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def log_text(self) -> str:
        """All that it has said so far."""
        return self.log.read_text()

    def get(self, path: str) -> Any:
        """The JSON document at a path of its API."""
        return json.loads(self.text(path))

    def text(self, path: str, *, method: str = "GET", body: Any = None) -> str:
        """What it answers, whatever the status; a `body` is sent as JSON."""
        sent, headers = (None, {}) if body is None else (json.dumps(body).encode(), {"Content-Type": "application/json"})
        request = urllib.request.Request(f"http://127.0.0.1:{self.api}{path}", sent, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - likewise
                return str(answer.read().decode())
        except urllib.error.HTTPError as error:
            return error.read().decode()

    def knows(self, name: str) -> bool:
        """Whether it has the application."""
        return name in {app["name"] for app in self.get("/api/v1/applications")["items"]}

    def app(self, name: str) -> Any:
        """How an application stands."""
        return self.get(f"/api/v1/applications/{name}")

    def state(self, name: str) -> str:
        """`Synced Healthy` and the like."""
        app = self.app(name)
        return f"{app['sync']['status']} {app['health']['status']}"

    def until_synced(self, name: str, revision: str = "") -> None:
        """Waits until it is Synced and Healthy, at `revision` where that is given."""

        def synced() -> bool:
            app = self.app(name)
            settled = (app["sync"]["status"], app["health"]["status"]) == ("Synced", "Healthy")
            return settled and revision in ("", app["sync"]["revision"])

        self.until(synced, lambda: json.dumps(self.app(name), indent=1))

    def until(self, condition: Callable[[], bool], said: Callable[[], str] = lambda: "", seconds: float = 90) -> None:
        """Waits for a condition; after `seconds` fails with what is `said` and the end of the log."""
        deadline = time.monotonic() + seconds
        while not condition():
            self.alive()
            if time.monotonic() > deadline:
                raise AssertionError(f"waited in vain; {said()}\n{self.log_text()[-3000:]}")
            time.sleep(0.05)

    def _answers(self) -> bool:
        try:
            self.get("/healthz")
        except (urllib.error.URLError, ConnectionError):
            return False
        return True

    def requests(self) -> int:
        """How many requests it has sent to the API server, watches aside."""
        return sum(value for line, value in self._counted("gitopsd_api_requests_total{") if 'verb="watch"' not in line)

    def passes(self) -> int:
        """How many passes it has made."""
        return sum(value for _, value in self._counted('gitopsd_stage_duration_seconds_count{stage="health"}'))

    def _counted(self, name: str) -> Iterator[tuple[str, int]]:
        lines = (line for line in self.text("/metrics").splitlines() if line.startswith(name))
        return ((line, int(float(line.rpartition(" ")[2]))) for line in lines)

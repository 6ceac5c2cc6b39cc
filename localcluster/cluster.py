"""A real Kubernetes control plane in a folder: etcd, API server, controllers, and kwok, which plays two nodes."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from localcluster.api import Api
from localcluster.binaries import Binaries
from localcluster.errors import LocalClusterError
from localcluster.layout import (
    API,
    COMPONENTS,
    CONTROLLERS,
    GUARD,
    HOST,
    JOIN,
    Layout,
    Settings,
    command_line,
    write_access,
)
from localcluster.processes import Process
from localcluster.progress import Progress
from localcluster.readiness import is_ready

_START = 120.0
"""Seconds that a component has until it is ready: it takes 3 on a quiet machine."""

_GRACE = 10.0
"""Seconds that a component has to end by itself."""

_POLL = 0.05
"""Seconds between two looks at a component that starts."""

_OBJECTS = Path(__file__).with_name("objects.json")
"""What every cluster has from the start: two nodes and a storage class, by the path of their collection."""


@dataclass(slots=True)
class LocalCluster:
    """The cluster in `folder`, running or not; another process that names the same folder means the same cluster.

    As a context manager it is up inside the block, with everything, and is gone afterwards, be it that this process was killed.
    """

    folder: Path
    binaries: Binaries = field(default_factory=Binaries)
    progress: Progress = field(default_factory=lambda: Progress(sys.stderr))
    _leash: int | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.folder = self.folder.absolute()

    # --- what its users need ---

    @property
    def kubeconfig(self) -> Path:
        """The administrator's, with the token and the authority in it."""
        return self._layout.kubeconfig

    @property
    def server(self) -> str:
        """The address of the API server."""
        return self._settings().server

    @property
    def token(self) -> str:
        """The administrator's."""
        return self._settings().token

    @property
    def authority(self) -> Path:
        """The certificate to trust, as a PEM file."""
        return self._layout.authority

    @property
    def api(self) -> Api:
        """For requests as the administrator."""
        settings = self._settings()
        return Api(HOST, settings.api_port, self._layout.certificate, settings.token)

    def service_account_token(self, namespace: str, name: str, *, seconds: int = 3600) -> str:
        """A token of a service account, which is made if need be and may do nothing until a role is bound to it."""
        accounts = f"/api/v1/namespaces/{namespace}/serviceaccounts"
        self.api.ensure(accounts, {"metadata": {"name": name}})
        request = {"spec": {"expirationSeconds": seconds}}
        token: str = self.api.create(f"{accounts}/{name}/token", request)["status"]["token"]
        return token

    def status(self) -> dict[str, str]:
        """Each component, and `running`, `stopped`, or what the wait for it is about."""
        words = {name: "running" if self._process(name).alive() else "stopped" for name in COMPONENTS}
        join = self._process(JOIN)
        if join.alive():
            doing = join.last_lines(1) or "joining"
            words |= {name: doing for name in CONTROLLERS if words[name] == "stopped"}
        return words

    # --- up and down ---

    def up(self, *, controllers: bool = True, wait: bool = False, bound: bool = False, qps: int | None = None) -> None:
        """Start what is not running; returns when the API server is ready and the kubeconfig written.

        Controllers whose binaries are still to be built join by themselves later, unless `wait` asks for all of them now.
        `bound`: it goes down when this process ends, however it ends. `qps` is the controller-manager's allowance of requests a
        second: its default of 20 binds whatever waits for health at scale. It stays what it was where the folder holds a cluster.

        Raises:
            LocalClusterError: no binaries can be had, or a component does not start; nothing is left running.
        """
        self._layout.create(self._layout.settings() or Settings.make(qps=qps, owns_folder=not self.folder.exists()))
        try:
            if bound:
                self._bind()
            self.start(*API)
            if controllers and (wait or all(map(self.binaries.find, CONTROLLERS))):
                self.start(*CONTROLLERS)
            elif controllers:
                self._process(JOIN).start(*self._ourselves(JOIN))
        except BaseException:
            self._kill()
            raise

    def down(self) -> None:
        """End all its processes, and remove all that it made."""
        self._kill()
        settings = self._layout.settings()
        for path in self._layout.owned():
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        if settings and settings.owns_folder and not any(self.folder.iterdir()):
            self.folder.rmdir()

    def __enter__(self) -> Self:
        try:
            self.up(wait=True, bound=True)
        except BaseException:
            self.down()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.down()

    # --- single components ---

    def start(self, *names: str) -> None:
        """Start components with the data and the ports that they had; returns when they are ready.

        Raises:
            LocalClusterError: one does not start; the end of its log is in the message.
        """
        settings = self._settings()
        binaries = {name: self.binaries.provide(name, self.progress) for name in names}
        for name, binary in binaries.items():
            self._process(name).start(command_line(name, binary, self._layout, settings))
        for name in names:
            self._await(name)

    def stop(self, name: str) -> None:
        """Stop one component; its data stays."""
        self._settings()
        self._process(name).stop(_GRACE)

    def reset(self) -> None:
        """Replace the cluster by an empty one at the same address, with the same token and authority."""
        running = [name for name in COMPONENTS if self._process(name).alive()]
        for name in reversed(running):
            self._process(name).stop(0)
        shutil.rmtree(self._layout.etcd_data)
        self._layout.create(self._settings())
        self.start(*(name for name in running if name in API))
        self.start(*(name for name in running if name in CONTROLLERS))

    def join(self) -> None:
        """Build the controllers, and start each as soon as it is there."""
        for name in CONTROLLERS:
            self.start(name)

    # --- how ---

    @property
    def _layout(self) -> Layout:
        return Layout(self.folder)

    def _settings(self) -> Settings:
        settings = self._layout.settings()
        if not settings:
            raise LocalClusterError(
                f"there is no cluster in {self.folder}: `python -m localcluster up --dir {self.folder}` makes one"
            )
        return settings

    def _process(self, name: str) -> Process:
        return self._layout.process(name)

    def _await(self, name: str) -> None:
        """Wait until a component does its work."""
        process = self._process(name)
        deadline = time.monotonic() + _START
        while not is_ready(name, self.api):
            late = time.monotonic() > deadline
            if late or not process.alive():
                what = f"is not ready after {_START:.0f} s" if late else "ended while it was starting"
                raise LocalClusterError(f"{name} {what}; {process.log} ends with:\n{process.last_lines(10)}")
            time.sleep(_POLL)
        if name == "kube-apiserver":
            write_access(self._layout, self._settings())
            for path, documents in json.loads(_OBJECTS.read_text()).items():
                for document in documents:
                    self.api.ensure(path, document)

    def _bind(self) -> None:
        """The guard reads from a pipe that nobody writes to: its end is ours, which the kernel tells whatever becomes of us."""
        reader, self._leash = os.pipe()
        arguments, environment = self._ourselves(GUARD)
        self._process(GUARD).start(arguments, environment, stdin=reader)
        os.close(reader)

    def _ourselves(self, command: str) -> tuple[list[str], dict[str, str]]:
        arguments = [sys.executable, "-m", "localcluster", command, "--dir", str(self.folder)]
        return arguments, {"PYTHONPATH": str(Path(__file__).parent.parent)}

    def _kill(self) -> None:
        """End everything at once: first what starts processes, last what would end them were we killed; it may be us."""
        for name in (JOIN, *reversed(COMPONENTS), GUARD):
            process = self._process(name)
            if process.pid() != os.getpid():
                process.stop(0)
        if self._leash is not None:
            os.close(self._leash)
            self._leash = None

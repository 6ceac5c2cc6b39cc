"""What a cluster's folder holds, and the command line of each component."""

from __future__ import annotations

import base64
import json
import random
import secrets
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from localcluster.errors import LocalClusterError
from localcluster.processes import Process

HOST = "127.0.0.1"

_PORTS = range(20000, 30000)
"""Below what Linux (from 32768) and macOS (from 49152) hand out to clients: a server that was stopped finds its port free."""

API = ("etcd", "kube-apiserver")
CONTROLLERS = ("kube-controller-manager", "kube-scheduler", "kwok")
COMPONENTS = (*API, *CONTROLLERS)
GUARD = "guard"
"""Our own process that takes a cluster down when its owner dies."""
JOIN = "join"
"""Our own process that adds controllers which are still being built."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What is decided once and kept in the folder, so that each component can be stopped and started by itself."""

    api_port: int
    etcd_port: int
    peer_port: int
    token: str
    qps: int | None
    """The controller-manager's allowance of requests a second, with bursts of twice as many; None: its own default, 20."""
    owns_folder: bool
    """Whether the folder was made for the cluster, and goes with it."""

    @property
    def server(self) -> str:
        """The address of the API server."""
        return f"https://{HOST}:{self.api_port}"

    @classmethod
    def make(cls, *, qps: int | None, owns_folder: bool) -> Settings:
        """New ones: free ports, a fresh token."""
        api, etcd, peer = free_ports(3)
        return cls(api, etcd, peer, secrets.token_urlsafe(24), qps, owns_folder)


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths in a cluster's folder."""

    folder: Path

    @property
    def settings_file(self) -> Path:
        """What `Settings` holds."""
        return self.folder / "cluster.json"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's."""
        return self.folder / "kubeconfig"

    @property
    def etcd_data(self) -> Path:
        """All that the API server keeps."""
        return self.folder / "etcd"

    @property
    def certificate(self) -> Path:
        """The API server's own, which it makes at its first start and keeps; its authority's stands below it."""
        return self.folder / "pki" / "apiserver.crt"

    @property
    def authority(self) -> Path:
        """The authority's certificate alone, which is what clients are to trust."""
        return self.folder / "pki" / "ca.crt"

    @property
    def key(self) -> Path:
        """The API server's private key, which signs the tokens of service accounts too."""
        return self.folder / "pki" / "apiserver.key"

    @property
    def tokens(self) -> Path:
        """The API server's list of tokens."""
        return self.folder / "pki" / "tokens.csv"

    @property
    def processes(self) -> Path:
        """One file per process: its pid and birth."""
        return self.folder / "run"

    @property
    def logs(self) -> Path:
        """One file per process: both its outputs."""
        return self.folder / "logs"

    def owned(self) -> tuple[Path, ...]:
        """Everything that a cluster makes in its folder."""
        return (
            self.settings_file,
            self.kubeconfig,
            self.etcd_data,
            self.certificate.parent,
            self.processes,
            self.logs,
        )

    def process(self, name: str) -> Process:
        """The process `name` of this cluster."""
        return Process(name, self.processes / name, self.logs / f"{name}.log")

    def create(self, settings: Settings) -> None:
        """The folders, the settings, and the API server's list of tokens: one administrator."""
        for folder in (self.etcd_data, self.tokens.parent, self.processes, self.logs):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_private(self.tokens, f'{settings.token},admin,admin,"system:masters"\n')
        write_private(self.settings_file, json.dumps(asdict(settings)))

    def settings(self) -> Settings | None:
        """What `create` wrote; None where there is no cluster."""
        try:
            return Settings(**json.loads(self.settings_file.read_text()))
        except FileNotFoundError:
            return None


def write_private(file: Path, text: str) -> None:
    """Write a file that only its owner can read, and that others see whole or not at all."""
    part = file.with_name(f".{file.name}.part")
    part.unlink(missing_ok=True)
    part.touch(mode=0o600)
    part.write_text(text)
    part.replace(file)


def free_ports(count: int, among: Sequence[int] = _PORTS) -> list[int]:
    """Ports of `HOST` that nobody listens on; tried in random order, since other clusters look for theirs at the same time.

    Raises:
        LocalClusterError: there are not as many.
    """
    found: list[int] = []
    with ExitStack() as held:
        for port in random.sample(among, len(among)):
            try:
                held.enter_context(socket.socket()).bind((HOST, port))
            except OSError:
                continue
            found.append(port)
            if len(found) == count:
                return found
    raise LocalClusterError(
        f"fewer than {count} of the ports {among[0]} to {among[-1]} of {HOST} are free: end what listens there"
    )


def _etcd(layout: Layout, settings: Settings) -> Mapping[str, object]:
    client, peer = (f"http://{HOST}:{port}" for port in (settings.etcd_port, settings.peer_port))
    return {
        "name": "local",
        "data-dir": layout.etcd_data,
        "listen-client-urls": client,
        "advertise-client-urls": client,
        "listen-peer-urls": peer,
        "initial-advertise-peer-urls": peer,
        "initial-cluster": f"local={peer}",
        "log-level": "warn",
        # A crash of the machine may cost the data of a cluster that is not meant to outlive it.
        "unsafe-no-fsync": "true",
    }


def _apiserver(layout: Layout, settings: Settings) -> Mapping[str, object]:
    return {
        "etcd-servers": f"http://{HOST}:{settings.etcd_port}",
        "bind-address": HOST,
        "secure-port": settings.api_port,
        # Loopback can't be an endpoint of the Service `kubernetes`, so there are none.
        "advertise-address": HOST,
        "endpoint-reconciler-type": "none",
        "cert-dir": layout.certificate.parent,
        "service-account-issuer": "https://kubernetes.default.svc",
        # The server makes its TLS key before it reads this one: no other key is needed.
        "service-account-signing-key-file": layout.key,
        "service-account-key-file": layout.key,
        "token-auth-file": layout.tokens,
        "authorization-mode": "RBAC",
        "allow-privileged": "true",
        "service-cluster-ip-range": "10.96.0.0/16",
    }


def _controller_manager(layout: Layout, settings: Settings) -> Mapping[str, object]:
    pace = {"kube-api-qps": settings.qps, "kube-api-burst": 2 * settings.qps} if settings.qps else {}
    return {
        "kubeconfig": layout.kubeconfig,
        "leader-elect": "false",
        "secure-port": 0,
        "root-ca-file": layout.authority,
        **pace,
    }


def _scheduler(layout: Layout, _: Settings) -> Mapping[str, object]:
    return {"kubeconfig": layout.kubeconfig, "leader-elect": "false", "secure-port": 0}


def _kwok(layout: Layout, _: Settings) -> Mapping[str, object]:
    return {
        "kubeconfig": layout.kubeconfig,
        "config": Path(__file__).with_name("stages.yaml"),
        "manage-all-nodes": "true",
        "node-ip": HOST,
        "cidr": "10.244.0.0/16",
        "node-lease-duration-seconds": 40,
    }


_OPTIONS: Mapping[str, Callable[[Layout, Settings], Mapping[str, object]]] = {
    "etcd": _etcd,
    "kube-apiserver": _apiserver,
    "kube-controller-manager": _controller_manager,
    "kube-scheduler": _scheduler,
    "kwok": _kwok,
}


def command_line(name: str, binary: Path, layout: Layout, settings: Settings) -> list[str]:
    """How the component `name` is started."""
    options = _OPTIONS[name](layout, settings)
    return [str(binary), *(f"--{option}={value}" for option, value in options.items())]


def write_access(layout: Layout, settings: Settings) -> None:
    """Write what clients of a running API server need: its authority, and the administrator's kubeconfig."""
    begin = "-----BEGIN CERTIFICATE-----"
    authority = begin + layout.certificate.read_text().rpartition(begin)[2]
    write_private(layout.authority, authority)
    write_private(
        layout.kubeconfig,
        f"""\
apiVersion: v1
kind: Config
current-context: local
contexts:
- name: local
  context: {{cluster: local, user: admin}}
clusters:
- name: local
  cluster:
    server: {settings.server}
    certificate-authority-data: {base64.b64encode(authority.encode()).decode()}
users:
- name: admin
  user:
    token: {settings.token}
""",
    )

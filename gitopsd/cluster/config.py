"""What a cluster is called, how it is reached, and who we are there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gitopsd import __version__
from gitopsd.health import assess
from gitopsd.model.app import AppKey
from gitopsd.model.health import Health
from gitopsd.model.refs import Object, ObjectRef
from gitopsd.ports import Tenure

IN_CLUSTER = "https://kubernetes.default.svc"
"""The server that an Application names for the cluster in which gitopsd itself runs."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where an API server is, and how it is told from an impostor. `ca` is PEM; empty means the system's authorities."""

    server: str
    ca: str = ""
    insecure: bool = False
    server_name: str = ""
    proxy: str = ""


@dataclass(frozen=True, slots=True)
class User:
    """How we say who we are. `settings` is the `user` of a kubeconfig, relative paths being relative to `folder`."""

    settings: Mapping[str, Any] = field(default_factory=dict, repr=False)
    folder: Path = Path()


@dataclass(frozen=True, slots=True)
class ClusterConfig:
    """A cluster: `name` and `server` are what destinations say, `kubeconfig` and `context` how it is reached.

    Without a `kubeconfig` it is the pod's own service account, unless the access is `given`. An empty `context` is the file's
    current one. `server` need not be the address in the kubeconfig: it is a name, and may be empty. The rest are limits that a
    Secret may set: see `gitopsd.model.project.Target`.
    """

    name: str
    server: str = ""
    kubeconfig: str = ""
    context: str = ""
    given: tuple[Endpoint, User] | None = field(default=None, repr=False)
    namespaces: tuple[str, ...] = ()
    cluster_resources: bool = True
    project: str = ""


class Alone:
    """The `Tenure` of the only process there is."""

    def check(self) -> None:
        """It may always write."""

    def hold(self, app: AppKey) -> str:  # noqa: ARG002 - of whichever application
        """Nobody else is there."""
        return ""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who writes: the installation, its field manager (one for each installation), the namespace of its inventories.

    `health` is how it tells the health of a live object, `tenure` whether it may write.
    """

    installation: str = "default"
    manager: str = "gitopsd"
    namespace: str = "gitopsd"
    health: Callable[[Object], Health] = assess
    tenure: Tenure = field(default_factory=Alone, compare=False)

    @property
    def tooling(self) -> str:
        """What the ApplySet parent says of its tool (KEP-3659: name and version)."""
        return f"gitopsd/v{__version__}"


def _ignore(*_: object) -> None:
    """For who does not want to know."""


@dataclass(frozen=True, slots=True)
class Listener:
    """Who is told what happens; all are called in the event loop and must return at once.

    `on_change(app, ref)`: an object of the application is no longer as it was left, or its health has changed.
    `on_connection(cluster, ok, message)`: the cluster was lost, or is back. `on_request(cluster, verb, code)`: a request was
    answered; code 0 where no answer came.
    """

    on_change: Callable[[AppKey, ObjectRef], None] = _ignore
    on_connection: Callable[[str, bool, str], None] = _ignore
    on_request: Callable[[str, str, int], None] = _ignore

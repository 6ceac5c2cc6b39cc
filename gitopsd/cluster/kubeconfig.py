"""Reading kubeconfig files, and the account of a pod.

The `kubernetes` package can do this too. It isn't used: importing it costs more CPU than all else at start, it leaves decoded
keys in temporary files, and a user that can't be authenticated becomes an anonymous one without an error. Here whatever is
missing or not understood is an error.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from gitopsd.cluster.config import ClusterConfig, Endpoint, User
from gitopsd.model.errors import ClusterError

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where Kubernetes mounts the service account of a pod."""

_MAX_BYTES = 4 << 20


class AccessError(Exception):
    """Why there is no access: what is missing or not understood, without any credential."""


def read_access(config: ClusterConfig) -> tuple[Endpoint, User]:
    """The endpoint and the user of a cluster; blocks on files. Raises ClusterError with what is missing where."""
    if config.given is not None:
        return config.given
    try:
        return _from_kubeconfig(config) if config.kubeconfig else _from_account()
    except AccessError as missing:
        raise ClusterError(config.name, str(missing)) from None
    except OSError as error:
        raise ClusterError(config.name, f"{error.filename} can't be read: {error.strerror}") from error


def _from_account() -> tuple[Endpoint, User]:
    host, port = os.environ.get("KUBERNETES_SERVICE_HOST", ""), os.environ.get("KUBERNETES_SERVICE_PORT", "")
    if not host or not port:
        raise AccessError("not in a pod (KUBERNETES_SERVICE_HOST is not set); give this cluster a kubeconfig")
    address = f"[{host}]" if ":" in host else host
    return (
        Endpoint(f"https://{address}:{port}", ca=read_text(ACCOUNT / "ca.crt")),
        User({"tokenFile": str(ACCOUNT / "token")}),
    )


def _from_kubeconfig(config: ClusterConfig) -> tuple[Endpoint, User]:
    path = Path(config.kubeconfig).expanduser()
    try:
        document = yaml.load(read_text(path), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe loaders
    except yaml.YAMLError as error:
        place = getattr(error, "problem_mark", None)
        raise AccessError(f"{path} is not YAML{f' (line {place.line + 1})' if place else ''}") from None
    if not isinstance(document, dict):
        raise AccessError(f"{path} is no kubeconfig")
    name = config.context or document.get("current-context") or ""
    if not name:
        raise AccessError(f"{path} has no current-context; name one of {_names(document, 'contexts')}")
    context = _named(document, "contexts", name, path)["context"]
    cluster = _named(document, "clusters", str(context.get("cluster")), path)["cluster"]
    user = _named(document, "users", str(context.get("user")), path)["user"] if context.get("user") else {}
    return _endpoint(cluster, path), User(user, path.parent)


def _endpoint(cluster: Mapping[str, Any], path: Path) -> Endpoint:
    server = str(cluster.get("server") or "").rstrip("/")
    if not server.startswith(("https://", "http://")):
        raise AccessError(f"{path}: the cluster's server is not a URL")
    return Endpoint(
        server=server,
        ca=pem(cluster, "certificate-authority", path.parent),
        insecure=cluster.get("insecure-skip-tls-verify") is True,
        server_name=str(cluster.get("tls-server-name") or ""),
        proxy=str(cluster.get("proxy-url") or ""),
    )


def _named(document: Mapping[str, Any], section: str, name: str, path: Path) -> Mapping[str, Any]:
    inner = section[:-1]
    for entry in document.get(section) or ():
        if isinstance(entry, dict) and entry.get("name") == name and isinstance(entry.get(inner), dict):
            return entry
    raise AccessError(f"{path} has no {inner} named {name!r}; it has {_names(document, section)}")


def _names(document: Mapping[str, Any], section: str) -> str:
    names = [str(entry.get("name")) for entry in document.get(section) or () if isinstance(entry, dict)]
    return ", ".join(names) or f"no {section} at all"


def pem(settings: Mapping[str, Any], name: str, folder: Path) -> str:
    """The PEM text of a kubeconfig's `name-data` (base64), or of the file that `name` gives; empty where neither is there."""
    data = settings.get(f"{name}-data")
    if data:
        try:
            return base64.b64decode(str(data), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise AccessError(f"{name}-data is not base64 of a PEM text") from None
    file = settings.get(name)
    return read_text(folder / str(file)) if file else ""


def read_text(path: Path) -> str:
    """A small text file, whole."""
    with path.open("rb") as file:
        return file.read(_MAX_BYTES).decode(errors="replace")

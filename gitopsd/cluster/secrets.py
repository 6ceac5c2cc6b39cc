"""Argo CD's cluster Secrets: clusters that are declared in a cluster, and not in the configuration.

The format is https://argo-cd.readthedocs.io/en/stable/operator-manual/declarative-setup/#clusters. What a Secret holds is never
shown. One that names a program to run (`execProviderConfig`, `awsAuthConfig`) is refused: whoever may write a Secret would have
it run in gitopsd's own pod.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
import structlog

from gitopsd.cluster.config import ClusterConfig, Endpoint, User
from gitopsd.cluster.kubeconfig import AccessError
from gitopsd.model.app import AppKey
from gitopsd.model.refs import Object

SELECTOR = "argocd.argoproj.io/secret-type=cluster"

_PROGRAMS = ("execProviderConfig", "awsAuthConfig")
_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class ClusterSecrets:
    """Reads the Secrets again whenever one changed; of a broken one, the last good version stays.

    `configured` are the clusters of the configuration, whose names and servers are taken.
    """

    configured: tuple[ClusterConfig, ...]
    _good: dict[AppKey, ClusterConfig] = field(default_factory=dict)
    _said: frozenset[str] = frozenset()

    def read(self, secrets: Mapping[AppKey, Object]) -> dict[str, ClusterConfig]:
        """The clusters that they declare, by name. What is wrong with one is logged once."""
        problems: list[str] = []
        good: dict[AppKey, ClusterConfig] = {}
        for key, secret in sorted(secrets.items()):
            try:
                good[key] = read_secret(secret)
            except AccessError as error:
                problems.append(f"Secret/{key}: {error}")
                if key in self._good:
                    good[key] = self._good[key]
        self._good = good
        found: dict[str, ClusterConfig] = {}
        for key, config in good.items():
            taken = (*self.configured, *found.values())
            if any(config.name == other.name or config.server == other.server.rstrip("/") for other in taken):
                problems.append(f"Secret/{key}: another entry has its name or server already, and that one counts")
            else:
                found[config.name] = config
        self._say(frozenset(problems))
        return found

    def _say(self, problems: frozenset[str]) -> None:
        for problem in sorted(problems - self._said):
            _log.warning("cluster Secret", problem=problem)
        self._said = problems


def same_cluster(one: ClusterConfig, other: ClusterConfig) -> bool:
    """Whether both lead to the same server; who asks there, and for what, may differ."""
    return one.server == other.server


def read_secret(secret: Object) -> ClusterConfig:
    """The cluster that a Secret declares. Raises AccessError that says what is missing, without any of its values."""
    data = {name: _decoded(name, value) for name, value in (secret.get("data") or {}).items()}
    name, server = data.get("name", ""), data.get("server", "").rstrip("/")
    if not server.startswith(("https://", "http://")):
        raise AccessError("its server is no URL")
    try:
        config = orjson.loads(data.get("config") or "{}")
    except orjson.JSONDecodeError:
        config = None
    if not isinstance(config, dict):
        raise AccessError("its config is no JSON object")
    for program in _PROGRAMS:
        if config.get(program):
            raise AccessError(f"its config names a program to run ({program}): configure this cluster with a kubeconfig instead")
    namespaces = tuple(part.strip() for part in data.get("namespaces", "").split(",") if part.strip())
    return ClusterConfig(
        name or server,
        server,
        given=(_endpoint(server, config), _user(config)),
        namespaces=namespaces,
        cluster_resources=not namespaces or data.get("clusterResources") == "true",
        project=data.get("project", ""),
    )


def _endpoint(server: str, config: Mapping[str, Any]) -> Endpoint:
    tls = _mapping(config, "tlsClientConfig")
    return Endpoint(
        server=server,
        ca=_pem(tls, "caData"),
        insecure=tls.get("insecure") is True,
        server_name=str(tls.get("serverName") or ""),
        proxy=str(config.get("proxyUrl") or ""),
    )


def _user(config: Mapping[str, Any]) -> User:
    """As the `user` of a kubeconfig says it."""
    tls = _mapping(config, "tlsClientConfig")
    settings = {
        "token": config.get("bearerToken"),
        "username": config.get("username"),
        "password": config.get("password"),
        "client-certificate-data": tls.get("certData"),
        "client-key-data": tls.get("keyData"),
    }
    return User({name: value for name, value in settings.items() if value})


def _mapping(config: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = config.get(name) or {}
    if not isinstance(value, dict):
        raise AccessError(f"{name} in its config is no JSON object")
    return value


def _pem(tls: Mapping[str, Any], name: str) -> str:
    return _decoded(name, str(tls.get(name) or ""))


def _decoded(name: str, value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise AccessError(f"{name} is no base64 of a text") from None

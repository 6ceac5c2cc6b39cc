"""Credentials: from the `user` of a kubeconfig to headers and a client certificate.

What can't be had is an error: a plugin that fails never makes us anonymous. Files are read again as they may have changed,
since a pod's token lives an hour.
"""

from __future__ import annotations

import asyncio
import base64
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from gitopsd.cluster.config import Endpoint, User
from gitopsd.cluster.kubeconfig import AccessError, pem, read_text
from gitopsd.model.errors import ClusterError

FILE_SECONDS = 60.0
"""For how long a token that came from a file is taken as it was."""

PLUGIN_SECONDS = 60.0
"""How long a credential plugin may take."""

_PLUGIN_BYTES = 1 << 20
_EARLY = 30.0  # seconds before its end at which a plugin's token is renewed


@dataclass(frozen=True, slots=True)
class Credential:
    """Who we are: headers, and a client certificate (PEM). `expires` is in seconds of `time.monotonic`, None for never."""

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    certificate: str = field(default="", repr=False)
    key: str = field(default="", repr=False)
    expires: float | None = None


async def credential(cluster: str, endpoint: Endpoint, user: User) -> Credential:
    """The credential of `user`. Raises ClusterError where there should be one and it can't be had."""
    kind = next((kind for name, kind in _KINDS.items() if user.settings.get(name)), _certificate)
    try:
        found = await kind(endpoint, user)
    except AccessError as error:
        raise ClusterError(cluster, str(error)) from None
    except OSError as error:
        raise ClusterError(cluster, f"{error.filename} can't be read: {error.strerror}") from error
    return replace(found, headers={**found.headers, **_impersonation(user.settings)})


def _impersonation(settings: Mapping[str, Any]) -> dict[str, str]:
    return {"Impersonate-User": str(settings["as"])} if settings.get("as") else {}


async def _certificate(_: Endpoint, user: User) -> Credential:
    certificate = pem(user.settings, "client-certificate", user.folder)
    return Credential(certificate=certificate, key=pem(user.settings, "client-key", user.folder) if certificate else "")


async def _token_file(_: Endpoint, user: User) -> Credential:
    token = (await asyncio.to_thread(read_text, user.folder / str(user.settings["tokenFile"]))).strip()
    if not token:
        raise AccessError(f"the token file {user.settings['tokenFile']} is empty")
    return Credential({"Authorization": f"Bearer {token}"}, expires=time.monotonic() + FILE_SECONDS)


async def _token(_: Endpoint, user: User) -> Credential:
    return Credential({"Authorization": f"Bearer {user.settings['token']}"})


async def _basic(_: Endpoint, user: User) -> Credential:
    pair = f"{user.settings['username']}:{user.settings.get('password') or ''}"
    return Credential({"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"})


async def _provider(_: Endpoint, user: User) -> Credential:
    name = user.settings["auth-provider"].get("name") if isinstance(user.settings["auth-provider"], dict) else ""
    raise AccessError(f"its user has the auth-provider {name!r}, which Kubernetes removed in 1.26; use an exec plugin or a token")


async def _exec(endpoint: Endpoint, user: User) -> Credential:
    """A client-go credential plugin (client.authentication.k8s.io); prints an ExecCredential."""
    plugin = user.settings["exec"]
    version = str(plugin.get("apiVersion") or "")
    info: dict[str, Any] = {"apiVersion": version, "kind": "ExecCredential", "spec": {"interactive": False}}
    if plugin.get("provideClusterInfo"):
        info["spec"]["cluster"] = _cluster_info(endpoint)
    environment = {**os.environ, **{str(item["name"]): str(item["value"]) for item in plugin.get("env") or ()}}
    environment["KUBERNETES_EXEC_INFO"] = orjson.dumps(info).decode()
    command = str(plugin.get("command") or "")
    if "/" in command:
        command = str(user.folder / Path(command))
    output = await _run([command, *(str(argument) for argument in plugin.get("args") or ())], environment)
    return _from_plugin(output, command, version)


def _cluster_info(endpoint: Endpoint) -> dict[str, Any]:
    info = {"server": endpoint.server, "tls-server-name": endpoint.server_name, "insecure-skip-tls-verify": endpoint.insecure}
    return info | {"certificate-authority-data": base64.b64encode(endpoint.ca.encode()).decode(), "proxy-url": endpoint.proxy}


async def _run(command: list[str], environment: Mapping[str, str]) -> bytes:
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            env=dict(environment),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
    except OSError as error:
        raise AccessError(f"the credential plugin {command[0]} can't be run: {error.strerror}") from None
    try:
        async with asyncio.timeout(PLUGIN_SECONDS):
            output = await process.stdout.read(_PLUGIN_BYTES) if process.stdout else b""
            code = await process.wait()
    except TimeoutError:
        raise AccessError(f"the credential plugin {command[0]} took longer than {PLUGIN_SECONDS:g} s") from None
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if code != 0:
        raise AccessError(f"the credential plugin {command[0]} failed with exit code {code}; run it by hand to see why")
    return output


def _from_plugin(output: bytes, command: str, version: str) -> Credential:
    try:
        answer = orjson.loads(output)
    except orjson.JSONDecodeError:
        answer = None
    status = answer.get("status") if isinstance(answer, dict) else None
    if not isinstance(answer, dict) or not isinstance(status, dict) or answer.get("apiVersion") != version:
        raise AccessError(
            f"the credential plugin {command} did not print an ExecCredential of {version or 'the apiVersion it is given'}"
        )
    token, certificate, key = (str(status.get(name) or "") for name in ("token", "clientCertificateData", "clientKeyData"))
    if not token and not (certificate and key):
        raise AccessError(f"the credential plugin {command} gave neither a token nor a certificate with its key")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return Credential(headers, certificate, key, _expiry(status.get("expirationTimestamp")))


def _expiry(text: Any) -> float | None:
    try:
        end = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return time.monotonic() + max(end.timestamp() - time.time() - _EARLY, 1.0)


_KINDS: Mapping[str, Callable[[Endpoint, User], Awaitable[Credential]]] = {
    "tokenFile": _token_file,
    "token": _token,
    "exec": _exec,
    "auth-provider": _provider,
    "username": _basic,
}
"""By the key that a user has, in client-go's order of preference."""

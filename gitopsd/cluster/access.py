"""Access to one API server: its address, its TLS context and our headers, renewed as they expire or are refused."""

from __future__ import annotations

import asyncio
import hashlib
import os
import ssl
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from gitopsd.cluster.config import ClusterConfig, Endpoint
from gitopsd.cluster.credentials import Credential, credential
from gitopsd.cluster.kubeconfig import read_access
from gitopsd.model.errors import ClusterError

_PAUSE = 1.0  # seconds between two renewals, so that a server which refuses us does not make us run plugins in a loop


@dataclass(frozen=True, slots=True)
class Login:
    """All that a request needs besides its path. `tls` is None for plain HTTP; `expires` is in `time.monotonic` seconds."""

    server: str
    headers: Mapping[str, str] = field(repr=False)
    tls: ssl.SSLContext | None = None
    server_name: str | None = None
    proxy: str | None = None
    expires: float | None = None


class Access:
    """The login of one cluster: made on first use, by one task at a time however many wait for it."""

    def __init__(self, config: ClusterConfig) -> None:
        """Reads nothing yet."""
        self._config = config
        self._lock = asyncio.Lock()
        self._login: Login | None = None
        self._made = 0.0
        self._tls: tuple[str, ssl.SSLContext] | None = None

    async def login(self) -> Login:
        """The login that holds now. Raises ClusterError where it can't be had."""
        login = self._login
        if login is not None and (login.expires is None or time.monotonic() < login.expires):
            return login
        return await self.renew(login)

    async def renew(self, refused: Login | None) -> Login:
        """A login made anew from all its files, unless another task has replaced `refused` already."""
        async with self._lock:
            if self._login is not None and self._login is not refused:
                return self._login
            await asyncio.sleep(max(0.0, self._made + _PAUSE - time.monotonic()) if self._made else 0)
            self._made = time.monotonic()
            self._login = await self._load()
            return self._login

    def reconfigure(self, config: ClusterConfig) -> None:
        """The same cluster is reached in another way from now on."""
        self._config = config
        self.suspect()

    def suspect(self) -> None:
        """The server is not who we took it for: its certificate may have been replaced, and the kubeconfig with it."""
        if self._login is not None:
            self._login = replace(self._login, expires=0.0)

    async def _load(self) -> Login:
        endpoint, user = await asyncio.to_thread(read_access, self._config)
        who = await credential(self._config.name, endpoint, user)
        tls = None
        if endpoint.server.startswith("https:"):
            tls = await asyncio.to_thread(self._context, endpoint, who)
        return Login(endpoint.server, who.headers, tls, endpoint.server_name or None, self._proxy(endpoint), who.expires)

    def _context(self, endpoint: Endpoint, who: Credential) -> ssl.SSLContext:
        """The same context for the same certificates, since connections are kept by context."""
        parts = (endpoint.ca, str(endpoint.insecure), who.certificate, who.key)
        key = hashlib.sha256("\0".join(parts).encode()).hexdigest()
        if self._tls is None or self._tls[0] != key:
            try:
                self._tls = (key, _tls_context(endpoint, who))
            except (ssl.SSLError, ValueError):
                raise ClusterError(
                    self._config.name, "its certificate authority or client certificate is not valid PEM"
                ) from None
        return self._tls[1]

    def _proxy(self, endpoint: Endpoint) -> str | None:
        """The kubeconfig's proxy, else the environment's, as client-go does."""
        proxy = endpoint.proxy
        if not proxy:
            target = urlsplit(endpoint.server)
            if not proxy_bypass(target.netloc):
                proxy = getproxies().get(target.scheme, "")
        if proxy and not proxy.startswith(("http://", "https://")):
            raise ClusterError(self._config.name, f"its proxy is of the kind {proxy.partition(':')[0]!r}; only HTTP proxies work")
        return proxy or None


def _tls_context(endpoint: Endpoint, who: Credential) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=endpoint.ca or None)
    # Clusters' own authorities often lack the key identifiers that Python 3.13 began to insist on; client-go never did.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if endpoint.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if who.certificate:
        # OpenSSL's binding reads a key from a file only: it is there for that moment, for our eyes.
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "client.pem"
            path.touch(mode=0o600)
            path.write_text(f"{who.certificate}{os.linesep}{who.key}")
            context.load_cert_chain(path)
    return context

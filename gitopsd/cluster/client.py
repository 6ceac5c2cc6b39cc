"""Requests to one API server: raw bytes out, JSON in, with deadlines, patience and a bound on everything.

Two aiohttp sessions, so that long watches never take a connection from a request. Nothing of aiohttp leaves this module: a
server that can't be reached is a ClusterError, a refusal a `Refusal`.
"""

from __future__ import annotations

import asyncio
import os
import random
import re
import socket
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson

from gitopsd.cluster.access import Access, Login
from gitopsd.cluster.config import Alone, ClusterConfig, Listener
from gitopsd.cluster.limiter import Limits
from gitopsd.cluster.refusal import parse_refusal
from gitopsd.model.errors import ClusterError
from gitopsd.model.refs import Object
from gitopsd.ports import Tenure

REQUEST_SECONDS = 30.0
"""From asking until the whole answer is there, waiting for a busy server included."""

CONNECT_SECONDS = 5.0
SILENCE_SECONDS = 150.0
"""A watch that said nothing for this long is taken for dead: a live one sends a bookmark every minute."""

MAX_BODY = 64 << 20
"""Bytes of an answer that are read."""

MAX_EVENT = 16 << 20
"""Bytes of one line of a watch. etcd holds no object larger than 1.5 MiB by default."""

JSON = "application/json"
METADATA_ONLY = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"

_PLAIN = {"Accept-Encoding": "identity"}  # near a cluster, packing costs both sides more than the bytes do
_WARNING = re.compile(r'^\d{3} \S+ "((?:[^"\\]|\\.)*)"')
_OK, _UNAUTHORIZED, _TOO_MANY = 200, 401, 429
_PATIENCE = (_TOO_MANY, 503, 504)


@dataclass(frozen=True, slots=True)
class Request:
    """One request. `verb` is Kubernetes' word for it, for metrics; `account` is the user to impersonate, empty for our own."""

    method: str
    path: str
    verb: str
    params: Mapping[str, str] | None = None
    body: bytes | None = None
    content_type: str = JSON
    accept: str = JSON
    account: str = ""

    @property
    def writes(self) -> bool:
        """Whether it changes anything."""
        return self.method != "GET" and "dryRun" not in (self.params or ())


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: `code` tells created (201) from changed (200), `warnings` are those of Warning headers."""

    code: int
    body: Object
    warnings: tuple[str, ...] = ()


class Client:
    """One cluster's connections."""

    def __init__(self, config: ClusterConfig, listener: Listener, tenure: Tenure | None = None) -> None:
        """Connects on first use. Nothing is written where the `tenure` is over."""
        self.name = config.name
        self._tenure = tenure or Alone()
        self.limits = Limits()
        self._access = Access(config)
        self._listener = listener
        self._requests: aiohttp.ClientSession | None = None
        self._watches: aiohttp.ClientSession | None = None
        self._unreachable: tuple[float, str] = (0.0, "")
        self._ending: set[asyncio.Future[None]] = set()
        self._closed = False

    def reconfigure(self, config: ClusterConfig) -> None:
        """The same cluster is reached in another way from now on."""
        self._access.reconfigure(config)

    async def close(self) -> None:
        """Ends all connections; there will be no others."""
        self._closed = True
        for session in (self._requests, self._watches):
            if session is not None:
                await session.close()
        self._requests = self._watches = None
        await asyncio.gather(*self._ending, return_exceptions=True)

    async def get(self, path: str, params: Mapping[str, str] | None = None, *, verb: str = "get", accept: str = JSON) -> Object:
        """The body of a GET."""
        return (await self.send(Request("GET", path, verb, params, accept=accept))).body

    async def send(self, request: Request) -> Answer:
        """Sends, waits where the server asks for patience, and gives the answer.

        Raises Refusal for any other answer than success, ClusterError where there is none.
        """
        end = 0.0
        again = True
        limiter = self.limits.of(request.verb, dry_run="dryRun" in (request.params or ()))
        while True:
            async with limiter.slot():
                # Only now, since those who wait for a place wait for us, not for the server.
                end = end or time.monotonic() + REQUEST_SECONDS
                login = await self._access.login()
                asked = time.monotonic()
                code, headers, body = await self._exchange(request, login)
            limiter.busy() if code == _TOO_MANY else limiter.answered(time.monotonic() - asked)
            self._listener.on_request(self.name, request.verb, code)
            if code == _UNAUTHORIZED and again:
                again = False
                await self._access.renew(login)
                continue
            pause = _pause(code, headers)
            if pause is None or time.monotonic() + pause > end:
                return self._answer(code, headers, body)
            await asyncio.sleep(pause)

    def _answer(self, code: int, headers: Mapping[str, str], body: bytes) -> Answer:
        if code // 100 == 2:  # noqa: PLR2004 - 2xx
            return Answer(code, self._document(body), _warnings(headers))
        if code // 100 == 3:  # noqa: PLR2004 - 3xx
            raise ClusterError(self.name, f"it answered with a redirect (HTTP {code}), which is not followed")
        refusal = parse_refusal(code, body)
        if code == _UNAUTHORIZED:
            raise ClusterError(self.name, f"it does not accept our credentials: {refusal.message}")
        if code in _PATIENCE and refusal.reason in ("TooManyRequests", "ServiceUnavailable", "UnexpectedAnswer"):
            raise ClusterError(self.name, f"it is too busy or not ready: {refusal.message}")
        raise refusal

    def _document(self, text: bytes) -> Object:
        try:
            document = orjson.loads(text)
        except orjson.JSONDecodeError:
            document = None
        if not isinstance(document, dict):
            raise ClusterError(self.name, "it answered with something that is no JSON object; is it an API server?")
        return document

    async def _exchange(self, request: Request, login: Login) -> tuple[int, Mapping[str, str], bytes]:
        """One request, and once more where a kept connection turned out to be dead: all our writes bear repetition."""
        until, message = self._unreachable
        if time.monotonic() < until:
            raise ClusterError(self.name, message)
        for attempt in (1, 2):
            try:
                async with asyncio.timeout(REQUEST_SECONDS):
                    return await self._ask(request, login)
            except (aiohttp.ServerDisconnectedError, ConnectionResetError) as error:
                if attempt == 2:  # noqa: PLR2004
                    raise self._lost(error, request.verb) from None
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                raise self._lost(error, request.verb) from None
        raise AssertionError

    async def _ask(self, request: Request, login: Login) -> tuple[int, Mapping[str, str], bytes]:
        if self._closed:
            raise ClusterError(self.name, "it is not configured any more")
        if self._requests is None:
            self._requests = self._session(aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS))
        headers = {**login.headers, **_PLAIN, "Accept": request.accept}
        if request.account:
            headers["Impersonate-User"] = request.account
        if request.body is not None:
            headers["Content-Type"] = request.content_type
        if request.writes:
            self._tenure.check()
        async with self._requests.request(
            request.method,
            login.server + request.path,
            params=request.params,
            data=request.body,
            headers=headers,
            **_transport(login),
        ) as response:
            return response.status, response.headers, await self._read(response)

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        chunks: list[bytes] = []
        size = 0
        async for chunk in response.content.iter_any():
            chunks.append(chunk)
            if (size := size + len(chunk)) > MAX_BODY:
                raise ClusterError(self.name, f"it answered with more than {MAX_BODY >> 20} MiB")
        return b"".join(chunks)

    @asynccontextmanager
    async def stream(self, path: str, params: Mapping[str, str], accept: str) -> AsyncIterator[AsyncIterator[Object]]:
        """The events of a watch, as long as the server sends them. Raises Refusal and ClusterError, also while it is read."""
        response = await self._open(path, params, accept)
        try:
            yield self._events(response)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise self._lost(error, "") from None
        finally:
            self._cut(response)

    async def _open(self, path: str, params: Mapping[str, str], accept: str) -> aiohttp.ClientResponse:
        """A stream that has begun. A kind that was defined a moment ago can be watched only a little later (429)."""
        if self._closed:
            raise ClusterError(self.name, "it is not configured any more")
        if self._watches is None:
            timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=SILENCE_SECONDS)
            self._watches = self._session(timeout)
        end = time.monotonic() + REQUEST_SECONDS
        while True:
            login = await self._access.login()
            headers = {**login.headers, **_PLAIN, "Accept": accept}
            try:
                response = await self._watches.get(login.server + path, params=params, headers=headers, **_transport(login))
                self._listener.on_request(self.name, "watch", response.status)
                if response.status == _OK:
                    self._unreachable = (0.0, "")
                    return response
                body = await self._read(response)
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                raise self._lost(error, "") from None
            if response.status == _UNAUTHORIZED:
                await self._access.renew(login)
            pause = _pause(response.status, response.headers)
            if pause is None or time.monotonic() + pause > end:
                self._answer(response.status, response.headers, body)
            await asyncio.sleep(pause or 0.0)

    def _cut(self, response: aiohttp.ClientResponse) -> None:
        """Ends a stream at once: a polite end of TLS would wait for a server that has more to say."""
        protocol = response.connection.protocol if response.connection else None
        if protocol is not None:
            protocol.abort()
            if (closed := protocol.closed) is not None:
                self._ending.add(closed)
                closed.add_done_callback(self._ending.discard)
        response.close()

    async def _events(self, response: aiohttp.ClientResponse) -> AsyncIterator[Object]:
        rest = b""
        async for chunk in response.content.iter_any():
            *lines, rest = (rest + chunk).split(b"\n") if rest else chunk.split(b"\n")
            for line in lines:
                yield self._document(line)
            if len(rest) > MAX_EVENT:
                raise ClusterError(self.name, f"a watch sent an event of more than {MAX_EVENT >> 20} MiB")

    def _session(self, timeout: aiohttp.ClientTimeout) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=60, socket_factory=_kept_alive)
        return aiohttp.ClientSession(
            connector=connector, timeout=timeout, auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar()
        )

    def _lost(self, error: Exception, verb: str) -> ClusterError:
        """The error for a connection that failed. One that timed out is not tried again at once by everybody else."""
        if verb:
            self._listener.on_request(self.name, verb, 0)
        if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorSSLError):
            self._access.suspect()
            return ClusterError(self.name, "its certificate is not signed by the authority that the kubeconfig names")
        if isinstance(error, aiohttp.ConnectionTimeoutError):
            message = f"it does not answer within {CONNECT_SECONDS:g} s"
            self._unreachable = (time.monotonic() + CONNECT_SECONDS, message)
            return ClusterError(self.name, message)
        if isinstance(error, TimeoutError):
            return ClusterError(self.name, f"it has not answered a request within {REQUEST_SECONDS:g} s")
        reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else type(error).__name__
        return ClusterError(self.name, f"it can't be reached: {reason}")


def _pause(code: int, headers: Mapping[str, str]) -> float | None:
    """Seconds to wait where the server asks for patience, spread out so that not all come back at once."""
    seconds = headers.get("Retry-After", "1" if code == _TOO_MANY else "") if code in _PATIENCE else ""
    return float(seconds) * random.uniform(1, 1.3) if seconds.isdecimal() else None  # noqa: S311


def _transport(login: Login) -> dict[str, Any]:
    """How aiohttp is to connect."""
    kept: dict[str, Any] = {"allow_redirects": False, "proxy": login.proxy}
    if login.tls is not None:
        kept |= {"ssl": login.tls, "server_hostname": login.server_name}
    return kept


def _kept_alive(address: aiohttp.AddrInfoType) -> socket.socket:
    """A socket that notices within half a minute that the other end is gone without a word."""
    family, kind, protocol, _, _ = address
    sock = socket.socket(family, kind, protocol)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for option, value in (("TCP_KEEPIDLE", 15), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3)):
        if hasattr(socket, option):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
    return sock


def _warnings(headers: Mapping[str, str]) -> tuple[str, ...]:
    """The texts of Warning headers (RFC 7234, section 5.5, as Kubernetes writes them: `299 - "text"`), once each."""
    values = headers.getall("Warning", []) if hasattr(headers, "getall") else []
    found = (match.group(1).replace('\\"', '"') for value in values if (match := _WARNING.match(value)))
    return tuple(dict.fromkeys(found))

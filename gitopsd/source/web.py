"""Fetching over HTTP: what is no Git (charts, files). These functions block, so they run in children (`gitopsd.children`).

Nothing but HTTP and HTTPS is spoken, wherever a redirect leads; one never leads from HTTPS to HTTP, and no credential
goes along with it.
"""

from __future__ import annotations

import base64
import json
import re
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException, HTTPMessage
from typing import IO, Any
from urllib.parse import urlencode

from gitopsd.model.errors import SourceError
from gitopsd.source.credentials import Access
from gitopsd.source.remote import Bounds
from gitopsd.source.urls import Location, parse_url

_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')
_UNAUTHORIZED = 401
_TOKEN_SIZE = 1 << 20
_NO_HEADERS: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered."""

    body: bytes
    headers: Mapping[str, str]


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects, but for those that would show to everybody on the way what was asked in private."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> urllib.request.Request | None:
        """The next request, None where there is to be none."""
        if req.full_url.startswith("https:") and not newurl.startswith("https:"):
            return None
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class Browser:
    """Asks one server, as who `access` says."""

    def __init__(self, location: Location, access: Access, bounds: Bounds) -> None:
        """Errors name `location`; what is read in all is bounded by `bounds`."""
        self._location, self._access, self._bounds = location, access, bounds
        self._left = bounds.size
        self._token = ""
        context = ssl.create_default_context(cadata=None)
        if access.ca:
            context.load_verify_locations(cadata=access.ca)
        if not access.verify_tls:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        proxies = {"http": access.proxy, "https": access.proxy} if access.proxy else None
        self._opener = urllib.request.OpenerDirector()
        for handler in (
            urllib.request.ProxyHandler(proxies),
            urllib.request.HTTPHandler(),
            urllib.request.HTTPSHandler(context=context),
            urllib.request.HTTPDefaultErrorHandler(),
            urllib.request.HTTPErrorProcessor(),
            _Redirects(),
        ):
            self._opener.add_handler(handler)

    def get(self, url: str, limit: int, headers: Mapping[str, str] = _NO_HEADERS) -> Answer:
        """What stands at `url`, at most `limit` bytes. A registry that wants a token is asked for one. Raises SourceError."""
        try:
            return self._get(url, limit, headers)
        except urllib.error.HTTPError as error:
            challenge = error.headers.get("WWW-Authenticate", "")
            if error.code != _UNAUTHORIZED or self._token or not challenge.lower().startswith("bearer "):
                raise self._error(url, f"{error.code} {error.reason}") from None
        self._token = self._new_token(dict(_CHALLENGE.findall(challenge)))
        try:
            return self._get(url, limit, headers)
        except urllib.error.HTTPError as error:
            raise self._error(url, f"{error.code} {error.reason}") from None

    def _get(self, url: str, limit: int, headers: Mapping[str, str]) -> Answer:
        request = urllib.request.Request(url, headers=dict(headers))  # noqa: S310 - no handler for anything but HTTP
        # On the way to another host nobody is told who we are.
        if (authorization := self._authorization()) and _server(url) == self._location.server:
            request.add_unredirected_header("Authorization", authorization)
        try:
            with self._opener.open(request, timeout=self._bounds.idle) as response:
                body = response.read(min(limit, self._left) + 1)
                found = dict(response.headers.items())
        except urllib.error.HTTPError:
            raise
        except (urllib.error.URLError, HTTPException, OSError) as error:
            reason = error.reason if isinstance(error, urllib.error.URLError) else error
            raise self._error(url, str(reason)) from None
        if len(body) > min(limit, self._left):
            raise self._error(url, f"is larger than {min(limit, self._left)} bytes")
        self._left -= len(body)
        return Answer(body, found)

    def _authorization(self) -> str:
        if self._token:
            return f"Bearer {self._token}"
        if not self._access.password:
            return ""
        pair = f"{self._access.username}:{self._access.password}"
        return f"Basic {base64.b64encode(pair.encode()).decode()}"

    def _new_token(self, challenge: Mapping[str, str]) -> str:
        """A token of the registry's own service (https://distribution.github.io/distribution/spec/auth/token/)."""
        realm = challenge.get("realm", "")
        if not realm.startswith("https://"):
            raise self._error(self._location.public, "asks for a token of a service that is not https://")
        query = urlencode({name: value for name, value in challenge.items() if name in ("service", "scope")})
        service = Browser(parse_url(realm.partition("?")[0]), self._access, self._bounds)
        try:
            body = service._get(f"{realm}?{query}", _TOKEN_SIZE, _NO_HEADERS).body
            answer: Any = json.loads(body)
            token = answer.get("token") or answer.get("access_token")
        except (ValueError, AttributeError, urllib.error.HTTPError):
            token = None
        if not isinstance(token, str):
            raise self._error(self._location.public, "gives no token for these credentials")
        return token

    def _error(self, url: str, reason: str) -> SourceError:
        """Without the query of a URL, which may be a signature, nor anything of the credentials."""
        for secret in (*self._access.values, self._token):
            reason = reason.replace(secret, "***") if secret else reason
        shown = url.partition("?")[0]
        where = "" if shown == self._location.public else f"{shown}: "
        return SourceError(f"{where}{reason}", self._location.public)


def _server(url: str) -> str:
    return parse_url(url.partition("?")[0]).server

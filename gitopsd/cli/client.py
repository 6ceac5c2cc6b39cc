"""Speaking with a running daemon: its HTTP API, by the standard library alone."""

from __future__ import annotations

import getpass
import http.client
import json
import os
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from gitopsd.cli.errors import DaemonError

DEFAULT_SERVER = "http://127.0.0.1:8080"
_PATIENCE = 60.0
"""Seconds that an answer may take beyond the wait that was asked for: a plan tries every object on the API server."""


class _Stay(urllib.request.HTTPRedirectHandler):
    """Nobody is followed elsewhere: the token is for the server that the user named."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        """See `urllib.request.HTTPRedirectHandler`."""


@dataclass(frozen=True, slots=True)
class Client:
    """The API at `server`; `token` is shown where there is one. All methods raise DaemonError."""

    server: str
    token: str = ""

    @classmethod
    def of(cls, server: str) -> Client:
        """By option, else by GITOPSD_SERVER and GITOPSD_TOKEN."""
        found = server or os.environ.get("GITOPSD_SERVER", DEFAULT_SERVER)
        if "://" not in found:
            found = f"http://{found}"
        return cls(found.rstrip("/"), os.environ.get("GITOPSD_TOKEN", ""))

    def get(self, path: str, **query: str) -> Any:
        """The document at `path`."""
        return self._call("GET", path, query)

    def pages(self, path: str, **query: str) -> Iterator[Any]:
        """The pages of a list, asked for as they are taken."""
        cursor: str | None = ""
        while cursor is not None:
            page = self.get(path, **query, **({"cursor": cursor} if cursor else {}))
            yield page
            cursor = page["next"]

    def items(self, path: str, **query: str) -> Iterator[Any]:
        """All items of a list."""
        return (item for page in self.pages(path, **query) for item in page["items"])

    def post(self, path: str, body: Mapping[str, Any] | None = None, *, wait: int = 0) -> Any:
        """Asks for something, and waits as many seconds for its end; gives the answer, None where there is none to give."""
        query = {"wait": f"{wait}s"} if wait else {}
        sent = json.dumps(body).encode() if body else None
        return self._call("POST", path, query, sent, {"Content-Type": "application/json"})

    def delete(self, path: str, **query: str) -> None:
        """Asks for an end."""
        self._call("DELETE", path, query)

    def sync(self, path: str, body: Mapping[str, Any], *, wait: int, key: str) -> Any:
        """The sync of the application at `path`: its record if it ends within `wait` seconds, else its operation.

        Asked again with the same `key` it is the same sync, over or not.
        """
        headers = {"Content-Type": "application/json", "Idempotency-Key": key}
        return self._call("POST", f"{path}/sync", {"wait": f"{wait}s"}, json.dumps(body).encode(), headers)

    def events(self) -> Iterator[tuple[str, Any]]:
        """What happens from now on: kind and document of each event. Raises DaemonError at its end, which is the daemon's."""
        with self._asked("GET", "/events", {}) as answer:
            kind = ""
            for line in answer:
                name, _, text = line.decode().rstrip("\n").partition(": ")
                if name == "event":
                    kind = text
                elif name == "data":
                    yield kind, json.loads(text)
        raise DaemonError(f"the gitopsd at {self.server} has ended; ask again when it is back")

    def _call(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        with self._asked(method, path, query, body, headers) as answer:
            text = answer.read()
            return json.loads(text) if text else None

    @contextmanager
    def _asked(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Iterator[http.client.HTTPResponse]:
        """The answer, to be read. Whatever goes wrong meanwhile is a DaemonError."""
        given = urlencode({key: value for key, value in query.items() if value})
        url = f"{self.server}/api/v1{path}" + (f"?{given}" if given else "")
        sent = {"Accept": "application/json", "X-Gitopsd-Actor": getpass.getuser(), **(headers or {})}
        sent |= {"Authorization": f"Bearer {self.token}"} if self.token else {}
        opener = urllib.request.build_opener(_Stay)
        try:
            request = urllib.request.Request(url, body, sent, method=method)  # noqa: S310 - the server that the user named
            with opener.open(request, timeout=_PATIENCE + int(query.get("wait", "0s")[:-1])) as answer:
                yield answer
        except urllib.error.HTTPError as error:
            raise DaemonError(_detail(error)) from None
        except (OSError, ValueError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", error)
            message = f"no gitopsd answers at {self.server} ({reason}); name it with --server or GITOPSD_SERVER"
            raise DaemonError(message) from None


def _detail(error: urllib.error.HTTPError) -> str:
    with error:
        try:
            return str(json.load(error)["detail"])
        except (OSError, ValueError, KeyError, TypeError):
            return f"the server answers {error.code} {error.reason}; is it a gitopsd?"

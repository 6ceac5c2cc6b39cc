"""Speaking with a running daemon: its HTTP API, by the standard library alone, which is there at once."""

from __future__ import annotations

import getpass
import json
import os
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gitopsd.model.errors import GitopsdError

DEFAULT_SERVER = "http://127.0.0.1:8080"


class DaemonError(GitopsdError):
    """The daemon can't be reached, or says no."""


@dataclass(frozen=True, slots=True)
class Client:
    """The API at `server`; `token` is shown where there is one."""

    server: str
    token: str = ""
    timeout: float = 30.0

    @classmethod
    def of(cls, server: str) -> Client:
        """By option, else by GITOPSD_SERVER and GITOPSD_TOKEN."""
        found = server or os.environ.get("GITOPSD_SERVER", DEFAULT_SERVER)
        if "://" not in found:
            found = f"http://{found}"
        return cls(found.rstrip("/"), os.environ.get("GITOPSD_TOKEN", ""))

    def get(self, path: str, **query: str) -> Any:
        """The document at `path`; raises DaemonError."""
        return self._call("GET", path, query)

    def post(self, path: str, body: Mapping[str, Any] | None = None, *, wait: float = 0, **query: str) -> Any:
        """The answer to a request; `wait` is how many seconds the daemon may take beyond the usual."""
        return self._call("POST", path, query, body, wait)

    def delete(self, path: str) -> None:
        """Asks for an end."""
        self._call("DELETE", path, {})

    def pages(self, path: str, **query: str) -> Iterator[Any]:
        """All items of a list, page by page as they are taken."""
        cursor: str | None = ""
        while cursor is not None:
            page = self.get(path, **query, **({"cursor": cursor} if cursor else {}))
            yield from page["items"]
            cursor = page["next"]

    def _call(
        self, method: str, path: str, query: Mapping[str, str], body: Mapping[str, Any] | None = None, wait: float = 0
    ) -> Any:
        given = {key: value for key, value in query.items() if value}
        url = f"{self.server}/api/v1{path}" + (f"?{urllib.parse.urlencode(given)}" if given else "")
        data = None if body is None else json.dumps(body).encode()
        headers = {"Accept": "application/json", "X-Gitopsd-Actor": getpass.getuser()}
        headers |= {"Content-Type": "application/json"} if data else {}
        headers |= {"Authorization": f"Bearer {self.token}"} if self.token else {}
        request = urllib.request.Request(url, data, headers, method=method)  # noqa: S310 - the server that the user named
        try:
            with urllib.request.urlopen(request, timeout=self.timeout + wait) as answer:  # noqa: S310 - likewise
                text = answer.read()
        except urllib.error.HTTPError as error:
            raise DaemonError(_detail(error)) from None
        except (urllib.error.URLError, OSError, ValueError) as error:
            reason = getattr(error, "reason", error)
            raise DaemonError(
                f"no gitopsd answers at {self.server} ({reason}); name it with --server or GITOPSD_SERVER"
            ) from None
        return json.loads(text) if text else None


def _detail(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.load(error)["detail"])
    except (ValueError, KeyError, TypeError):
        return f"the server answers {error.code} {error.reason}"


def path_of(app: str) -> str:
    """The path of an application that is named `name` or `namespace/name`."""
    return "/applications/" + "/".join(urllib.parse.quote(part, safe="") for part in app.split("/"))

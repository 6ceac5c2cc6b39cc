"""The few requests that setting up a cluster takes, with nothing but the standard library."""

from __future__ import annotations

import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any

from localcluster.errors import LocalClusterError

Json = dict[str, Any]


class RequestError(LocalClusterError):
    """The API server answered a request with an error."""

    def __init__(self, method: str, path: str, status: int, message: str) -> None:
        super().__init__(f"{method} {path}: {status} {message}")
        self.status = status


@dataclass(frozen=True, slots=True)
class Api:
    """An API server on this machine, and who asks."""

    host: str
    port: int
    authority: Path
    token: str

    def get(self, path: str) -> Json:
        """The object or list at `path`, such as `/api/v1/namespaces/default`."""
        return self.request("GET", path)

    def create(self, path: str, document: Mapping[str, Any]) -> Json:
        """Create an object in the collection at `path`."""
        return self.request("POST", path, document)

    def ensure(self, path: str, document: Mapping[str, Any]) -> None:
        """Create an object unless it is there."""
        try:
            self.create(path, document)
        except RequestError as error:
            if error.status != HTTPStatus.CONFLICT:
                raise

    def request(self, method: str, path: str, body: Mapping[str, Any] | None = None, kind: str = "application/json") -> Json:
        """Any request; the answer is empty where it is no JSON. `kind` is the body's media type, which says how a PATCH is meant.

        Raises:
            RequestError: the server's answer is an error.
            OSError: there is no answer.
        """
        trust = ssl.create_default_context(cafile=str(self.authority))
        connection = HTTPSConnection(self.host, self.port, timeout=30, context=trust)
        try:
            headers = {"Authorization": f"Bearer {self.token}", "Content-Type": kind, "Accept": "application/json"}
            connection.request(method, path, json.dumps(body) if body is not None else None, headers)
            response = connection.getresponse()
            text = response.read().decode()
        finally:
            connection.close()
        answer: Json = json.loads(text) if "json" in response.headers.get("Content-Type", "") else {}
        if response.status >= HTTPStatus.BAD_REQUEST:
            raise RequestError(method, path, response.status, answer.get("message", text))
        return answer

"""Who asks: requests in the name of an application's account, or in our own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from gitopsd.cluster.client import JSON, Answer, Client, Request
from gitopsd.model.refs import Object


@dataclass(frozen=True, slots=True)
class Caller:
    """Sends through `client` as `account` (`system:serviceaccount:NAMESPACE:NAME`); as gitopsd itself, where that is empty.

    Groups are left out: the API server gives a service account those that it has, and one right less is needed.
    """

    client: Client
    account: str = ""

    async def get(self, path: str, params: Mapping[str, str] | None = None, *, verb: str = "get", accept: str = JSON) -> Object:
        """See `Client.get`."""
        return (await self.send(Request("GET", path, verb, params, accept=accept))).body

    async def send(self, request: Request) -> Answer:
        """See `Client.send`."""
        return await self.client.send(replace(request, account=self.account))

"""gitopsd's own namespace."""

from __future__ import annotations

import orjson
import structlog

from gitopsd.cluster.client import Client, Request
from gitopsd.cluster.refusal import Refusal
from gitopsd.cluster.sending import CONFLICT, MISSING

_log = structlog.get_logger(__name__)


def lacks_namespace(refusal: Refusal) -> bool:
    """Whether something could not be made because its namespace is not there."""
    return refusal.code == MISSING and "namespaces" in refusal.message


async def create_namespace(client: Client, name: str) -> None:
    """Makes our own namespace, where gitopsd runs outside of the cluster and nobody made it. Raises Refusal, ClusterError."""
    body = orjson.dumps({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    try:
        await client.send(Request("POST", "/api/v1/namespaces", "create", body=body))
    except Refusal as refusal:
        if refusal.code != CONFLICT:
            raise
    else:
        _log.warning("created the namespace of gitopsd", cluster=client.name, namespace=name)

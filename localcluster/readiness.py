"""When a component does its work, as an API server's user sees it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http.client import HTTPException

from localcluster.api import Api, RequestError


def is_ready(name: str, api: Api) -> bool:
    """Whether the component `name` does its work; one without a probe is ready once it runs."""
    probe = _PROBES.get(name)
    try:
        return probe(api) if probe else True
    except (OSError, HTTPException, RequestError):
        return False  # no server, no certificate yet, no such object yet


def _serves(api: Api) -> bool:
    """Its start-up work (roles, namespaces) done too."""
    api.get("/readyz")
    return True


def _controls(api: Api) -> bool:
    """Every namespace gets a service account, and no pod is admitted without one."""
    api.get("/api/v1/namespaces/default/serviceaccounts/default")
    return True


def _plays_nodes(api: Api) -> bool:
    """The nodes answer."""
    return all(
        any(condition["type"] == "Ready" and condition["status"] == "True" for condition in node["status"].get("conditions", ()))
        for node in api.get("/api/v1/nodes")["items"]
    )


_PROBES: Mapping[str, Callable[[Api], bool]] = {
    "kube-apiserver": _serves,
    "kube-controller-manager": _controls,
    "kwok": _plays_nodes,
}

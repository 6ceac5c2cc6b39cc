"""From aggregated discovery documents to the surface."""

from __future__ import annotations

from typing import Any

from gitopsd.cluster.discovery import parse_surface
from gitopsd.model.refs import GroupKind


def _group(name: str, *versions: tuple[str, tuple[str, str, str]]) -> dict[str, Any]:
    return {
        "metadata": {"name": name} if name else {},
        "versions": [
            {
                "version": version,
                "resources": [
                    {
                        "resource": plural,
                        "responseKind": {"group": "", "kind": kind, "version": ""},
                        "scope": scope,
                        "verbs": ["get", "watch"],
                        "subresources": [{"subresource": "status", "responseKind": {"kind": kind}}],
                    }
                ],
            }
            for version, (plural, kind, scope) in versions
        ],
    }


CORE = _group("", ("v1", ("pods", "Pod", "Namespaced")))
SCALERS = ("horizontalpodautoscalers", "HorizontalPodAutoscaler", "Namespaced")
AUTOSCALING = _group("autoscaling", ("v2", SCALERS), ("v1", SCALERS))


def test_knows_kinds_and_their_preferred_versions() -> None:
    """Every version is there, the first the server names is preferred."""
    surface = parse_surface("v1.37.2", [CORE, AUTOSCALING])
    pod = surface.resource("v1", "Pod")
    assert pod is not None
    assert (pod.api_version, pod.plural, pod.namespaced, pod.verbs) == ("v1", "pods", True, frozenset({"get", "watch"}))
    assert surface.resource("autoscaling/v1", "HorizontalPodAutoscaler") is not None
    assert surface.preferred[GroupKind("autoscaling", "HorizontalPodAutoscaler")].version == "v2"


def test_the_digest_names_the_surface() -> None:
    """Order does not count; a kind, a scope or the server's version does."""
    digest = parse_surface("v1.37.2", [CORE, AUTOSCALING]).digest
    assert parse_surface("v1.37.2", [AUTOSCALING, CORE]).digest == digest
    assert parse_surface("v1.37.3", [CORE, AUTOSCALING]).digest != digest
    assert parse_surface("v1.37.2", [CORE]).digest != digest
    assert parse_surface("v1.37.2", [_group("", ("v1", ("pods", "Pod", "Cluster"))), AUTOSCALING]).digest != digest


def test_broken_groups_are_passed_over() -> None:
    """An aggregated API that is away lists versions without resources."""
    assert parse_surface("v1", [{"metadata": {"name": "metrics.k8s.io"}, "versions": [{"version": "v1"}]}, {}]).resources == {}

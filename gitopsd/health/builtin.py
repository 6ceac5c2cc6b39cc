"""The kinds whose rule is code, by group and kind; `rules.json` has the others."""

from __future__ import annotations

import json
from collections.abc import Callable

from gitopsd.health import workloads
from gitopsd.health.evidence import Evidence, conditions, mapping
from gitopsd.model.health import Health, HealthStatus

_HPA_CONDITIONS = "autoscaling.alpha.kubernetes.io/conditions"
_MAX_ANNOTATION = 1 << 16
_HPA_FAILURES = {"FailedGetScale", "FailedUpdateScale", "FailedGetResourceMetric", "InvalidSelector"}


def service(seen: Evidence) -> Health:
    """A load balancer has an address; any other Service works as soon as it is there."""
    if seen.spec.get("type") != "LoadBalancer" or mapping(seen.status.get("loadBalancer")).get("ingress"):
        return Health(HealthStatus.HEALTHY)
    return Health(HealthStatus.PROGRESSING, "waiting for the load balancer's address")


def autoscaler(seen: Evidence) -> Health:
    """Scaling, or at a limit: Healthy. autoscaling/v1 has no conditions but an annotation that holds them as JSON."""
    found = seen.conditions
    if not found:
        annotations = mapping(mapping(seen.obj.get("metadata")).get("annotations"))
        found = conditions({"conditions": _parsed(annotations.get(_HPA_CONDITIONS))}, None)[0]
    for condition in found:
        if condition.reason in _HPA_FAILURES:
            return Health(HealthStatus.DEGRADED, str(condition))
    for condition in found:
        if condition.status == "True" and condition.type in {"AbleToScale", "ScalingLimited"}:
            return Health(HealthStatus.HEALTHY, condition.message)
    return Health(HealthStatus.PROGRESSING, "waiting to scale")


def _parsed(source: object) -> object:
    try:
        return json.loads(source) if isinstance(source, str) and len(source) <= _MAX_ANNOTATION else None
    except (ValueError, RecursionError):
        return None


CODE: dict[tuple[str, str], Callable[[Evidence], Health]] = {
    ("", "Pod"): workloads.pod,
    ("", "Service"): service,
    ("apps", "DaemonSet"): workloads.daemon_set,
    ("apps", "Deployment"): workloads.deployment,
    ("apps", "ReplicaSet"): workloads.replica_set,
    ("apps", "StatefulSet"): workloads.stateful_set,
    ("argoproj.io", "Rollout"): workloads.rollout,
    ("autoscaling", "HorizontalPodAutoscaler"): autoscaler,
    ("batch", "CronJob"): workloads.cron_job,
    ("extensions", "DaemonSet"): workloads.daemon_set,
    ("extensions", "Deployment"): workloads.deployment,
    ("extensions", "ReplicaSet"): workloads.replica_set,
}
"""Argo CD's engine reads the same kinds in code; `extensions` is how manifests of before 1.16 spell `apps`."""

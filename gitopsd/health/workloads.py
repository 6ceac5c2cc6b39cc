"""The kinds whose health is a matter of counting: workloads of `apps` and `batch`, pods, and Argo's Rollout.

The rules are those of Argo CD's engine, which a cluster that moves over has relied on; where it follows kubectl's
`rollout status`, so do these.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gitopsd.health.evidence import Condition, Evidence, earlier, items, mapping, number, text
from gitopsd.health.general import STALE
from gitopsd.model.health import Health, HealthStatus


def deployment(seen: Evidence) -> Health:
    """As `kubectl rollout status`: updated, then old ones gone, then available; a passed deadline is a failure."""
    if seen.spec.get("paused") is True:
        return Health(HealthStatus.SUSPENDED, "the Deployment is paused")
    if late := _unobserved(seen):
        return late
    if failure := _condition(seen, "Progressing", reason="ProgressDeadlineExceeded"):
        return Health(HealthStatus.DEGRADED, str(failure))
    return _rolled_out(seen) or Health(HealthStatus.HEALTHY)


def _rolled_out(seen: Evidence) -> Health | None:
    """What is still missing of a roll-out that counts replicas; None where nothing is."""
    updated, available = _count(seen, "updatedReplicas"), _count(seen, "availableReplicas")
    wanted, present = number(seen.spec.get("replicas", 1)) or 0, _count(seen, "replicas")
    if updated < wanted:
        return _waiting(f"{updated} of {wanted} replicas are updated")
    if present > updated and "blueGreen" not in mapping(seen.spec.get("strategy")):
        return _waiting(f"{present - updated} old replicas are pending termination")
    if available < updated:
        return _waiting(f"{available} of {updated} updated replicas are available")
    return None


def stateful_set(seen: Evidence) -> Health:
    """Replicas ready, and updated as far as its strategy lets it (a partition holds the lower ordinals back)."""
    observed = number(seen.status.get("observedGeneration"))
    if not observed or earlier(observed, seen.generation):
        return STALE
    wanted = number(seen.spec.get("replicas", 1)) or 0
    if (ready := _count(seen, "readyReplicas")) < wanted:
        return _waiting(f"{ready} of {wanted} replicas are ready")
    strategy = mapping(seen.spec.get("updateStrategy"))
    if strategy.get("type") == "OnDelete":
        return Health(HealthStatus.HEALTHY, f"{ready} of {wanted} replicas are ready; updates wait for deletion of pods")
    partition = number(mapping(strategy.get("rollingUpdate")).get("partition"))
    updated = _count(seen, "updatedReplicas")
    if partition is None:
        if seen.status.get("updateRevision") != seen.status.get("currentRevision"):
            return _waiting(f"{updated} of {wanted} replicas are updated")
    elif updated < wanted - partition:
        return _waiting(f"{updated} of {wanted - partition} replicas above the partition are updated")
    return Health(HealthStatus.HEALTHY, f"{ready} of {wanted} replicas are ready")


def daemon_set(seen: Evidence) -> Health:
    """Updated and available on every node that it wants to be on."""
    if late := _unobserved(seen):
        return late
    wanted = _count(seen, "desiredNumberScheduled")
    if mapping(seen.spec.get("updateStrategy")).get("type") == "OnDelete":
        return Health(HealthStatus.HEALTHY, "updates wait for deletion of pods")
    for field, done in (("updatedNumberScheduled", "updated"), ("numberAvailable", "available")):
        if (count := _count(seen, field)) < wanted:
            return _waiting(f"{count} of {wanted} pods are {done}")
    return Health(HealthStatus.HEALTHY)


def replica_set(seen: Evidence) -> Health:
    """As many available as wanted; pods that can't be made are a failure."""
    if late := _unobserved(seen):
        return late
    if failure := _condition(seen, "ReplicaFailure", status="True"):
        return Health(HealthStatus.DEGRADED, str(failure))
    wanted = number(seen.spec.get("replicas", 1)) or 0
    if (available := _count(seen, "availableReplicas")) < wanted:
        return _waiting(f"{available} of {wanted} replicas are available")
    return Health(HealthStatus.HEALTHY)


def cron_job(seen: Evidence) -> Health:
    """Healthy unless its last finished run failed: one that has not run yet, or never succeeded, may be as wanted."""
    if seen.spec.get("suspend") is True:
        return Health(HealthStatus.SUSPENDED, "the CronJob is suspended")
    if any(items(seen.status.get("active"))):
        return _waiting("a run is active")
    scheduled, succeeded = text(seen.status.get("lastScheduleTime")), text(seen.status.get("lastSuccessfulTime"))
    if not scheduled:
        return Health(HealthStatus.HEALTHY, "not scheduled yet")
    if not succeeded:
        return Health(HealthStatus.HEALTHY, "no run has succeeded yet")
    # Both are RFC 3339 in UTC with whole seconds, as the API server writes them, so their order is that of the texts.
    if succeeded < scheduled:
        return Health(HealthStatus.DEGRADED, f"the run of {scheduled} did not succeed")
    return Health(HealthStatus.HEALTHY, f"the run of {scheduled} succeeded")


def pod(seen: Evidence) -> Health:
    """By phase; a container that can't start or came back from a crash makes a pod that is to run for ever Degraded."""
    forever = seen.spec.get("restartPolicy", "Always") == "Always"
    if forever and (failure := next(_waiting_in_vain(seen), None)):
        return Health(HealthStatus.DEGRADED, failure)
    phase = text(seen.status.get("phase"))
    if phase == "Running" and forever:
        return _running(seen)
    if phase == "Failed":
        return Health(HealthStatus.DEGRADED, text(seen.status.get("message")) or next(_exits(seen, "state"), "the pod failed"))
    status = {"Pending": HealthStatus.PROGRESSING, "Running": HealthStatus.PROGRESSING, "Succeeded": HealthStatus.HEALTHY}
    return Health(status.get(phase, HealthStatus.UNKNOWN), text(seen.status.get("message")))


def _running(seen: Evidence) -> Health:
    if _condition(seen, "Ready", status="True"):
        return Health(HealthStatus.HEALTHY)
    if crash := next(_exits(seen, "lastState"), None):
        return Health(HealthStatus.DEGRADED, crash)
    return _waiting("the pod is not ready")


def _containers(seen: Evidence) -> Iterator[Mapping[str, Any]]:
    for field in ("initContainerStatuses", "containerStatuses"):
        yield from (mapping(container) for container in items(seen.status.get(field)))


def _waiting_in_vain(seen: Evidence) -> Iterator[str]:
    """Containers that wait for a reason that does not pass by itself: ErrImagePull, CreateContainerError, CrashLoopBackOff."""
    for container in _containers(seen):
        waiting = mapping(mapping(container.get("state")).get("waiting"))
        reason = text(waiting.get("reason"))
        if reason.startswith("Err") or reason.endswith(("Error", "BackOff")):
            yield f"container {text(container.get('name'))}: {text(waiting.get('message')) or reason}"


def _exits(seen: Evidence, state: str) -> Iterator[str]:
    for container in _containers(seen):
        ended = mapping(mapping(container.get(state)).get("terminated"))
        if ended and ended.get("exitCode") != 0:
            why = text(ended.get("message")) or text(ended.get("reason")) or "terminated"
            yield f"container {text(container.get('name'))}: {why} (exit code {text(ended.get('exitCode'))})"


_ROLLOUT_PHASES = {
    "Healthy": HealthStatus.HEALTHY,
    "Paused": HealthStatus.SUSPENDED,
    "Progressing": HealthStatus.PROGRESSING,
    "Degraded": HealthStatus.DEGRADED,
}


def rollout(seen: Evidence) -> Health:
    """Argo Rollouts: the controller's phase once it has seen the spec and the workload; before v1.0 it wrote conditions only.

    `observedGeneration` is text, and a hash in early versions, which is taken for current. A pause, timed or not, is Suspended.
    """
    if not seen.status or seen.stale or _workload_unobserved(seen):
        return STALE
    if status := _ROLLOUT_PHASES.get(text(seen.status.get("phase"))):
        return Health(status, text(seen.status.get("message")))
    for failure in (_condition(seen, "InvalidSpec", status="True"), _condition(seen, "Progressing", status="False")):
        if failure:
            return Health(HealthStatus.DEGRADED, str(failure))
    if seen.spec.get("paused") is True or seen.status.get("pauseConditions"):
        return Health(HealthStatus.SUSPENDED, "the Rollout is paused")
    return _rolled_out(seen) or _switched_over(seen) or Health(HealthStatus.HEALTHY)


def _switched_over(seen: Evidence) -> Health | None:
    """Whether the new pods are the ones that a blue-green Rollout serves from, or that a canary holds for stable; None if so."""
    new, strategy = seen.status.get("currentPodHash"), mapping(seen.spec.get("strategy"))
    for kind, field in (("blueGreen", "activeSelector"), ("canary", "stableRS")):
        old = mapping(seen.status.get(kind)).get(field) or seen.status.get(field)
        if kind in strategy and old and old != new:
            return _waiting("the new pods do not serve all traffic yet")
    return None


def _workload_unobserved(seen: Evidence) -> bool:
    """Whether a Deployment that the Rollout refers to has a generation that the controller has not seen yet."""
    annotations = mapping(mapping(seen.obj.get("metadata")).get("annotations"))
    there = number(annotations.get("rollout.argoproj.io/workload-generation"))
    return bool(seen.spec.get("workloadRef")) and earlier(seen.status.get("workloadObservedGeneration", 0), there)


def _unobserved(seen: Evidence) -> Health | None:
    """These controllers always write observedGeneration: a status without it is one that was not written yet."""
    return STALE if earlier(seen.status.get("observedGeneration", 0), seen.generation) else None


def _count(seen: Evidence, field: str) -> int:
    return number(seen.status.get(field)) or 0


def _condition(seen: Evidence, type_: str, *, status: str = "", reason: str = "") -> Condition | None:
    for found in seen.conditions:
        if found.type == type_ and status in ("", found.status) and reason in ("", found.reason):
            return found
    return None


def _waiting(message: str) -> Health:
    return Health(HealthStatus.PROGRESSING, message)

"""The general reading: an object's health by the conventions that controllers share, for kinds without a rule.

The questions are asked in order, and the first that has an answer decides. They come from kstatus (generations, `Reconciling`,
`Stalled`), the API conventions of Kubernetes (conditions), Knative and Crossplane (`Ready` sums up, `Synced` tells of the last
try), Cluster API (`severity`, `paused`), Gateway API (conditions by parent), and the habit of naming a phase.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from gitopsd.health import vocabulary
from gitopsd.health.evidence import Condition, Conditions, Evidence, conditions, items, mapping, number, text
from gitopsd.model.health import Health, HealthStatus

Question = Callable[[Evidence], Health | None]

STALE = Health(HealthStatus.PROGRESSING, "waiting for the controller to observe the latest spec")


def read(seen: Evidence) -> Health:
    """The health of an object by convention; Healthy where nothing speaks against it."""
    for question in QUESTIONS:
        if health := question(seen):
            return health
    return Health(HealthStatus.HEALTHY)


def _suspended(seen: Evidence) -> Health | None:
    """A switch in the spec, an annotation `.../paused`, or a condition says that nobody works on the object."""
    for switch in vocabulary.table()["suspended"]:
        if seen.spec.get(switch) is True:
            return Health(HealthStatus.SUSPENDED, f"spec.{switch} is true")
    for name, value in mapping(mapping(seen.obj.get("metadata")).get("annotations")).items():
        if _stops(name.rpartition("/")[2].casefold(), value):
            return Health(HealthStatus.SUSPENDED, f"the annotation {name} is {text(value)}")
    for found in seen.conditions:
        name = found.reason if found.status != "True" else found.type if _plain(found) else ""
        if vocabulary.meaning(name) is HealthStatus.SUSPENDED:
            return Health(HealthStatus.SUSPENDED, str(found))
    return None


def _stops(switch: str, value: Any) -> bool:
    """Whether an annotation tells its controller to stand still: `paused: "true"`, `reconcile-policy: skip`."""
    return (value == "true" and "pause" in switch) or ("reconcil" in switch and text(value) in {"disabled", "paused", "skip"})


def _stale(seen: Evidence) -> Health | None:
    return STALE if seen.stale else None


def _failed(seen: Evidence) -> Health | None:
    """A condition, an error field or a phase tells of a failure, whatever else holds."""
    if health := _failure(seen.conditions):
        return health
    for field in vocabulary.table()["failures"]:
        value = seen.status.get(field)
        if message := text(mapping(value).get("message")) or (text(value) if isinstance(value, str) else ""):
            return Health(HealthStatus.DEGRADED, message)
    return next((health for health in _phases(seen, seen.status) if health.status is HealthStatus.DEGRADED), None)


def _failure(found: Conditions) -> Health | None:
    """A failure by name that holds (`Stalled`), or anything that doesn't hold for a reason that names a failure."""
    for condition in found:
        bad = vocabulary.holds(condition.type, "conditions", "failures")
        if bad if condition.status == "True" else not bad and _unmet(condition) is HealthStatus.DEGRADED:
            return Health(HealthStatus.DEGRADED, str(condition))
    return None


def _unmet(condition: Condition) -> HealthStatus | None:
    """What it means that a condition is not True; None where its reason says nothing."""
    if condition.status != "False" or condition.severity in {"Info", "Warning"}:
        return HealthStatus.PROGRESSING
    failure = condition.severity == "Error" or condition.type in vocabulary.listed("conditions", "verdicts")
    if failure or vocabulary.opens(condition.message, "words", "Degraded"):
        return HealthStatus.DEGRADED
    word = vocabulary.meaning(condition.reason)
    return HealthStatus.PROGRESSING if word is HealthStatus.HEALTHY or not condition.reason else word


def _unstarted(seen: Evidence) -> Health | None:
    """A kind that is to end, or that names something to be built, has not begun as long as it has not said a word."""
    kind = text(seen.obj.get("kind"))
    if seen.status or not (_finite(seen) or vocabulary.ends(kind, "built")):
        return None
    return Health(HealthStatus.PROGRESSING, "waiting for it to start")


def _conditioned(seen: Evidence) -> Health | None:
    return _summed(seen.conditions)


def _summed(found: Conditions) -> Health | None:
    """`Ready` decides where it is there; then what still goes on; then those that sum up by the end of their name."""
    for condition in found:
        if condition.type == "Ready":
            return _sum(condition)
    for condition in found:
        # `Running` for no reason but `Running` is KEDA's and Ansible's word for work that goes on; `JobRunning` is a good state.
        over = vocabulary.meaning(condition.reason) is HealthStatus.HEALTHY and condition.reason != condition.type
        if condition.status == "True" and not over and vocabulary.ends(condition.type, "conditions", "activities"):
            return Health(HealthStatus.PROGRESSING, str(condition))
    sums = [condition for condition in found if vocabulary.ends(condition.type, "conditions", "sums")]
    for condition in sums:
        if condition.status == "False" or (condition.status == "Unknown" and _plain(condition)):
            return _sum(condition)
    # Many partial sums that hold say less than a phase does, which is asked for next.
    return next((_sum(condition) for condition in sums if _plain(condition)), None)


def _plain(condition: Condition) -> bool:
    """Whether a condition is about the object as a whole (`Available`), not a part of it (`StorageAvailable`)."""
    return len(vocabulary.words(condition.type)) == 1


def _sum(condition: Condition) -> Health:
    if condition.status == "True":
        # What is complete may have come to a bad end: `Complete` for the reason `JobFailed`.
        ended = vocabulary.ends(condition.type, "conditions", "ends") and vocabulary.meaning(condition.reason)
        return Health(HealthStatus.DEGRADED if ended is HealthStatus.DEGRADED else HealthStatus.HEALTHY, condition.message)
    status = HealthStatus.PROGRESSING if _unmet(condition) is HealthStatus.PROGRESSING else HealthStatus.DEGRADED
    return Health(status, str(condition))


def _parted(seen: Evidence) -> Health | None:
    """Conditions by part, as Gateway API has them by parent: the worst of the parts that tell of the present generation."""
    parts = [conditions(part, seen.generation) for part in _parts(seen.status) if "conditions" in part]
    healths = [_failure(found) or _summed(found) for found, _ in parts]
    answers = [health for health in healths if health]
    if not answers and any(stale for _, stale in parts):
        return STALE
    return max(answers, key=lambda health: health.status.severity, default=None)


def _parts(status: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for value in items(status):
        if isinstance(value, dict):
            yield value
        yield from (part for part in items(value) if isinstance(part, dict))


def _phased(seen: Evidence) -> Health | None:
    """The worst that a phase of the status says, or where it names none, of a part of it."""
    healths = [*_phases(seen, seen.status)] or [health for part in _parts(seen.status) for health in _phases(seen, part)]
    return max(healths, key=lambda health: health.status.severity, default=None)


def _phases(seen: Evidence, status: Mapping[str, Any]) -> Iterator[Health]:
    for field, value in status.items():
        if isinstance(value, str) and vocabulary.ends(field, "phases") and not vocabulary.holds(field, "not phases"):
            word = vocabulary.meaning(value.strip())
            if word is HealthStatus.HEALTHY and _unfinished(seen, value):
                word = HealthStatus.PROGRESSING
            if word:
                yield Health(word, text(status.get("message")) or f"{field} is {text(value)}")


def _unfinished(seen: Evidence, phase: str) -> bool:
    """Whether the object is of a kind that is to end, and has not: a running Backup is in progress, a Broker is healthy."""
    return "running" in vocabulary.words(phase) and _finite(seen)


def _finite(seen: Evidence) -> bool:
    return vocabulary.ends(text(seen.obj.get("kind")), "finite")


def _flagged(seen: Evidence) -> Health | None:
    for field in vocabulary.table()["flags"]:
        if isinstance(flag := seen.status.get(field), bool):
            return Health(HealthStatus.HEALTHY if flag else HealthStatus.PROGRESSING, f"{field} is {text(flag)}")
    return None


def _replicated(seen: Evidence) -> Health | None:
    wanted, ready = number(seen.spec.get("replicas", seen.status.get("replicas"))), number(seen.status.get("readyReplicas"))
    if wanted is None or ready is None or ready >= wanted:
        return None
    return Health(HealthStatus.PROGRESSING, f"{ready} of {wanted} replicas are ready")


def _silent(seen: Evidence) -> Health | None:
    """The controller keeps a list of verdicts, and has put none into it yet."""
    for field in vocabulary.table()["verdicts"]:
        if seen.status.get(field) == []:
            return Health(HealthStatus.PROGRESSING, f"waiting for the controller to report {field}")
    return None


QUESTIONS: tuple[Question, ...] = (
    _suspended,
    _stale,
    _unstarted,
    _failed,
    _conditioned,
    _parted,
    _phased,
    _flagged,
    _replicated,
    _silent,
)

"""Metrics: what Prometheus asks for, derived from the records of passes and from what the ports count.

docs/guide/metrics.md lists them, and a test holds it to that. No label takes values without bound: field managers come from a
list, codes and results from closed sets, and the series of an application go with it.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from importlib.resources import files
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.exposition import choose_encoder

from gitopsd import __version__
from gitopsd.model.app import App, AppKey
from gitopsd.model.health import HealthStatus
from gitopsd.model.record import Drift, DriftOutcome, ResultStatus, SyncRecord, SyncStatus
from gitopsd.model.status import AppStatus
from gitopsd.observe.caches import Caches
from gitopsd.observe.redact import redact
from gitopsd.ports import CacheUse, Clock

if TYPE_CHECKING:
    from prometheus_client.metrics import MetricWrapperBase

_FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
"""Buckets, in seconds, of what gitopsd does by itself."""
_TURNS = (0.1, 0.25, 0.5, 1, 2.5, 5)
"""Buckets, in seconds, of turns of the event loop."""
_SLOW = (0.5, 1, 2, 3, 5, 10, 20, 30, 60, 120, 180, 300, 600, 1800, 3600)
"""Buckets, in seconds, of what waits for clusters and people."""
KNOWN_MANAGERS: frozenset[str] = frozenset(json.loads((files("gitopsd.observe") / "managers.json").read_text()))
"""Field managers that have a label of their own; all others are "other"."""
_WRITTEN = (ResultStatus.SYNCED, ResultStatus.PRUNED)
_CODES = frozenset(range(100, 600))


class _Families:
    """The metrics themselves: name, meaning, labels."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def gauge(name: str, meaning: str, *labels: str) -> Gauge:
            return Gauge(f"gitopsd_{name}", meaning, labels, registry=registry)

        def counter(name: str, meaning: str, *labels: str) -> Counter:
            return Counter(f"gitopsd_{name}", meaning, labels, registry=registry)

        def histogram(name: str, meaning: str, *labels: str, buckets: tuple[float, ...] = _FAST) -> Histogram:
            return Histogram(f"gitopsd_{name}", meaning, labels, registry=registry, buckets=buckets)

        self.info = gauge(
            "application_info", "What an application is and how it stands; always 1.",
            "application", "project", "repository", "path", "destination", "sync_status", "health_status",
        )  # fmt: skip
        self.syncs = counter("syncs_total", "Attempted syncs.", "application", "phase", "trigger")
        self.objects = counter("objects_total", "Objects that syncs wrote.", "application", "action")
        self.stages = histogram("stage_duration_seconds", "Time spent in each stage of a pass.", "stage")
        self.to_live = histogram(
            "commit_to_live_seconds", "From a commit's arrival at the agent to Synced and Healthy.", buckets=_SLOW
        )
        self.committed_to_live = histogram(
            "committed_to_live_seconds", "From a commit's own time to Synced and Healthy, polling included.", buckets=_SLOW
        )
        self.drifted = gauge("drifted_objects", "Objects that somebody else changed, and that are not healed.", "application")
        self.drift_age = gauge("drift_age_seconds", "How long the application has drifted; 0 where it has not.", "application")
        self.drifts = counter("drift_events_total", "Fields that somebody else changed.", "application", "manager", "outcome")
        self.git = counter("git_requests_total", "Questions to Git servers.", "repository", "result")
        self.git_seconds = histogram("git_request_duration_seconds", "How long Git servers took.", "repository", buckets=_SLOW)
        self.api = counter("api_requests_total", "Requests to API servers.", "cluster", "verb", "code")
        self.renders = counter("render_cache_requests_total", "Renders asked for, by whether one was kept.", "result")
        self.queue = gauge("queue_depth", "Applications that wait for a worker.")
        self.blocked = histogram(
            "loop_blocked_seconds", "Turns of the event loop that took 50 ms or more: nothing else ran meanwhile.", buckets=_TURNS
        )
        self.build = gauge("build_info", "Which gitopsd this is; always 1.", "version", "python", "commit")
        self.problems = gauge("config_problems", "Documents of applications that can't be taken as they are.")
        counted = (self.info, self.syncs, self.objects, self.drifted, self.drift_age, self.drifts)
        self.of_application: tuple[MetricWrapperBase, ...] = counted


class _Shares:
    """What is said of a process that may be one of several."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def gauge(name: str, meaning: str, *labels: str) -> Gauge:
            return Gauge(f"gitopsd_{name}", meaning, labels, registry=registry)

        self.leader = gauge("leader", "Whether this process works: it is alone, leads, or has a part of the applications.")
        self.replicas = gauge("replicas", "The replicas that this one takes for alive, itself included.")
        self.tenure = gauge("replica_tenure", "Whether this replica may work, as the others take it for alive.", "replica")
        self.applications = gauge("applications", "Applications that there are, whoever works on them.")
        self.held = gauge("held_applications", "Applications that this process works on.")


@dataclass(slots=True)
class _Known:
    """What has to be remembered of an application to count it right."""

    labels: tuple[str, ...] = ()
    reported: frozenset[tuple[str, str]] = frozenset()
    """Object and field of drift that has been counted and is still open."""
    awaited: str = ""
    """The revision that a sync has brought, and that is not live yet."""
    live: str = ""
    """The revision that was last Synced and Healthy."""


@dataclass(slots=True)
class Metrics:
    """One registry for one process."""

    clock: Clock
    commit: str = ""
    """The commit that this gitopsd was built from."""
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    _families: _Families = field(init=False)
    _shares: _Shares = field(init=False)
    _caches: Caches = field(default_factory=Caches)
    _known: dict[AppKey, _Known] = field(default_factory=dict)

    def __post_init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call] # a second series beside each counter, which nobody graphs
        self._families, self._shares = _Families(self.registry), _Shares(self.registry)
        self.registry.register(self._caches)
        self._families.build.labels(__version__, platform.python_version(), self.commit).set(1)

    def exposition(self, accept: str = "") -> tuple[bytes, str]:
        """The answer to a scrape, and its content type: OpenMetrics for who accepts that, else Prometheus' text."""
        encode, content_type = choose_encoder(accept)
        return encode(self.registry), content_type

    # What passes did

    def observe(self, record: SyncRecord, status: AppStatus) -> None:
        """Counts a finished pass, and takes over how its application stands after it. A dry run changes nothing here."""
        if record.trigger.dry_run:
            return
        app = str(record.app)
        for stage, seconds in record.stages.items():
            self._families.stages.labels(stage).observe(seconds)
        if record.attempted:
            self._families.syncs.labels(app, record.phase, record.trigger.kind).inc()
        for result in record.results:
            if record.attempted and result.status in _WRITTEN:
                self._families.objects.labels(app, result.action).inc()
        known = self._known.setdefault(record.app, _Known())
        self._drift(record, known)
        self._live(record, known)
        self.application(status)

    def application(self, status: AppStatus) -> None:
        """Takes over how an application stands."""
        key, families = status.app.key, self._families
        known = self._known.setdefault(key, _Known())
        labels = _info_labels(status)
        if labels != known.labels:
            if known.labels:
                families.info.remove(*known.labels)
            families.info.labels(*labels).set(1)
            known.labels = labels
        families.drifted.labels(str(key)).set(len(status.drifted))
        since = status.drift_since
        families.drift_age.labels(str(key)).set_function(lambda: 0.0 if since is None else self._seconds_since(since))

    def _seconds_since(self, moment: datetime) -> float:
        return max(0.0, (self.clock.now() - moment).total_seconds())

    def forget(self, app: AppKey) -> None:
        """The application is gone, and its series with it."""
        self._known.pop(app, None)
        for family in self._families.of_application:
            family.remove_by_labels({"application": str(app)})

    def _drift(self, record: SyncRecord, known: _Known) -> None:
        """Counts healed drift each time, reported drift once for each time that it opens."""
        if record.sync is SyncStatus.UNKNOWN:
            return
        reported = frozenset(_identity(drift) for drift in record.drifts if drift.outcome is not DriftOutcome.HEALED)
        for drift in record.drifts:
            if drift.outcome is DriftOutcome.HEALED or _identity(drift) not in known.reported:
                manager = drift.change.manager if drift.change.manager in KNOWN_MANAGERS else "other"
                self._families.drifts.labels(str(record.app), manager, drift.outcome).inc()
        known.reported = reported

    def _live(self, record: SyncRecord, known: _Known) -> None:
        """Measures a commit that a sync brought, when it is first Synced and Healthy.

        Healing drift brings no commit, and a person who goes back to one says nothing of how fast deliveries are.
        """
        asked_for = bool(record.trigger.revision)
        if record.attempted and not record.drifts and not asked_for and record.revision != known.live:
            known.awaited = record.revision
        if record.sync is not SyncStatus.SYNCED or record.health.status is not HealthStatus.HEALTHY:
            return
        delivered = bool(record.revision) and known.awaited == record.revision
        known.awaited, known.live = "", record.revision
        if not delivered:
            return
        if record.arrived is not None:
            self._families.to_live.observe(self._seconds_since(record.arrived))
        if (committed := record.commits[0].time) is not None:
            self._families.committed_to_live.observe(self._seconds_since(committed))

    # What ports count

    def git_request(self, repository: str, result: str, seconds: float) -> None:
        """A question to a Git server: `result` is ok, error or timeout."""
        self._families.git.labels(redact(repository), result).inc()
        self._families.git_seconds.labels(redact(repository)).observe(seconds)

    def api_request(self, cluster: str, verb: str, code: int) -> None:
        """A request to an API server; a `code` of 0 is one that got no answer."""
        self._families.api.labels(cluster, verb, str(code) if code in _CODES else "none").inc()

    def render_cache(self, result: str) -> None:
        """A render was asked for: `hit` or `miss`."""
        self._families.renders.labels(result).inc()

    def cache(self, name: str, use: Callable[[], CacheUse]) -> None:
        """Where the use of a cache can be asked for, at each scrape."""
        self._caches.uses[name] = use

    def queue_depth(self, depth: Callable[[], int]) -> None:
        """Where the depth of the queue can be asked for, at each scrape."""
        self._families.queue.set_function(depth)

    def loop_blocked(self, seconds: float) -> None:
        """A turn of the event loop took too long."""
        self._families.blocked.observe(seconds)

    def tenure(self, replica: str, alive: Callable[[], bool]) -> None:
        """Where it can be asked, at each scrape, whether this process, which is called so among others, may work."""
        self._shares.tenure.labels(replica).set_function(alive)

    def shares(
        self, known: Callable[[], int], held: Callable[[], int], replicas: Callable[[], int], leads: Callable[[], bool]
    ) -> None:
        """Where all applications, those that this process has, and those it has them with, can be asked for, at each scrape."""
        self._shares.applications.set_function(known)
        self._shares.held.set_function(held)
        self._shares.replicas.set_function(replicas)
        self._shares.leader.set_function(leads)

    def config_problems(self, count: int) -> None:
        """How many documents can't be taken as they are."""
        self._families.problems.set(count)


def _info_labels(status: AppStatus) -> tuple[str, ...]:
    app: App = status.app
    source, destination = app.sources[0], app.spec.destination
    where = destination.server or destination.name
    names = (str(app.key), app.spec.project, redact(source.repo_url), source.path, where)
    return (*names, status.sync.value, status.health.status.value)


def _identity(drift: Drift) -> tuple[str, str]:
    return str(drift.ref), drift.change.field

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gitopsd.model.app import App, AppKey, AppSpec, Destination, Source
from gitopsd.model.health import Health, HealthStatus
from gitopsd.model.plan import Action, FieldChange
from gitopsd.model.record import (
    Drift,
    DriftOutcome,
    ObjectResult,
    Phase,
    ResultStatus,
    SyncRecord,
    SyncStatus,
    Trigger,
    TriggerKind,
)
from gitopsd.model.refs import ObjectRef
from gitopsd.model.source import Commit
from gitopsd.model.status import AppStatus
from gitopsd.observe import Metrics
from gitopsd.ports import CacheUse
from tests.fakes_history import FakeClock

GUIDE = Path(__file__).parent.parent.parent / "docs" / "guide" / "metrics.md"
NAMES = {
    "gitopsd_application_info": "application,project,repository,path,destination,sync_status,health_status",
    "gitopsd_syncs_total": "application,phase,trigger",
    "gitopsd_objects_total": "application,action",
    "gitopsd_stage_duration_seconds": "stage",
    "gitopsd_commit_to_live_seconds": "",
    "gitopsd_committed_to_live_seconds": "",
    "gitopsd_drifted_objects": "application",
    "gitopsd_drift_age_seconds": "application",
    "gitopsd_drift_events_total": "application,manager,outcome",
    "gitopsd_git_requests_total": "repository,result",
    "gitopsd_git_request_duration_seconds": "repository",
    "gitopsd_api_requests_total": "cluster,verb,code",
    "gitopsd_render_cache_requests_total": "result",
    "gitopsd_cache_entries": "cache",
    "gitopsd_cache_evictions_total": "cache",
    "gitopsd_queue_depth": "",
    "gitopsd_loop_blocked_seconds": "",
    "gitopsd_leader": "",
    "gitopsd_replicas": "",
    "gitopsd_replica_tenure": "replica",
    "gitopsd_applications": "",
    "gitopsd_held_applications": "",
    "gitopsd_config_problems": "",
    "gitopsd_build_info": "version,python,commit",
}
"""The names and labels that dashboards hold on to."""

KEY = AppKey("argocd", "web")
APP = App(KEY, AppSpec(Destination(name="west"), source=Source("https://user:HUSH@git.example.com/ops", "prod")))
REF = ObjectRef("apps", "Deployment", "web", "api")
LABELS = {"application": "argocd/web"}


@pytest.fixture
def clock() -> FakeClock:
    """A clock that the test moves."""
    return FakeClock()


@pytest.fixture
def metrics(clock: FakeClock) -> Metrics:
    """Metrics of a process that has done nothing yet."""
    return Metrics(clock, commit="abc")


def attempt(clock: FakeClock, revision: str = "4f0c", **changes: object) -> SyncRecord:
    """A successful sync to a commit that was made 60 s ago and arrived 5 s ago."""
    now = clock.now()
    record = SyncRecord(
        KEY,
        Trigger(TriggerKind.POLL),
        Phase.SUCCEEDED,
        "",
        now,
        now,
        attempted=True,
        commits=(Commit(revision, time=now - timedelta(seconds=60)),),
        arrived=now - timedelta(seconds=5),
        desired_digest="d",
        sync=SyncStatus.SYNCED,
        health=Health(HealthStatus.HEALTHY),
        stages={"fetch": 0.5},
        results=(
            ObjectResult(REF, Action.CONFIGURE, ResultStatus.SYNCED),
            ObjectResult(REF, Action.PRUNE, ResultStatus.PRUNED),
            ObjectResult(REF, Action.PRUNE, ResultStatus.PRUNE_SKIPPED),
            ObjectResult(REF, Action.CREATE, ResultStatus.SYNC_FAILED),
        ),
    )
    return replace(record, **changes)  # type: ignore[arg-type]


def drift(outcome: DriftOutcome = DriftOutcome.REPORTED, manager: str = "kubectl-edit", field: str = "spec.replicas") -> Drift:
    """A field that somebody changed."""
    return Drift(KEY, REF, FieldChange(field, 1, 2, manager), FakeClock().now(), outcome)


def observe(metrics: Metrics, *records: SyncRecord) -> None:
    """Shows these passes, one after the other."""
    status = AppStatus(APP)
    for record in records:
        status = status.after(record)
        metrics.observe(record, status)


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    """One sample, None where there is none."""
    return metrics.registry.get_sample_value(name, labels)


def samples(metrics: Metrics) -> list[tuple[str, dict[str, str], float]]:
    """All samples that a scrape gives."""
    families = text_string_to_metric_families(metrics.exposition()[0].decode())
    return [(sample.name, sample.labels, sample.value) for family in families for sample in family.samples]


def test_names_are_those_that_dashboards_use(metrics: Metrics) -> None:
    """No metric is missing, renamed or beside the list."""
    described = re.findall(r"^# TYPE (\S+)", metrics.exposition()[0].decode(), re.MULTILINE)
    assert sorted(described) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_guide_describes_each(metrics: Metrics, name: str) -> None:
    """The guide has a line for each, with its type, its labels and its meaning."""
    text = metrics.exposition()[0].decode()
    kind = re.search(rf"^# TYPE {name} (\w+)", text, re.MULTILINE)
    meaning = re.search(rf"^# HELP {name} (.*)", text, re.MULTILINE)
    assert kind
    assert meaning
    labels = NAMES[name].replace(",", ", ")
    assert f"| `{name}` | {kind[1]} | {labels}{' ' if labels else ''}| {meaning[1]} |" in GUIDE.read_text()


def test_guide_knows_no_others() -> None:
    """A metric that is gone is gone from the guide."""
    assert set(re.findall(r"^\| `(gitopsd_\w+)`", GUIDE.read_text(), re.MULTILINE)) == set(NAMES)


def test_caches_are_asked_at_each_scrape(metrics: Metrics) -> None:
    """What they say then is what is shown."""
    uses = iter([CacheUse(3, 0), CacheUse(2, 1)])
    metrics.cache("renders", lambda: next(uses))
    for use in ((3, 0), (2, 1)):
        shown = {name: (labels, number) for name, labels, number in samples(metrics) if "cache_e" in name}
        assert shown == {
            "gitopsd_cache_entries": ({"cache": "renders"}, use[0]),
            "gitopsd_cache_evictions_total": ({"cache": "renders"}, use[1]),
        }


def test_labels(metrics: Metrics, clock: FakeClock) -> None:
    """Each metric has the labels that the list says, and no others."""
    observe(metrics, attempt(clock, drifts=(drift(DriftOutcome.HEALED),)))
    metrics.git_request("https://git.example.com/ops", "ok", 0.1)
    metrics.api_request("west", "get", 200)
    metrics.render_cache("hit")
    metrics.cache("renders", CacheUse)
    for name, labels, _ in samples(metrics):
        family = re.sub(r"_(bucket|sum|count)$", "", name)
        assert labels.keys() - {"le"} == set(filter(None, NAMES[family].split(",")))


def test_application_info_is_one_series(metrics: Metrics, clock: FakeClock) -> None:
    """An application has one series, which changes with its status; credentials in a URL are not shown."""
    observe(metrics, attempt(clock), attempt(clock, sync=SyncStatus.OUT_OF_SYNC))
    (series,) = [labels for name, labels, _ in samples(metrics) if name == "gitopsd_application_info"]
    assert series == LABELS | {
        "project": "default",
        "repository": "https://git.example.com/ops",
        "path": "prod",
        "destination": "west",
        "sync_status": "OutOfSync",
        "health_status": "Healthy",
    }


def test_syncs_and_objects(metrics: Metrics, clock: FakeClock) -> None:
    """Attempts are counted by how they ended, objects by what was done to them: not those left alone, nor those that failed."""
    observe(metrics, attempt(clock), attempt(clock, phase=Phase.FAILED, results=()), attempt(clock, attempted=False))
    assert value(metrics, "gitopsd_syncs_total", **LABELS, phase="Succeeded", trigger="poll") == 1
    assert value(metrics, "gitopsd_syncs_total", **LABELS, phase="Failed", trigger="poll") == 1
    assert value(metrics, "gitopsd_objects_total", **LABELS, action="configure") == 1
    assert value(metrics, "gitopsd_objects_total", **LABELS, action="prune") == 1
    assert value(metrics, "gitopsd_objects_total", **LABELS, action="create") is None
    assert value(metrics, "gitopsd_stage_duration_seconds_sum", stage="fetch") == 1.5


def test_dry_run_counts_nothing(metrics: Metrics, clock: FakeClock) -> None:
    """Looking at a plan leaves no trace in the metrics."""
    before = metrics.exposition()[0]
    observe(metrics, attempt(clock, attempted=False, trigger=Trigger(TriggerKind.MANUAL, dry_run=True)))
    assert metrics.exposition()[0] == before


def test_commit_to_live(metrics: Metrics, clock: FakeClock) -> None:
    """A commit is measured once, when it is first Synced and Healthy: from its arrival, and from its own time."""
    waiting = attempt(clock, health=Health(HealthStatus.PROGRESSING))
    observe(metrics, waiting)
    assert value(metrics, "gitopsd_commit_to_live_seconds_count") == 0
    clock.advance(10)
    healthy = replace(waiting, attempted=False, health=Health(HealthStatus.HEALTHY))
    observe(metrics, healthy, healthy, replace(healthy, attempted=False))
    assert value(metrics, "gitopsd_commit_to_live_seconds_count") == 1
    assert value(metrics, "gitopsd_commit_to_live_seconds_sum") == 15
    assert value(metrics, "gitopsd_committed_to_live_seconds_sum") == 70


@pytest.mark.parametrize(
    "changes",
    [
        {"attempted": False},
        {"trigger": Trigger(TriggerKind.MANUAL, revision="v1")},
        {"sync": SyncStatus.OUT_OF_SYNC},
        {"commits": ()},
    ],
)
def test_what_is_no_delivery_is_not_measured(metrics: Metrics, clock: FakeClock, changes: dict[str, Any]) -> None:
    """A commit that changed nothing, that somebody went back to, or that is not live, says nothing of how fast deliveries are."""
    observe(metrics, attempt(clock, **changes))
    assert value(metrics, "gitopsd_commit_to_live_seconds_count") == 0


@pytest.mark.parametrize("seen", [True, False])
def test_healed_again_is_not_delivered_again(metrics: Metrics, clock: FakeClock, seen: bool) -> None:
    """Healing drift does not measure the age of the commit, whether or not this process has seen it come."""
    if seen:
        observe(metrics, attempt(clock))
    clock.advance(3600)
    observe(metrics, attempt(clock, drifts=(drift(DriftOutcome.HEALED),)), attempt(clock))
    assert value(metrics, "gitopsd_commit_to_live_seconds_count") == seen


def test_drift_is_counted_when_it_opens(metrics: Metrics, clock: FakeClock) -> None:
    """Reported drift counts once for as long as it is open, healed drift each time."""
    open_drift = attempt(clock, attempted=False, sync=SyncStatus.OUT_OF_SYNC, drifts=(drift(),))
    failed = attempt(clock, attempted=False, sync=SyncStatus.UNKNOWN, desired_digest="")
    closed = attempt(clock, attempted=False)
    observe(metrics, open_drift, open_drift, failed, open_drift, closed, open_drift)
    reported = LABELS | {"manager": "kubectl-edit", "outcome": "reported"}
    assert value(metrics, "gitopsd_drift_events_total", **reported) == 2
    healed = attempt(clock, drifts=(drift(DriftOutcome.HEALED),))
    observe(metrics, healed, healed)
    assert value(metrics, "gitopsd_drift_events_total", **reported | {"outcome": "healed"}) == 2


def test_drift_gauges(metrics: Metrics, clock: FakeClock) -> None:
    """How many objects have drifted, and for how long; the age grows between passes, and ends with the drift."""
    observe(metrics, attempt(clock, attempted=False, sync=SyncStatus.OUT_OF_SYNC, drifts=(drift(), drift(field="spec.paused"))))
    clock.advance(90)
    assert value(metrics, "gitopsd_drifted_objects", **LABELS) == 1
    assert value(metrics, "gitopsd_drift_age_seconds", **LABELS) == 90
    observe(metrics, attempt(clock, attempted=False))
    assert value(metrics, "gitopsd_drifted_objects", **LABELS) == 0
    assert value(metrics, "gitopsd_drift_age_seconds", **LABELS) == 0


def test_unknown_managers_share_a_label(metrics: Metrics, clock: FakeClock) -> None:
    """Whoever may write to the cluster can call himself anything: that makes no series of its own."""
    drifts = tuple(drift(DriftOutcome.HEALED, manager=f"script-{number}") for number in range(5))
    observe(metrics, attempt(clock, drifts=drifts))
    assert value(metrics, "gitopsd_drift_events_total", **LABELS, manager="other", outcome="healed") == 5


def test_application_that_is_gone_leaves_no_series(metrics: Metrics, clock: FakeClock) -> None:
    """Nothing of an application stays in the metrics after it; others do."""
    observe(metrics, attempt(clock, drifts=(drift(),)))
    other = App(AppKey("argocd", "other"), APP.spec)
    metrics.application(AppStatus(other))
    metrics.forget(KEY)
    applications = {labels.get("application") for _, labels, _ in samples(metrics)}
    assert applications == {None, "argocd/other"}
    metrics.forget(KEY)


def test_what_ports_count(metrics: Metrics) -> None:
    """Requests to Git and API servers, the render cache, the queue, the lead and broken documents."""
    metrics.git_request("https://u:HUSH@git.example.com/ops", "timeout", 30)
    metrics.api_request("west", "apply", 409)
    metrics.api_request("west", "apply", 0)
    metrics.render_cache("miss")
    metrics.queue_depth(lambda: 7)
    metrics.shares(lambda: 9, lambda: 5, lambda: 3, lambda: True)
    metrics.tenure("a", lambda: False)
    metrics.config_problems(2)
    assert value(metrics, "gitopsd_git_requests_total", repository="https://git.example.com/ops", result="timeout") == 1
    assert value(metrics, "gitopsd_git_request_duration_seconds_sum", repository="https://git.example.com/ops") == 30
    assert value(metrics, "gitopsd_api_requests_total", cluster="west", verb="apply", code="409") == 1
    assert value(metrics, "gitopsd_api_requests_total", cluster="west", verb="apply", code="none") == 1
    assert value(metrics, "gitopsd_render_cache_requests_total", result="miss") == 1
    assert [value(metrics, f"gitopsd_{name}") for name in ("queue_depth", "config_problems")] == [7, 2]
    shared = "applications", "held_applications", "replicas", "leader"
    assert [value(metrics, f"gitopsd_{name}") for name in shared] == [9, 5, 3, 1]
    assert value(metrics, "gitopsd_replica_tenure", replica="a") == 0


def test_no_credential_is_exposed(metrics: Metrics, clock: FakeClock) -> None:
    """Neither passwords in URLs nor values of fields are in any sample."""
    secret = Drift(KEY, REF, FieldChange("data.password", "HUSH", "HUSH", "HUSH"), clock.now(), DriftOutcome.REPORTED)
    observe(metrics, attempt(clock, drifts=(secret,), message="HUSH"))
    assert "HUSH" not in metrics.exposition()[0].decode()


def test_scrape_speaks_what_is_asked_for(metrics: Metrics) -> None:
    """Prometheus' text by default, OpenMetrics on request."""
    assert metrics.exposition()[1].startswith("text/plain")
    body, kind = metrics.exposition("application/openmetrics-text")
    assert kind.startswith("application/openmetrics-text")
    assert body.endswith(b"# EOF\n")

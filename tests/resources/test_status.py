"""How an application stands, as Argo CD would write it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from gitopsd.model.app import AppSpec, Destination, Source
from gitopsd.model.health import Health, HealthStatus
from gitopsd.model.record import Condition, Phase, SyncRecord, SyncStatus, Trigger, TriggerKind
from gitopsd.model.source import Commit
from gitopsd.model.status import AppStatus
from gitopsd.resources.patch import merge_patch
from gitopsd.resources.status import MAX_RESOURCES, Shown, history, refused_document, status_document
from tests.resources.shown import APP, NOW, record, state, status


def document(of: AppStatus, live: dict[str, Any] | None = None, operation: SyncRecord | None = None) -> dict[str, Any]:
    """The status of an application, over what its resource says already."""
    return status_document(Shown(of, operation or of.running or of.operation), live or {}, NOW)


def written(of: AppStatus, live: dict[str, Any] | None = None, operation: SyncRecord | None = None) -> dict[str, Any]:
    """What the resource says after that, fields that are taken away aside."""
    return {name: value for name, value in ((live or {}) | document(of, live, operation)).items() if value is not None}


def test_a_sync_is_shown_whole() -> None:
    """Sync, health, objects, history and operation, in Argo CD's words."""
    assert written(status()) == {
        "sync": {
            "status": "Synced",
            "revision": "c1",
            "comparedTo": {"source": {"repoURL": "repo", "path": "path"}, "destination": {"name": "here"}},
        },
        "health": {"status": "Healthy", "lastTransitionTime": "2026-03-01T12:00:00Z"},
        "resources": [
            {
                "group": "apps",
                "version": "v1",
                "kind": "Deployment",
                "namespace": "web",
                "name": "api",
                "status": "Synced",
                "health": {"status": "Healthy"},
            }
        ],
        "history": [
            {
                "id": 7,
                "revision": "c1",
                "deployStartedAt": "2026-03-01T11:00:00Z",
                "deployedAt": "2026-03-01T11:00:01Z",
                "source": {"repoURL": "repo", "path": "path"},
                "initiatedBy": {"automated": True},
            }
        ],
        "sourceType": "Kustomize",
        "summary": {"images": ["example.test/api:1"]},
        "operationState": {
            "operation": {"sync": {"revision": "c1"}, "initiatedBy": {"automated": True}},
            "phase": "Succeeded",
            "message": "1 created",
            "startedAt": "2026-03-01T11:00:00Z",
            "finishedAt": "2026-03-01T11:00:01Z",
            "syncResult": {
                "revision": "c1",
                "source": {"repoURL": "repo", "path": "path"},
                "resources": [
                    {
                        "group": "apps",
                        "version": "v1",
                        "kind": "Deployment",
                        "namespace": "web",
                        "name": "api",
                        "status": "Synced",
                        "message": "not there",
                        "syncPhase": "Sync",
                    }
                ],
            },
        },
    }


def test_the_same_is_written_once() -> None:
    """What stands there already needs no patch, however much later."""
    live = written(status())
    assert merge_patch(live, status_document(Shown(status(), record()), live, NOW.replace(hour=20))) == {}


def test_nothing_is_said_before_the_first_look() -> None:
    """A new process leaves standing what the last one wrote."""
    assert document(AppStatus(APP), written(status())) == {}


def test_conditions_keep_their_time_and_go_with_their_cause() -> None:
    """Argo CD's type and message, and since when."""
    broken = replace(
        status(), conditions=(Condition("RenderError", "file:1: no"),), problems={"r": Condition("ComparisonError", "x")}
    )
    live = {"conditions": [{"type": "RenderError", "message": "file:1: no", "lastTransitionTime": "2026-01-01T00:00:00Z"}]}
    assert written(broken, live)["conditions"] == [
        {"type": "RenderError", "message": "file:1: no", "lastTransitionTime": "2026-01-01T00:00:00Z"},
        {"type": "ComparisonError", "message": "x", "lastTransitionTime": "2026-03-01T12:00:00Z"},
    ]
    assert "conditions" not in written(status(), live)


def test_several_sources_have_several_revisions() -> None:
    """`revisions` and `sources` in place of `revision` and `source`."""
    app = replace(APP, spec=AppSpec(Destination(name="here"), sources=(Source("a", "x"), Source("b", "y"))))
    both = replace(AppStatus(app).after(record(commits=(Commit("c1"), Commit("c2")))), app=app)
    sync = written(both)["sync"]
    assert sync["revisions"] == ["c1", "c2"]
    assert "revision" not in sync
    assert len(sync["comparedTo"]["sources"]) == 2
    assert written(both)["history"][0]["revisions"] == ["c1", "c2"]


def test_history_goes_on_where_argo_cd_left_it() -> None:
    """Its entries stay, numbers grow, the oldest go beyond the limit."""
    argo = [{"id": number, "revision": f"r{number}", "deployedAt": "2026-01-01T00:00:00Z"} for number in range(9)]
    entries = history(argo, APP, record(number=3))
    assert [entry["id"] for entry in entries] == [*range(9), 9]
    assert [entry["id"] for entry in history(entries, APP, record(minute=5, number=40))] == [*range(1, 10), 40]
    few = replace(APP, spec=replace(APP.spec, revision_history_limit=2))
    assert [entry["id"] for entry in history(entries, few, record(minute=5, number=40))] == [9, 40]


def test_history_has_what_was_deployed_and_nothing_else() -> None:
    """Failures and selective syncs are none of it, and each sync is in it once."""
    parts = Trigger(TriggerKind.MANUAL, resources=("Deployment/api",))
    assert history([], APP, record(phase=Phase.FAILED)) == history([], APP, record(trigger=parts)) == history([], APP, None) == []
    once = history([], APP, record())
    assert history(once, APP, record()) == once


def test_a_sync_under_way_is_running_and_an_end_that_was_asked_for_stays_asked_for() -> None:
    """`argocd app terminate-op` writes Terminating: nobody writes Running over it."""
    running = replace(status(), running=record(minute=5, phase=Phase.RUNNING, message="under way", finished=None))
    assert written(running)["operationState"]["phase"] == "Running"
    live = {"operationState": {"phase": "Terminating", "startedAt": "2026-03-01T11:05:00Z"}}
    assert "operationState" not in document(running, live)


def test_what_a_crash_left_open_is_closed() -> None:
    """Once it is known how the application stands, and that nothing goes on."""
    live = {"operationState": {"phase": "Running", "startedAt": "2026-03-01T11:30:00Z", "operation": {}}}
    state = written(status(), live)["operationState"]
    assert (state["phase"], state["finishedAt"]) == ("Error", "2026-03-01T12:00:00Z")


def test_an_older_operation_is_not_written_over_a_newer_one() -> None:
    """A dry run that was asked for stays the last operation, though it is no sync."""
    live = {"operationState": {"phase": "Succeeded", "startedAt": "2026-03-01T11:30:00Z", "finishedAt": "2026-03-01T11:30:01Z"}}
    assert "operationState" not in document(status(), live)


def test_a_large_application_fits_into_its_resource() -> None:
    """What needs an eye comes first, and a condition says that it is not all."""
    sick = state("sick", SyncStatus.OUT_OF_SYNC, Health(HealthStatus.DEGRADED, "x" * 5000))
    many = replace(status(), resources=(*(state(f"api-{n}") for n in range(5000)), sick))
    said = written(many)
    assert len(said["resources"]) == MAX_RESOURCES
    assert said["resources"][0]["name"] == "sick"
    assert said["conditions"][0]["message"].startswith("1000 of 5001 objects")
    assert len(json.dumps(said)) < 500_000


def test_a_document_that_was_never_good_says_why() -> None:
    """As in Argo CD, nothing else is known of it."""
    said = refused_document("spec.project: is wrong", {}, NOW)
    assert (said["sync"]["status"], said["health"]["status"]) == ("Unknown", "Unknown")
    assert (said["conditions"][0]["type"], said["conditions"][0]["message"]) == ("InvalidSpecError", "spec.project: is wrong")

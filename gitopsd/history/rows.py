"""Records as rows, and rows as records."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any, Protocol

from gitopsd.model.app import AppKey, Backoff, Retry
from gitopsd.model.health import Health, HealthStatus
from gitopsd.model.plan import Action, FieldChange
from gitopsd.model.record import (
    Condition,
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

LARGEST_VALUE = 16_384
"""Bytes of a field's value, as JSON, that are kept; of a larger one only its size and digest are."""


class Row(Protocol):
    """A row: its values by the names of their columns."""

    def __getitem__(self, column: str, /) -> Any:
        """The value of a column."""


def record_row(record: SyncRecord) -> dict[str, Any]:
    """The row of a record: all of it but its id, results, drifts, and how its resources stood."""
    trigger = record.trigger
    return {
        "namespace": record.app.namespace,
        "name": record.app.name,
        "phase": record.phase.value,
        "attempted": record.attempted,
        "trigger": trigger.kind.value,
        "actor": trigger.actor,
        "request": {
            "revision": trigger.revision,
            "prune": trigger.prune,
            "dryRun": trigger.dry_run,
            "force": trigger.force,
            "resources": trigger.resources,
            "options": trigger.options,
            "retry": trigger.retry and asdict(trigger.retry),
            "retries": trigger.retries,
        },
        "started": record.started,
        "finished": record.finished,
        "arrived": record.arrived,
        "revision": record.revision,
        "commits": [_commit_value(commit) for commit in record.commits],
        "message": record.message,
        "desired_digest": record.desired_digest,
        "plan_digest": record.plan_digest,
        "sync": record.sync.value,
        "health": record.health.status.value,
        "health_message": record.health.message,
        "stages": dict(record.stages),
        "conditions": [[condition.type, condition.message] for condition in record.conditions],
        "warnings": record.warnings,
    }


def record_of(row: Row, results: Iterable[Row] = ()) -> SyncRecord:
    """The record of a row, with the results that are given."""
    request = row["request"]
    trigger = Trigger(
        TriggerKind(row["trigger"]),
        row["actor"],
        request["revision"],
        request["prune"],
        request["dryRun"],
        request["force"],
        tuple(request["resources"]),
        # What follows is younger than the first of these rows.
        tuple(request.get("options", ())),
        _retry(request.get("retry")),
        request.get("retries", 0),
    )
    return SyncRecord(
        app=AppKey(row["namespace"], row["name"]),
        trigger=trigger,
        phase=Phase(row["phase"]),
        message=row["message"],
        started=row["started"],
        finished=row["finished"],
        id=str(row["id"]),
        attempted=row["attempted"],
        commits=tuple(_commit(value) for value in row["commits"]),
        arrived=row["arrived"],
        desired_digest=row["desired_digest"],
        plan_digest=row["plan_digest"],
        sync=SyncStatus(row["sync"]),
        health=Health(HealthStatus(row["health"]), row["health_message"]),
        stages=row["stages"],
        results=tuple(_result(result) for result in results),
        conditions=tuple(Condition(kind, message) for kind, message in row["conditions"]),
        warnings=tuple(row["warnings"]),
    )


def _retry(value: Mapping[str, Any] | None) -> Retry | None:
    return Retry(**{**value, "backoff": Backoff(**value["backoff"])}) if value else None


def result_rows(record: SyncRecord, record_id: int) -> list[dict[str, Any]]:
    """The rows of a record's results."""
    return [
        {
            "record_id": record_id,
            "position": position,
            "object": ref_value(result.ref),
            "action": result.action.value,
            "status": result.status.value,
            "message": result.message,
            "uid": result.uid,
            "changes": [change_value(change) for change in result.changes],
        }
        for position, result in enumerate(record.results)
    ]


def _result(row: Row) -> ObjectResult:
    return ObjectResult(
        ObjectRef(*row["object"]),
        Action(row["action"]),
        ResultStatus(row["status"]),
        row["message"],
        tuple(FieldChange(**change) for change in row["changes"]),
        row["uid"],
    )


def drift_row(drift: Drift, seen_again: datetime) -> dict[str, Any]:
    """The row of a drift; `seen_again` is the pass that saw it."""
    return {
        "namespace": drift.app.namespace,
        "name": drift.app.name,
        "object": ref_value(drift.ref),
        "change": change_value(drift.change),
        "outcome": drift.outcome.value,
        "seen": drift.seen,
        "last_seen": seen_again,
        "until": drift.until,
    }


def drift_of(row: Row) -> Drift:
    """The drift of a row."""
    app, ref, change = AppKey(row["namespace"], row["name"]), ObjectRef(*row["object"]), FieldChange(**row["change"])
    return Drift(app, ref, change, row["seen"], DriftOutcome(row["outcome"]), row["until"])


def drift_identity(row: Row) -> str:
    """What two sightings of one drift have in common: object, field, both values and who holds the field."""
    change = {name: value for name, value in row["change"].items() if name != "time"}
    return json.dumps([row["object"], change], sort_keys=True)


def ref_value(ref: ObjectRef) -> list[str]:
    """A reference as JSON: group, kind, namespace, name."""
    return [ref.group, ref.kind, ref.namespace, ref.name]


def change_value(change: FieldChange) -> dict[str, Any]:
    """A change as JSON, without values so large that nobody reads them."""
    return {**asdict(change), "before": _bounded(change.before), "after": _bounded(change.after)}


def _bounded(value: Any) -> Any:
    text = json.dumps(value)
    if len(text) <= LARGEST_VALUE:
        return value
    return f"(left out: {len(text)} bytes, sha256 {hashlib.sha256(text.encode()).hexdigest()[:16]})"


def _commit_value(commit: Commit) -> dict[str, Any]:
    time = commit.time.isoformat() if commit.time else None
    return {"id": commit.id, "author": commit.author, "email": commit.email, "time": time, "message": commit.message}


def _commit(value: Mapping[str, Any]) -> Commit:
    time = datetime.fromisoformat(value["time"]) if value["time"] else None
    return Commit(value["id"], value["author"], value["email"], time, value["message"])

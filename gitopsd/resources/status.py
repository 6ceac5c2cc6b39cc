"""How an application stands, as Argo CD writes it into `status` of its resource. Pure.

The shapes are those of argoproj.io/v1alpha1. A time that says since when something is so stays as it is in the resource while
it is so: writing the same twice gives the same document, and so no request.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gitopsd.config.application import spec_document
from gitopsd.model.app import App
from gitopsd.model.health import HealthStatus
from gitopsd.model.record import Condition, Phase, ResourceState, SyncRecord, SyncStatus
from gitopsd.model.status import AppStatus
from gitopsd.resources.operation import ended, operation_state
from gitopsd.resources.wire import MAX_MESSAGE, moment, revisions, without_empty

MAX_RESOURCES = 1000
MAX_CONDITIONS = 20
"""Bounds of what is written: a status is a summary."""

DEFAULT_HISTORY = 10
"""Entries of `history` where `revisionHistoryLimit` is silent: Argo CD's default."""
_LONGEST_HISTORY = 100


@dataclass(frozen=True, slots=True)
class Shown:
    """What a status is made of: how the application stands, and the newest operation, whoever asked for it."""

    status: AppStatus
    operation: SyncRecord | None


def status_document(shown: Shown, live: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """The fields of `status` that are ours, given the `live` ones. Before the first look nothing is known, and nothing said."""
    status = shown.status
    if status.since is None:
        return _operation(shown, live, now)
    return {
        "sync": _sync(status),
        "health": _health(status, live.get("health") or {}, now),
        "resources": _resources(status.resources) or None,
        "conditions": _conditions(_said(status), live.get("conditions") or (), now) or None,
        "history": history(live.get("history") or [], status.app, status.operation) or None,
        **_operation(shown, live, now),
        "summary": without_empty({"images": list(status.summary.images)}),
        **_source_types(status),
    }


def refused_document(message: str, live: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """The status of a resource that declares nothing acceptable, and never did."""
    known = live.get("sync") or {}
    return {
        "sync": {**known, "status": SyncStatus.UNKNOWN.value},
        "health": {"status": HealthStatus.UNKNOWN.value},
        "conditions": _conditions((Condition("InvalidSpecError", message),), live.get("conditions") or (), now),
    }


def _operation(shown: Shown, live: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """The newest operation. One that a process left open when it ended is closed, once it is known that it does not go on."""
    known, record = live.get("operationState") or {}, shown.operation
    is_open = bool(known) and not known.get("finishedAt")
    if record and record.finished is None:
        ending = is_open and known.get("phase") == Phase.TERMINATING
        return {} if ending else {"operationState": operation_state(record, shown.status.app)}
    if record and moment(record.started) >= known.get("startedAt", ""):
        return {"operationState": operation_state(record, shown.status.app)}
    if is_open and shown.status.since is not None:
        return {"operationState": ended(known, Phase.ERROR, "interrupted by the end of gitopsd", now)}
    return {}


def _sync(status: AppStatus) -> dict[str, Any]:
    spec = spec_document(status.app)
    compared = {name: spec[name] for name in ("source", "sources", "destination", "ignoreDifferences") if spec.get(name)}
    return {"status": status.sync.value, "comparedTo": compared} | revisions(status.app, status.revisions)


def _health(status: AppStatus, live: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    word = status.health.status.value
    since = live.get("lastTransitionTime") if live.get("status") == word else None
    return {"status": word, "lastTransitionTime": since or moment(now)}


def _resources(states: tuple[ResourceState, ...]) -> list[dict[str, Any]]:
    """The objects in their order; where there are too many, those first that need somebody's eye."""
    if len(states) > MAX_RESOURCES:
        states = tuple(sorted(states, key=_needs_no_eye))[:MAX_RESOURCES]
    return [_resource(state) for state in states]


def _needs_no_eye(state: ResourceState) -> tuple[bool, int]:
    return state.sync is SyncStatus.SYNCED, -state.health.status.severity


def _resource(state: ResourceState) -> dict[str, Any]:
    ref = state.ref
    named = {"group": ref.group, "kind": ref.kind, "namespace": ref.namespace, "name": ref.name}
    version = state.api_version.rpartition("/")[2]
    health = {"status": state.health.status.value, "message": state.health.message[:MAX_MESSAGE]}
    found = {**named, "version": version, "status": state.sync.value, "health": without_empty(health)}
    return without_empty(found) | ({} if version else {"requiresPruning": True})


def _said(status: AppStatus) -> tuple[Condition, ...]:
    """The application's conditions, and where its objects don't all fit into the status, that."""
    count = len(status.resources)
    cut = Condition("StatusWarning", f"{MAX_RESOURCES} of {count} objects stand in this status; `gitopsd tree` shows all")
    return (*status.conditions, *status.problems.values(), *((cut,) if count > MAX_RESOURCES else ()))[:MAX_CONDITIONS]


def _conditions(said: Iterable[Condition], live: Iterable[Mapping[str, Any]], now: datetime) -> list[dict[str, Any]]:
    since = {(known.get("type"), known.get("message")): known.get("lastTransitionTime") for known in live}
    return [
        {
            "type": condition.type,
            "message": (message := condition.message[:MAX_MESSAGE]),
            "lastTransitionTime": since.get((condition.type, message)) or moment(now),
        }
        for condition in said
    ]


def history(live: list[dict[str, Any]], app: App, record: SyncRecord | None) -> list[dict[str, Any]]:
    """The successful syncs, oldest first: those that the resource has already, whoever wrote them, and this one.

    An entry has the number of its record in gitopsd's own history, so long as numbers grow: Argo CD's may have gone on ahead.
    """
    wanted = app.spec.revision_history_limit
    limit = min(DEFAULT_HISTORY if wanted is None else wanted, _LONGEST_HISTORY)
    entries = live
    if record and _is_deployment(record) and not any(known.get("deployStartedAt") == moment(record.started) for known in live):
        last = int(live[-1].get("id", -1)) if live else -1
        entries = [*live, _deployment(record, app, max(int(record.id or 0), last + 1))]
    return entries[-limit:] if limit > 0 else []


def _is_deployment(record: SyncRecord) -> bool:
    return record.phase is Phase.SUCCEEDED and record.attempted and record.finished is not None and not record.trigger.resources


def _deployment(record: SyncRecord, app: App, number: int) -> dict[str, Any]:
    spec = spec_document(app)
    actor = record.trigger.actor
    return {
        "id": number,
        **revisions(app, tuple(commit.id for commit in record.commits)),
        "deployStartedAt": moment(record.started),
        "deployedAt": moment(record.finished or record.started),
        **{name: spec[name] for name in ("source", "sources") if spec.get(name)},
        "initiatedBy": {"username": actor} if actor else {"automated": True},
    }


def _source_types(status: AppStatus) -> dict[str, Any]:
    types = status.summary.source_types
    return {"sourceType": next(iter(types), None)} if status.app.spec.source else {"sourceTypes": list(types)}

"""Small makers of what is shown in resources."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from gitopsd.model.app import App, AppKey, AppSpec, Destination, Source, resource_origin
from gitopsd.model.health import Health, HealthStatus
from gitopsd.model.plan import Action, Summary
from gitopsd.model.record import ObjectResult, Phase, ResourceState, ResultStatus, SyncRecord, SyncStatus, Trigger, TriggerKind
from gitopsd.model.refs import ObjectRef
from gitopsd.model.source import Commit
from gitopsd.model.status import AppStatus

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
KEY = AppKey("argocd", "web")
REF = ObjectRef("apps", "Deployment", "web", "api")
APP = App(KEY, AppSpec(Destination(name="here"), source=Source("repo", "path")), origin=resource_origin(KEY))
HEALTHY = Health(HealthStatus.HEALTHY)


def state(name: str = "api", sync: SyncStatus = SyncStatus.SYNCED, health: Health = HEALTHY) -> ResourceState:
    """How a Deployment stands."""
    return ResourceState(REF._replace(name=name), "apps/v1", sync, health)


def record(minute: int = 0, number: int = 7, trigger: Trigger | None = None, **fields: Any) -> SyncRecord:
    """A sync that succeeded; it began at 11:00 and so many minutes, and took a second."""
    started = NOW - timedelta(hours=1) + timedelta(minutes=minute)
    sync = SyncRecord(
        KEY,
        trigger or Trigger(TriggerKind.POLL),
        Phase.SUCCEEDED,
        "1 created",
        started,
        started + timedelta(seconds=1),
        str(number),
        attempted=True,
        commits=(Commit("c1"),),
        desired_digest="digest",
        sync=SyncStatus.SYNCED,
        health=HEALTHY,
        results=(ObjectResult(REF, Action.CREATE, ResultStatus.SYNCED, "not there"),),
        resources=(state(),),
        summary=Summary(("example.test/api:1",), ("Kustomize",)),
    )
    return replace(sync, **fields)


def status(of: SyncRecord | None = None) -> AppStatus:
    """How the application stands after a sync."""
    return AppStatus(APP).after(of or record())

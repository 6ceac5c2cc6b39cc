"""How an application stands now: derived from its records, never kept beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from gitopsd.model.app import App
from gitopsd.model.health import Health, HealthStatus
from gitopsd.model.plan import Summary
from gitopsd.model.record import Condition, DriftOutcome, ResourceState, SyncRecord, SyncStatus
from gitopsd.model.refs import ObjectRef


@dataclass(frozen=True, slots=True)
class AppStatus:
    """What `gitopsd status`, the HTTP API and the metrics say of an application.

        `revision` is the commit of the first source, `revisions` are those of all. `since` is when `sync` became what it is.
    `operation` is the last attempted sync, `running` the one under way: one that a person asked for from then on, any other
    from its first write. `problems` are conditions that no pass found, by what they are about: a broken document, an
    unreachable repository. `plan_digest` is that of the last look, `candidates` the digest of what it would delete.
    """

    app: App
    sync: SyncStatus = SyncStatus.UNKNOWN
    revision: str = ""
    revisions: tuple[str, ...] = ()
    since: datetime | None = None
    health: Health = field(default_factory=lambda: Health(HealthStatus.UNKNOWN, "not looked at yet"))
    drifted: frozenset[ObjectRef] = frozenset()
    drift_since: datetime | None = None
    operation: SyncRecord | None = None
    running: SyncRecord | None = None
    conditions: tuple[Condition, ...] = ()
    problems: Mapping[str, Condition] = field(default_factory=dict)
    resources: tuple[ResourceState, ...] = ()
    plan_digest: str = ""
    candidates: str = ""
    summary: Summary = field(default_factory=Summary)

    def after(self, record: SyncRecord) -> AppStatus:
        """How it stands after a pass. One that came to no plan keeps what was known of the objects.

        A sync of a few objects says nothing about the others: it is the last operation, and the look that follows tells the rest.
        """
        app = replace(self.app, standing=self.app.standing.without(record.lifted)) if record.lifted else self.app
        if record.trigger.resources:
            return replace(self, app=app, operation=record if record.attempted else self.operation)
        planned = bool(record.desired_digest)
        drifted = frozenset(drift.ref for drift in record.drifts if drift.outcome is DriftOutcome.REPORTED)
        return replace(
            self,
            app=app,
            sync=record.sync,
            revision=record.revision or self.revision,
            revisions=tuple(commit.id for commit in record.commits) or self.revisions,
            since=self.since if record.sync is self.sync and self.since else record.finished,
            health=record.health if planned else self.health,
            drifted=drifted if planned else self.drifted,
            drift_since=(self.drift_since or record.finished) if drifted else None,
            operation=record if record.attempted else self.operation,
            conditions=record.conditions,
            plan_digest=_open_digest(record) if planned else self.plan_digest,
            candidates=record.candidates if planned else self.candidates,
            resources=record.resources if planned else self.resources,
            summary=record.summary if planned else self.summary,
        )

    @property
    def settled(self) -> bool:
        """Whether it is Synced and Healthy, with nothing under way."""
        return self.running is None and self.sync is SyncStatus.SYNCED and self.health.status is HealthStatus.HEALTHY


def _open_digest(record: SyncRecord) -> str:
    """The digest of a plan that is still to be carried out."""
    return record.plan_digest if record.sync is SyncStatus.OUT_OF_SYNC else ""

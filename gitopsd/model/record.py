"""What happened: the one result from which log line, history row, metric, event, notification and dashboard derive."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from gitopsd.model.app import AppKey, Retry
from gitopsd.model.health import Health, HealthStatus
from gitopsd.model.plan import Action, FieldChange, Summary
from gitopsd.model.refs import ObjectRef
from gitopsd.model.source import Commit
from gitopsd.model.standing import Order


class TriggerKind(StrEnum):
    """Why a pass was made."""

    START = "start"
    POLL = "poll"
    WEBHOOK = "webhook"
    WATCH = "watch"
    SPEC = "spec"
    RETRY = "retry"
    WINDOW = "window"
    MANUAL = "manual"
    ROLLBACK = "rollback"
    RETURN = "auto-rollback"
    UNPIN = "unpin"
    APPROVE = "approve"
    ADOPT = "adopt"
    CONFIRM = "confirm-prune"
    SUSPEND = "suspend"
    RESUME = "resume"

    @property
    def personal(self) -> bool:
        """Whether a person asked, and waits."""
        return self in _PERSONAL


_PERSONAL = frozenset(TriggerKind) - {
    TriggerKind.START, TriggerKind.POLL, TriggerKind.WEBHOOK, TriggerKind.WATCH, TriggerKind.SPEC, TriggerKind.RETRY,
    TriggerKind.WINDOW, TriggerKind.RETURN,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Trigger:
    """Why, and by whom. The rest is what a person asked for: a dry run, a prune, a selection of objects, another revision.

    `options` are sync options that win over the application's own. `retry` says how just this sync is tried again when it fails,
    in place of the application's policy; `retries` counts how often that was done before.
    """

    kind: TriggerKind
    actor: str = ""
    revision: str = ""
    prune: bool | None = None
    dry_run: bool = False
    force: bool = False
    resources: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    retry: Retry | None = None
    retries: int = 0


class Phase(StrEnum):
    """How an operation stands (Argo CD's words)."""

    RUNNING = "Running"
    TERMINATING = "Terminating"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    ERROR = "Error"


class SyncStatus(StrEnum):
    """Whether live equals Git."""

    SYNCED = "Synced"
    OUT_OF_SYNC = "OutOfSync"
    UNKNOWN = "Unknown"


class ResultStatus(StrEnum):
    """What became of one object (Argo CD's words, and Unchanged, Pending and Unknown)."""

    SYNCED = "Synced"
    SYNC_FAILED = "SyncFailed"
    PRUNED = "Pruned"
    PRUNE_SKIPPED = "PruneSkipped"
    PENDING = "Pending"
    UNKNOWN = "Unknown"


@dataclass(frozen=True, slots=True)
class ObjectResult:
    """One object's part of a sync; `uid` is the server's answer, empty where nothing was written."""

    ref: ObjectRef
    action: Action
    status: ResultStatus
    message: str = ""
    changes: tuple[FieldChange, ...] = ()
    uid: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an apply did."""

    phase: Phase
    message: str
    results: tuple[ObjectResult, ...] = ()
    warnings: tuple[str, ...] = ()
    unhealthy: bool = False
    """Whether it ended because something did not become healthy."""


class DriftOutcome(StrEnum):
    """What became of a drift."""

    HEALED = "healed"
    REPORTED = "reported"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class Drift:
    """A managed field that somebody else changed: `change.before` is what is live, `change.after` what Git says.

    `until` is when it was healed or gone; None while it is open, and history's to set.
    """

    app: AppKey
    ref: ObjectRef
    change: FieldChange
    seen: datetime
    outcome: DriftOutcome
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that a person should know of an application; `type` is a word of Argo CD's, such as `ComparisonError`."""

    type: str
    message: str


UNHEALTHY = "HealthGate"
"""The condition of a sync that ended because what it had written did not become healthy."""


@dataclass(frozen=True, slots=True)
class ResourceState:
    """One desired object as it stands after the pass."""

    ref: ObjectRef
    api_version: str
    sync: SyncStatus
    health: Health


@dataclass(frozen=True, slots=True)
class SyncRecord:
    """A pass over an application, from commit to live, whether or not it wrote anything.

    `id` is empty until history has stored it; a pass that had nothing to do, and that nobody asked for, is never stored.
    `stages` are seconds by stage name (fetch render observe plan preflight apply health record). `arrived` is when the commit
    reached us. `attempted` says that a sync was tried, rather than a comparison made. `lifted` are the standing orders that the
    pass found fulfilled or overtaken, `candidates` is the plan's own.
    """

    app: AppKey
    trigger: Trigger
    phase: Phase
    message: str
    started: datetime
    finished: datetime | None = None
    id: str = ""
    attempted: bool = False
    commits: tuple[Commit, ...] = ()
    arrived: datetime | None = None
    desired_digest: str = ""
    plan_digest: str = ""
    sync: SyncStatus = SyncStatus.UNKNOWN
    health: Health = field(default_factory=lambda: Health(HealthStatus.UNKNOWN, ""))
    stages: Mapping[str, float] = field(default_factory=dict)
    results: tuple[ObjectResult, ...] = ()
    resources: tuple[ResourceState, ...] = ()
    drifts: tuple[Drift, ...] = ()
    conditions: tuple[Condition, ...] = ()
    warnings: tuple[str, ...] = ()
    lifted: tuple[Order, ...] = ()
    candidates: str = ""
    summary: Summary = field(default_factory=Summary)

    @property
    def revision(self) -> str:
        """The commit id of the (first) source, empty where none was found."""
        return self.commits[0].id if self.commits else ""

    @property
    def refused(self) -> bool:
        """Whether somebody asked for a sync that must not be: a window, a suspension, a lack of approval. Nothing was tried."""
        return self.phase is Phase.FAILED and not self.attempted and bool(self.desired_digest)

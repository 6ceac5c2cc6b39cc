"""The documents of the API: their shapes, and how our values become them. Words are Argo CD's where it has them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from gitopsd.model.plan import FieldChange
from gitopsd.model.record import Condition, Drift, ObjectResult, ResourceState, SyncRecord
from gitopsd.model.refs import ObjectRef
from gitopsd.model.standing import Order
from gitopsd.model.status import AppStatus
from gitopsd.ports import Offspring

T = TypeVar("T")


class Document(BaseModel):
    """A document of the API; field descriptions are those of the class."""

    model_config = ConfigDict(use_attribute_docstrings=True)


class Page(Document, Generic[T]):
    """A part of a list."""

    items: list[T]
    next: str | None = None
    """The `cursor` of the next part, null in the last one."""


class SyncState(Document):
    """Whether live equals Git."""

    status: str = Field(examples=["Synced"])
    revision: str = Field(examples=["4f0c1f6e0d5a5d7e9f1c5a4b3c2d1e0f9a8b7c6d"])
    since: datetime | None


class HealthState(Document):
    """The worst of its objects' healths, and whose it is."""

    status: str = Field(examples=["Healthy"])
    message: str = ""


class DriftState(Document):
    """Objects that somebody changed, and that were not healed."""

    objects: int
    since: datetime | None


class OperationState(Document):
    """The last sync, or the one under way."""

    id: str = ""
    """The id of its record in the history, empty while it has none."""
    phase: str = Field(examples=["Succeeded"])
    trigger: str = Field(examples=["poll"])
    actor: str = ""
    message: str = ""
    started: datetime | None = None
    finished: datetime | None = None

    @classmethod
    def of(cls, record: SyncRecord) -> OperationState:
        """The document of a sync."""
        return cls(
            id=record.id,
            phase=record.phase,
            trigger=record.trigger.kind,
            actor=record.trigger.actor,
            message=record.message,
            started=record.started,
            finished=record.finished,
        )


class ConditionDocument(Document):
    """Something that a person should know."""

    type: str = Field(examples=["RenderError"])
    message: str = Field(examples=["ops/overlays/prod/kustomization.yaml:1: resources[1]: missing.yaml does not exist"])


class OrderDocument(Document):
    """Something that a person has ordered of an application, and that stands."""

    order: str = Field(examples=["suspended"])
    detail: str = ""
    by: str
    since: datetime

    @classmethod
    def of(cls, order: Order) -> OrderDocument:
        """The document of an order."""
        return cls(order=order.name, detail=order.detail, by=order.by, since=order.since)


class DestinationDocument(Document):
    """Where an application lives."""

    cluster: str = Field(examples=["https://kubernetes.default.svc"])
    """The name or the address, as the application says it."""
    namespace: str = ""


class Application(Document):
    """An application as it stands."""

    name: str = Field(examples=["monitor-app-prod"])
    namespace: str = Field(examples=["argocd"])
    project: str = Field(examples=["default"])
    destination: DestinationDocument
    sync: SyncState
    health: HealthState
    drift: DriftState
    pinned: str | None = None
    suspended: bool = False
    orders: list[OrderDocument] = []
    operation: OperationState | None = None
    conditions: list[ConditionDocument] = []

    @classmethod
    def of(cls, status: AppStatus) -> Application:
        """The document of a status."""
        target = status.app.spec.destination
        return cls(
            name=status.app.key.name,
            namespace=status.app.key.namespace,
            project=status.app.spec.project,
            destination=DestinationDocument(cluster=target.server or target.name, namespace=target.namespace),
            sync=SyncState(status=status.sync, revision=status.revision, since=status.since),
            health=HealthState(status=status.health.status, message=status.health.message),
            drift=DriftState(objects=len(status.drifted), since=status.drift_since),
            pinned=status.app.standing.pinned.revisions[0] if status.app.standing.pinned else None,
            suspended=bool(status.app.suspension),
            orders=[OrderDocument.of(order) for order in status.app.standing.orders],
            operation=operation_of(status),
            conditions=[condition_of(condition) for condition in (*status.conditions, *status.problems.values())],
        )


class Applications(Page[Application]):
    """A part of the list of all applications."""

    unreachable: list[str] = []
    """Replicas that did not answer: what they work on is listed with that, or, where objects are looked for, is not."""


class ObjectDocument(Document):
    """Which object."""

    group: str = ""
    kind: str
    namespace: str = ""
    name: str

    @classmethod
    def of(cls, ref: ObjectRef) -> ObjectDocument:
        """The document of a reference."""
        return cls(group=ref.group, kind=ref.kind, namespace=ref.namespace, name=ref.name)


class Resource(ObjectDocument):
    """An object of an application as it stands."""

    version: str = ""
    """Its apiVersion in Git; empty where it is no longer there."""
    sync: str = Field(examples=["Synced"])
    """Empty for what a controller made."""
    health: HealthState
    owner: ObjectDocument | None = None
    """With `tree`: the object that this was made of."""

    @classmethod
    def of_state(cls, state: ResourceState) -> Resource:
        """The document of a state."""
        ref = ObjectDocument.of(state.ref)
        health = HealthState(status=state.health.status, message=state.health.message)
        return cls(**ref.model_dump(), version=state.api_version, sync=state.sync, health=health)

    @classmethod
    def of_offspring(cls, found: Offspring) -> Resource:
        """The document of what an object owns."""
        ref, owner = ObjectDocument.of(found.ref), ObjectDocument.of(found.owner)
        health = HealthState(status=found.health.status, message=found.health.message)
        return cls(**ref.model_dump(), version=found.api_version, sync="", health=health, owner=owner)


class Change(Document):
    """A field that differs; values of Secrets are digests."""

    field: str = Field(examples=["spec.replicas"])
    before: Any = None
    """What is, or was, live."""
    after: Any = None
    """What Git wants."""
    manager: str = ""
    operation: str = ""
    time: str = ""

    @classmethod
    def of(cls, change: FieldChange) -> Change:
        """The document of a change."""
        return cls(
            field=change.field,
            before=change.before,
            after=change.after,
            manager=change.manager,
            operation=change.operation,
            time=change.time,
        )


class Result(Document):
    """What became of one object."""

    object: ObjectDocument
    action: str = Field(examples=["configure"])
    status: str = Field(examples=["Synced"])
    message: str = ""
    changes: list[Change] = []

    @classmethod
    def of(cls, result: ObjectResult) -> Result:
        """The document of a result."""
        return cls(
            object=ObjectDocument.of(result.ref),
            action=result.action,
            status=result.status,
            message=result.message,
            changes=[Change.of(change) for change in result.changes],
        )


class Record(Document):
    """One sync, or what one would do."""

    id: str
    application: str = Field(examples=["argocd/monitor-app-prod"])
    phase: str = Field(examples=["Succeeded"])
    trigger: str = Field(examples=["poll"])
    actor: str = ""
    revision: str
    author: str = ""
    message: str = ""
    """The first line of the commit's message."""
    result: str = ""
    """What came of it, in a sentence."""
    started: datetime
    finished: datetime | None = None
    sync: str = ""
    health: str = ""
    digest: str = ""
    """The digest of the plan."""
    stages: dict[str, float] = {}
    """Seconds by stage."""
    objects: list[Result] = []
    warnings: list[str] = []
    conditions: list[ConditionDocument] = []

    @classmethod
    def of(cls, record: SyncRecord) -> Record:
        """The document of a record."""
        commit = record.commits[0] if record.commits else None
        return cls(
            id=record.id,
            application=str(record.app),
            phase=record.phase,
            trigger=record.trigger.kind,
            actor=record.trigger.actor,
            revision=record.revision,
            author=commit.author if commit else "",
            message=commit.message if commit else "",
            result=record.message,
            started=record.started,
            finished=record.finished,
            sync=record.sync,
            health=record.health.status,
            digest=record.plan_digest,
            stages={stage: round(seconds, 6) for stage, seconds in record.stages.items()},
            objects=[Result.of(result) for result in record.results],
            warnings=list(record.warnings),
            conditions=[condition_of(condition) for condition in record.conditions],
        )


class DriftDocument(Document):
    """A managed field that somebody else changed."""

    model_config = ConfigDict(populate_by_name=True, use_attribute_docstrings=True)

    application: str = Field(examples=["argocd/monitor-app-prod"])
    object: ObjectDocument
    field: str = Field(examples=["spec.replicas"])
    """Empty where the whole object was deleted."""
    from_: Any = Field(None, alias="from", examples=[2])
    """What Git says."""
    to: Any = Field(None, examples=[9])
    """What it was changed to."""
    manager: str = Field("", examples=["kubectl-scale"])
    operation: str = Field("", examples=["Update"])
    time: str = ""
    outcome: str = Field(examples=["healed"])

    @classmethod
    def of(cls, drift: Drift) -> DriftDocument:
        """The document of a drift."""
        change = drift.change
        return cls(
            application=str(drift.app),
            object=ObjectDocument.of(drift.ref),
            field=change.field,
            from_=change.after,
            to=change.before,
            manager=change.manager,
            operation=change.operation,
            time=change.time or drift.seen.isoformat(),
            outcome=drift.outcome,
        )


class SyncRequest(Document):
    """What to sync, and how; everything may be left out."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    revision: str = Field("", max_length=255)
    """Another revision than the application's own, for this once."""
    prune: bool | None = None
    """Delete what left Git, whatever the application's policy says."""
    dryRun: bool = False  # noqa: N815 - the name is the interface's
    """Only show what would be done."""
    force: bool = False
    """Delete and make anew what can't be changed in place."""
    resources: list[str] = Field([], max_length=1000)
    """Only these objects: `Deployment/web`, or `Deployment/shop/web`."""


class RollbackRequest(Document):
    """Where to go back to; everything may be left out."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    id: str = Field("", max_length=18)
    """A record of the history; the last success with another commit where it is left out."""
    prune: bool | None = None
    """Delete what that commit lacks, whatever the application's policy says."""


class ApprovalRequest(Document):
    """Which plan."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    digest: str = Field(max_length=64, examples=["5b0c6f1d2a3e4f50"])
    """Its digest, or the first characters of it: 8 at least."""


class AdoptionRequest(Document):
    """Which object."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    object: str = Field(max_length=600, examples=["Deployment/web"])
    """`Deployment/web`, or `Deployment/shop/web`."""


def condition_of(condition: Condition) -> ConditionDocument:
    """The document of a condition."""
    return ConditionDocument(type=condition.type, message=condition.message)


def operation_of(status: AppStatus) -> OperationState | None:
    """The sync that is under way, or that a person asked for and that waits for its turn; else the last one there was."""
    record = status.running or status.operation
    return OperationState.of(record) if record else None

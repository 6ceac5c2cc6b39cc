"""What is wanted, what is there, and what is to be done about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from gitopsd.model.app import IgnoreDifference
from gitopsd.model.health import Health
from gitopsd.model.hooks import Hook, SyncPhase
from gitopsd.model.marks import Mark
from gitopsd.model.refs import Object, ObjectRef


class Conflicts(StrEnum):
    """What is done about a field that another manager holds, and that Git wants otherwise."""

    FORCE = "force"
    """It is taken; the default."""
    REFUSE = "refuse"
    """The plan is refused, naming manager and field."""
    YIELD = "yield"
    """It is left to them, with a warning."""


@dataclass(frozen=True, slots=True)
class Handling:
    """How an object is compared and written.

    Differences in what `ignores` names do not count; with `respect` these fields are not sent either for an object that exists.
    `replace` puts the whole object in place of the live one; `recreate` allows deleting and making anew what the server won't
    change, and with `replace` and `force` that is done for any difference. Without `validate` fields that the server does not
    know are left out. `untried` allows a kind that is not served yet to be tried only when it is written.
    """

    ignores: tuple[IgnoreDifference, ...] = ()
    respect: bool = False
    conflicts: Conflicts = Conflicts.FORCE
    replace: bool = False
    force: bool = False
    recreate: bool = False
    validate: bool = True
    untried: bool = False


ORDINARY = Handling()


@dataclass(frozen=True, slots=True)
class Desired:
    """An object as it is to be applied: qualified, sanitised and marked, serialised once.

    `digest` is of `body`, and of `handling` where that is not the ordinary one. `options` are its sync options (the resource's
    own), `wave` its sync wave, `hook` what makes it a hook (None for ordinary objects), `heeded` whether its health counts.
    `marked` is false for what is made sure of, but never owned: the namespace of `CreateNamespace=true`. `generate_name` is the
    beginning of a name that each run of a hook completes, and all the name that `ref` has until then. `level` counts the
    dependencies in a chain (`depends_on`) that come before it within its wave.
    """

    ref: ObjectRef
    api_version: str
    body: bytes
    digest: str
    wave: int = 0
    hook: Hook | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    marked: bool = True
    handling: Handling = ORDINARY
    heeded: bool = True
    generate_name: str = ""
    depends_on: tuple[ObjectRef, ...] = ()
    level: int = 0

    @property
    def is_nameless(self) -> bool:
        """Whether no run has named it yet."""
        return bool(self.generate_name) and self.ref.name == self.generate_name


@dataclass(frozen=True, slots=True)
class Summary:
    """What a render comes to: its container images, and what each source is (Kustomize, Helm, Directory)."""

    images: tuple[str, ...] = ()
    source_types: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DesiredSet:
    """All that an application wants.

    `digest` is of all members. `refusals` are objects that can't be applied as they stand (unknown kind, no name, twice in the
    set), `warnings` say what was dropped, and why.
    """

    objects: tuple[Desired, ...]
    digest: str
    refusals: tuple[Refusal, ...] = ()
    warnings: tuple[str, ...] = ()
    summary: Summary = field(default_factory=Summary)


@dataclass(frozen=True, slots=True)
class Live:
    """An object as the cluster has it.

    `in_sync` is the receipt's verdict (design section 6): nothing has to be asked of the server. `object` is the whole of it
    and is there only where `in_sync` is false. `mark` is whatever mark it carries, `tool` the other tool that owns it
    (`Argo CD application argocd/web`), `controlled` whether it has a controller owner. `warnings` are those of the judgement
    that the receipt is of.
    """

    ref: ObjectRef
    uid: str
    resource_version: str
    health: Health
    in_sync: bool = False
    deleting: bool = False
    mark: Mark | None = None
    tool: str | None = None
    controlled: bool = False
    object: Object | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Member:
    """A line of the inventory: an object that we made or took over. `uid` is empty until its creation was confirmed."""

    ref: ObjectRef
    api_version: str
    uid: str = ""


@dataclass(frozen=True, slots=True)
class Inventory:
    """What an application has in a cluster, as the cluster itself remembers it (invariant 3)."""

    members: Mapping[ObjectRef, Member] = field(default_factory=dict)

    def __or__(self, other: Inventory) -> Inventory:
        """The union; where both know an object, the known uid of `other` wins."""
        merged = dict(self.members)
        for ref, member in other.members.items():
            known = merged.get(ref)
            merged[ref] = member if member.uid or known is None else known
        return Inventory(merged)

    def without(self, refs: frozenset[ObjectRef]) -> Inventory:
        """The inventory without objects whose deletion was confirmed."""
        return Inventory({ref: member for ref, member in self.members.items() if ref not in refs})


class Verdict(StrEnum):
    """What is known of an object before the server is asked."""

    SAME = "same"
    ABSENT = "absent"
    UNDECIDED = "undecided"
    EXTRA = "extra"


@dataclass(frozen=True, slots=True)
class Compared:
    """One object, wanted or live or both. UNDECIDED ones are the dry run's to judge; EXTRA ones are live but not wanted."""

    ref: ObjectRef
    verdict: Verdict
    desired: Desired | None = None
    live: Live | None = None


class Action(StrEnum):
    """What a step does."""

    CREATE = "create"
    CONFIGURE = "configure"
    RECREATE = "recreate"
    PRUNE = "prune"
    DETACH = "detach"
    HOOK = "hook"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field that differs: `before` is live, `after` is wanted; values of Secrets are keyed digests, never themselves.

    `field` reads `spec.template.spec.containers[name=app].image`. `manager`, `operation` and `time` (RFC 3339) tell who holds
    the live value, as managedFields has it; empty where nobody does.
    """

    field: str
    before: Any = None
    after: Any = None
    manager: str = ""
    operation: str = ""
    time: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One object's part in a plan. A hook of several phases has a step in each.

    `waits_for` is the object that an earlier step of the same plan makes, where the dry run can only pass after it. `changes`
    are known after the preflight. `warnings` are the server's. `last` marks a prune that comes when all else is healthy,
    `level` is that of `Desired` for prunes. `body` is what its dry run sent, where that is not the desired object to the letter
    (fields left to others, the live object's uid): the write sends the same.
    """

    ref: ObjectRef
    action: Action
    reason: str
    desired: Desired | None = None
    live: Live | None = None
    changes: tuple[FieldChange, ...] = ()
    waits_for: ObjectRef | None = None
    warnings: tuple[str, ...] = ()
    phase: SyncPhase = SyncPhase.SYNC
    last: bool = False
    level: int = 0
    body: bytes | None = None


@dataclass(frozen=True, slots=True)
class Ignored:
    """An object that differs at most where differences don't count."""

    desired: Desired
    changes: tuple[FieldChange, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Refusal:
    """An object that stops the plan, and why: `reason` is one CamelCase word, `message` a sentence that says what to do."""

    ref: ObjectRef
    reason: str
    message: str

    def __str__(self) -> str:
        """As people read it."""
        return f"{self.ref}: {self.reason}: {self.message}"


@dataclass(frozen=True, slots=True)
class Plan:
    """Ordered steps. With any refusal nothing is written (invariant 1).

    `unchanged` are the desired objects that need nothing, those of `ignored` among them (later waves wait for their health all
    the same), `desired_digest` names the render it is for, `digest` the plan itself: the same plan has the same digest, whenever
    it is made. `candidates` is the digest of what it would delete if that was confirmed, empty where there is nothing.
    """

    steps: tuple[Step, ...]
    unchanged: tuple[Desired, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    desired_digest: str = ""
    digest: str = ""
    warnings: tuple[str, ...] = ()
    candidates: str = ""
    ignored: tuple[Ignored, ...] = ()

    @property
    def differences(self) -> tuple[Step, ...]:
        """The steps that show that live is not what Git says; hooks run with a sync, but are no reason for one."""
        return tuple(step for step in self.steps if step.action is not Action.HOOK)

    @property
    def writes(self) -> tuple[Step, ...]:
        """The differences that a sync would do something about."""
        return tuple(step for step in self.differences if step.action is not Action.SKIP)

    @property
    def objection(self) -> str:
        """The first refusal and how many more there are; empty where there is none."""
        return _first([str(refusal) for refusal in self.refusals])

    @property
    def kept(self) -> str:
        """The first object that left Git and stays all the same, why, and how many more there are; empty where there is none."""
        kept = (step for step in self.steps if step.action is Action.SKIP and step.desired is None)
        return _first([f"{step.ref}: {step.reason}" for step in kept])


def _first(texts: Sequence[str]) -> str:
    more = f" (and {len(texts) - 1} more)" if len(texts) > 1 else ""
    return f"{texts[0]}{more}" if texts else ""

"""The field `operation` and its mirror `status.operationState`: what somebody asks, and what came of it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from typing import Any, ClassVar

from pydantic import TypeAdapter

from gitopsd.config.application import read_source, retry_findings, spec_document, without_unset
from gitopsd.config.documents import Document
from gitopsd.config.rules import mapping
from gitopsd.config.validate import validate
from gitopsd.model.app import App, Retry, Source
from gitopsd.model.errors import ConfigError
from gitopsd.model.plan import Action
from gitopsd.model.record import ObjectResult, Phase, ResultStatus, SyncRecord, Trigger, TriggerKind
from gitopsd.model.wire import wire_name
from gitopsd.resources.wire import MAX_MESSAGE, moment, revisions, without_empty

MAX_RESULTS = 1000
"""Objects of an operation that its state lists; failures come first where there are more."""

_WRITTEN: dict[str, Any] = {"alias_generator": wire_name, "extra": "ignore"}

_WORDS = (ResultStatus.SYNCED, ResultStatus.SYNC_FAILED, ResultStatus.PRUNED, ResultStatus.PRUNE_SKIPPED)
"""Results that Argo CD has a word for."""


@dataclass(frozen=True, slots=True)
class _Resource:
    """An object that is to be synced, or left out."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _WRITTEN
    kind: str
    name: str
    namespace: str = ""
    exclude: bool = False

    @property
    def selector(self) -> str:
        """As triggers name it (`gitopsd.plan.make.selected`)."""
        return ("!" if self.exclude else "") + "/".join(filter(None, (self.kind, self.namespace, self.name)))


@dataclass(frozen=True, slots=True)
class _Sync:
    """`operation.sync`, as far as it is read: what else stands there asks for nothing."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _WRITTEN
    revision: str = ""
    revisions: tuple[str, ...] = ()
    prune: bool = False
    dry_run: bool = False
    resources: tuple[_Resource, ...] = ()
    sync_options: tuple[str, ...] = ()
    sync_strategy: dict[str, Any] = field(default_factory=dict)
    source: dict[str, Any] | None = None
    sources: tuple[dict[str, Any], ...] = ()
    manifests: tuple[str, ...] = ()


@cache
def _adapter() -> TypeAdapter[_Sync]:
    return TypeAdapter(_Sync)


@cache
def _retry_adapter() -> TypeAdapter[Retry]:
    return TypeAdapter(Retry)


def asked(operation: Any, app: App) -> Trigger:
    """The sync that the field asks for; raises ConfigError where it asks for something that would not be done.

    As in Argo CD, nothing is pruned unless `prune` says so, whatever the application's own policy; nor is it tried again without
    `retry.limit`, but as that policy says.
    """
    if mapping(operation).get("sync") is None:
        raise ConfigError("operation.sync: is missing: there is no other operation")
    sync = validate(_adapter(), Document("operation", {"sync": without_unset(operation["sync"])}), ("sync",))
    if refused := next(_refusals(sync, app), ""):
        raise ConfigError(f"operation.{refused}")
    return Trigger(
        TriggerKind.MANUAL,
        actor=_actor(mapping(operation.get("initiatedBy"))),
        revision=sync.revision or next(iter(sync.revisions), ""),
        prune=sync.prune,
        dry_run=sync.dry_run,
        force=bool(mapping(sync.sync_strategy.get("hook")).get("force")),
        resources=tuple(one.selector for one in sync.resources),
        options=sync.sync_options,
        retry=_retry(without_unset(operation).get("retry")),
    )


def resumed(trigger: Trigger, state: Mapping[str, Any]) -> Trigger:
    """The sync of an operation that an earlier process may have been at, as its `state` says: tries made by it count."""
    known = state.get("retryCount")
    cut_off = state.get("phase") == Phase.RUNNING and mapping(state.get("operation")).get("retry")
    return replace(trigger, retries=known) if cut_off and trigger.retry and isinstance(known, int) and known > 0 else trigger


def _retry(written: Any) -> Retry | None:
    if not isinstance(written, dict) or not written.get("limit"):
        return None
    retry = validate(_retry_adapter(), Document("operation", {"retry": written}), ("retry",))
    if wrong := next(retry_findings(written), None):
        path, message = wrong
        raise ConfigError(f"operation.retry.{'.'.join(map(str, path))}: {message}")
    return retry


def _refusals(sync: _Sync, app: App) -> Iterator[str]:
    """Why it can't be done as it stands."""
    if sync.manifests:
        yield "sync.manifests: is not supported: gitopsd deploys what Git holds"
    others = sync.revisions[1:]
    if others and others != tuple(source.target_revision for source in app.sources[1:]):
        yield "sync.revisions: only the first source can be synced to another revision"
    given = (sync.source,) if sync.source else sync.sources
    if given and tuple(map(_comparable, given)) != tuple(replace(source, target_revision="") for source in app.sources):
        yield "sync.source: is not the application's own; change its spec instead"
    if "apply" in sync.sync_strategy:
        yield "sync.syncStrategy.apply: is not supported: hooks are run"


def _comparable(given: Any) -> Source | None:
    source = read_source(given)
    return source and replace(source, target_revision="")


def _actor(by: Mapping[str, Any]) -> str:
    name = "".join(char for char in str(by.get("username") or "")[:200] if char.isprintable())
    return name or ("automated" if by.get("automated") else "operation")


def operation_state(record: SyncRecord, app: App) -> dict[str, Any]:
    """`operationState` of a sync that waits, runs, or has ended; its message counts tries as Argo CD's does."""
    retries = record.trigger.retries
    counted = f" (retried {retries} times)" if retries and record.finished else ""
    state: dict[str, Any] = {
        "operation": _operation(record),
        "phase": record.phase.value,
        "message": record.message[: MAX_MESSAGE - len(counted)] + counted,
        "startedAt": moment(record.started),
    }
    if retries:
        state["retryCount"] = retries
    if record.finished is not None:
        state["finishedAt"] = moment(record.finished)
    if record.commits:
        state["syncResult"] = _result(record, app)
    return state


def ended(state: Mapping[str, Any], phase: Phase, message: str, now: datetime) -> dict[str, Any]:
    """An `operationState` that nobody goes on with."""
    return {**state, "phase": phase.value, "message": message, "finishedAt": moment(now)}


def _operation(record: SyncRecord) -> dict[str, Any]:
    trigger = record.trigger
    sync = {
        "revision": trigger.revision or record.revision,
        "prune": trigger.prune,
        "dryRun": trigger.dry_run,
        "resources": [_resource(name) for name in trigger.resources],
        "syncOptions": list(trigger.options),
        "syncStrategy": {"hook": {"force": True}} if trigger.force else {},
    }
    by = {"username": trigger.actor} if trigger.kind is TriggerKind.MANUAL else {"automated": True}
    retry = {"retry": _retry_adapter().dump_python(trigger.retry, by_alias=True)} if trigger.retry else {}
    return {"sync": {name: value for name, value in sync.items() if value}, "initiatedBy": by, **retry}


def _resource(name: str) -> dict[str, Any]:
    kind, _, rest = name.removeprefix("!").partition("/")
    namespace, _, last = rest.rpartition("/")
    return {"kind": kind, "name": last} | without_empty({"namespace": namespace, "exclude": name.startswith("!") or None})


def _result(record: SyncRecord, app: App) -> dict[str, Any]:
    spec = spec_document(app)
    versions = {state.ref: state.api_version.rpartition("/")[2] for state in record.resources}
    results = record.results
    if len(results) > MAX_RESULTS:
        results = tuple(sorted(results, key=lambda result: result.status is not ResultStatus.SYNC_FAILED))[:MAX_RESULTS]
    return {
        **revisions(app, tuple(commit.id for commit in record.commits)),
        "revision": record.revision,
        **{name: spec[name] for name in ("source", "sources") if spec.get(name)},
        "resources": [_object(result, versions.get(result.ref, "")) for result in results],
    }


def _object(result: ObjectResult, version: str) -> dict[str, Any]:
    ref = result.ref
    named = {"group": ref.group, "version": version, "kind": ref.kind, "namespace": ref.namespace, "name": ref.name}
    status = result.status.value if result.status in _WORDS else ""
    hook = ""
    if result.action is Action.HOOK:
        hook = (Phase.FAILED if result.status is ResultStatus.SYNC_FAILED else Phase.SUCCEEDED).value
    message = result.message[:MAX_MESSAGE]
    return named | without_empty({"status": status, "message": message, "syncPhase": "Sync", "hookPhase": hook})

"""The field `operation` and its mirror `status.operationState`: what somebody asks, and what came of it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from gitopsd.config.application import read_source, spec_document
from gitopsd.config.rules import mapping
from gitopsd.model.app import App, Source
from gitopsd.model.errors import ConfigError
from gitopsd.model.plan import Action
from gitopsd.model.record import ObjectResult, Phase, ResultStatus, SyncRecord, Trigger, TriggerKind
from gitopsd.resources.wire import MAX_MESSAGE, moment, revisions, without_empty

MAX_RESULTS = 1000
"""Objects of an operation that its state lists; failures come first where there are more."""

_WORDS = (ResultStatus.SYNCED, ResultStatus.SYNC_FAILED, ResultStatus.PRUNED, ResultStatus.PRUNE_SKIPPED)
"""Results that Argo CD has a word for."""


def asked(operation: Mapping[str, Any], app: App) -> Trigger:
    """The sync that the field asks for; raises ConfigError where it asks for something that would not be done.

    As in Argo CD, nothing is pruned unless `prune` says so, whatever the application's own policy.
    """
    sync = mapping(operation.get("sync"))
    if refused := next(_refusals(sync, app), ""):
        raise ConfigError(f"operation.{refused}")
    return Trigger(
        TriggerKind.MANUAL,
        actor=_actor(mapping(operation.get("initiatedBy"))),
        revision=str(sync.get("revision") or next(iter(sync.get("revisions") or ()), "")),
        prune=bool(sync.get("prune")),
        dry_run=bool(sync.get("dryRun")),
        force=bool(mapping(mapping(sync.get("syncStrategy")).get("hook")).get("force")),
        resources=tuple(_selected(mapping(resource)) for resource in sync.get("resources") or ()),
        options=tuple(map(str, sync.get("syncOptions") or ())),
    )


def _refusals(sync: Mapping[str, Any], app: App) -> Iterator[str]:
    """Why it can't be done as it stands."""
    if not sync:
        yield "sync: is missing: there is no other operation"
    if sync.get("manifests"):
        yield "sync.manifests: is not supported: gitopsd deploys what Git holds"
    _, *others = sync.get("revisions") or ("",)
    if others and others != [source.target_revision for source in app.sources[1:]]:
        yield "sync.revisions: only the first source can be synced to another revision"
    given = [sync["source"]] if sync.get("source") else sync.get("sources") or ()
    if given and tuple(map(_comparable, given)) != tuple(replace(source, target_revision="") for source in app.sources):
        yield "sync.source: is not the application's own; change its spec instead"
    strategy = mapping(sync.get("syncStrategy"))
    if "apply" in strategy:
        yield "sync.syncStrategy.apply: is not supported: hooks are run"
    if any(mapping(resource).get("exclude") for resource in sync.get("resources") or ()):
        yield "sync.resources: exclude is not supported: name those that are meant"


def _comparable(given: Any) -> Source | None:
    source = read_source(given)
    return source and replace(source, target_revision="")


def _actor(by: Mapping[str, Any]) -> str:
    name = "".join(char for char in str(by.get("username") or "")[:200] if char.isprintable())
    return name or ("automated" if by.get("automated") else "operation")


def _selected(resource: Mapping[str, Any]) -> str:
    return "/".join(str(resource[part]) for part in ("kind", "namespace", "name") if resource.get(part))


def operation_state(record: SyncRecord, app: App) -> dict[str, Any]:
    """`operationState` of a sync that waits, runs, or has ended."""
    state: dict[str, Any] = {
        "operation": _operation(record),
        "phase": record.phase.value,
        "message": record.message[:MAX_MESSAGE],
        "startedAt": moment(record.started),
    }
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
    return {"sync": {name: value for name, value in sync.items() if value}, "initiatedBy": by}


def _resource(name: str) -> dict[str, str]:
    kind, *namespace, last = name.split("/")
    return {"kind": kind, "name": last, **({"namespace": namespace[0]} if namespace else {})}


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

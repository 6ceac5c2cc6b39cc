"""Dry runs and writes: the same request, once with `dryRun=All` and once without.

Applies are server-side applies by our field manager with strict field validation: forced where an object is known to be ours to
change, and then bound to its uid; never forced where it is to be created.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import orjson

from gitopsd.cluster import takeover
from gitopsd.cluster.client import Answer, Client, Request
from gitopsd.cluster.config import Identity
from gitopsd.cluster.discovery import Discovery
from gitopsd.cluster.entries import Entry
from gitopsd.cluster.paths import collection, item
from gitopsd.cluster.refusal import Refusal, scrubbed, secret_values
from gitopsd.cluster.store import Store
from gitopsd.diff.judge import unchanged
from gitopsd.model.app import App
from gitopsd.model.errors import ObjectError
from gitopsd.model.hooks import HOOK_FINALIZER
from gitopsd.model.marks import OWNER_ANNOTATION, PART_OF_LABEL
from gitopsd.model.plan import Action, Desired, Live, Step
from gitopsd.model.refs import Object, ObjectRef
from gitopsd.model.surface import Resource
from gitopsd.ports import Trial, Written

APPLY = "application/apply-patch+yaml"
JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"

DELETION_SECONDS = 60.0
"""How long a deletion may take before the object is made anew."""

_CREATED, _CONFLICT, _MISSING = 201, 409, 404
_ATTEMPTS = 4
_PROPAGATION = {"foreground": "Foreground", "background": "Background", "orphan": "Orphan"}


@dataclass(frozen=True, slots=True)
class _Ready:
    """A step, ready to be sent: where, what (None for a deletion), and whether by force."""

    ref: ObjectRef
    resource: Resource
    step: Step
    body: bytes | None = None
    force: bool = False
    warnings: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        """The object's path."""
        return item(self.resource, self.ref.namespace, self.ref.name)

    @property
    def sensitive(self) -> tuple[Object | None, ...]:
        """What may hold values that must not be shown."""
        return (
            orjson.loads(self.body) if self.body and self.ref.kind == "Secret" else None,
            self.step.live.object if self.step.live else None,
        )


@dataclass(frozen=True, slots=True)
class Writer:
    """Carries out steps in one cluster. `epoch` gives the epoch of a group's objects, for receipts."""

    client: Client
    discovery: Discovery
    store: Store
    identity: Identity
    epoch: Callable[[str], str] = field(repr=False)

    # --- dry runs

    async def dry_run(self, app: App, step: Step) -> Trial:
        """See `ClusterPort.dry_run`."""
        if step.action is Action.SKIP:
            return Trial(unchanged=True)
        ready = await self._ready(step, "dry-run")
        if step.action is Action.PRUNE:
            await self._delete(ready, app, dry_run=True)
            return Trial(before=step.live.object if step.live else None)
        if step.action is Action.DETACH:
            await self._detach(ready, dry_run=True)
            return Trial(before=step.live.object if step.live else None)
        if step.action is Action.RECREATE:
            return await self._try_recreate(ready, app)
        if ready.force:
            return await self._try_change(ready)
        return await self._try_creation(ready)

    async def _try_creation(self, ready: _Ready) -> Trial:
        """A dry run that changes instead of creating tells that the object is there already, unmarked."""
        try:
            answer = await self._apply(ready, dry_run=True)
        except Refusal as refusal:
            if refusal.code == _CONFLICT and (existing := await self._existing(ready)) is not None:
                return Trial(existing=existing)
            raise self._error(ready, "dry-run", refusal) from None
        if answer.code != _CREATED and (existing := await self._existing(ready)) is not None:
            return Trial(existing=existing)
        return Trial(after=answer.body, warnings=self._warnings(ready, answer))

    async def _try_change(self, ready: _Ready) -> Trial:
        before = (ready.step.live and ready.step.live.object) or await self._get(ready, "dry-run")
        try:
            answer = await self._apply(ready, dry_run=True)
        except Refusal as refusal:
            raise self._error(ready, "dry-run", refusal) from None
        after: Object = answer.body
        if after["metadata"].get("resourceVersion") != before["metadata"].get("resourceVersion"):
            before = await self._get(ready, "dry-run")
        same = unchanged(before, after, self.identity.manager) and not self._has_earlier(ready, before)
        self._learn(ready, before)
        if same:
            self._keep_receipt(ready, before)
        return Trial(before, after, same, warnings=self._warnings(ready, answer))

    async def _try_recreate(self, ready: _Ready, app: App) -> Trial:
        """A create that fails for nothing but the object's being there has passed admission and validation."""
        await self._delete(ready, app, dry_run=True)
        params = {"dryRun": "All", "fieldManager": self.identity.manager, "fieldValidation": "Strict"}
        path = collection(ready.resource, ready.ref.namespace)
        try:
            await self.client.send(Request("POST", path, "create", params, ready.body))
        except Refusal as refusal:
            if refusal.reason != "AlreadyExists":
                raise self._error(ready, "dry-run", refusal) from None
        before = ready.step.live.object if ready.step.live else None
        return Trial(before, orjson.loads(ready.body or b"{}"), warnings=ready.warnings)

    # --- writes

    async def write(self, app: App, step: Step) -> Written:
        """See `ClusterPort.write`."""
        if step.action is Action.SKIP:
            return Written(step.live.uid if step.live else "", unchanged=True)
        ready = await self._ready(step, "apply")
        with self.store.writing(step.ref):
            if step.action is Action.PRUNE:
                await self._delete(ready, app)
                return Written("")
            if step.action is Action.DETACH:
                return Written(await self._detach(ready))
            if step.action is Action.RECREATE:
                await self._delete(ready, app)
                await self._wait_gone(ready)
            elif ready.force:
                await self._take_over(ready)
            return await self._write(ready)

    async def _write(self, ready: _Ready) -> Written:
        before = ready.step.live.resource_version if ready.step.live and ready.force else ""
        try:
            answer = await self._apply(ready)
        except Refusal as refusal:
            raise self._error(ready, "apply", refusal) from None
        known = self._learn(ready, answer.body)
        warnings = self._warnings(ready, answer)
        self._keep_receipt(ready, answer.body)
        if not ready.force and answer.code != _CREATED:
            warnings += ("it was created by somebody else at the same moment, and is now shared with them",)
        return Written(known.live.uid, bool(before) and answer.body["metadata"]["resourceVersion"] == before, warnings)

    async def _take_over(self, ready: _Ready) -> None:
        """Merges the entries of earlier managers into ours, guarded by resourceVersion, so that nobody's change is lost."""
        live = ready.step.live
        obj = live.object if live else None
        for _ in range(_ATTEMPTS):
            if obj is None or not self._has_earlier(ready, obj):
                return
            fields = takeover.merged(obj, self.identity.manager, keep_replicas=await self._autoscaled(ready, obj))
            patch = [
                {"op": "replace", "path": "/metadata/managedFields", "value": fields},
                {"op": "replace", "path": "/metadata/resourceVersion", "value": obj["metadata"]["resourceVersion"]},
            ]
            params = {"fieldManager": self.identity.manager}
            try:
                await self.client.send(Request("PATCH", ready.path, "patch", params, orjson.dumps(patch), JSON_PATCH))
            except Refusal as refusal:
                if refusal.code != _CONFLICT:
                    raise self._error(ready, "take over", refusal) from None
                obj = await self._get(ready, "take over")
            else:
                return
        raise ObjectError(ready.ref, "take over", "Conflict", "it changes faster than its field managers can be merged")

    def _has_earlier(self, ready: _Ready, obj: Object) -> bool:
        """Whether earlier managers have fields that are to become ours: never on an object that we only make sure of."""
        owned = ready.step.desired is not None and ready.step.desired.marked
        return owned and bool(takeover.earlier(obj, self.identity.manager))

    async def _autoscaled(self, ready: _Ready, obj: Object) -> bool:
        """Whether a HorizontalPodAutoscaler (KEDA makes them too) has the object's replicas. Asked only at a take-over."""
        if "replicas" not in (obj.get("spec") or {}):
            return False
        autoscalers = (await self.discovery.surface()).resource("autoscaling/v2", "HorizontalPodAutoscaler")
        if autoscalers is None:
            return False
        try:
            found: Any = await self.client.get(collection(autoscalers, ready.ref.namespace), verb="list")
        except Refusal:
            return True  # not allowed to know: replicas stay with whom they are
        targets = ((entry.get("spec") or {}).get("scaleTargetRef") or {} for entry in found.get("items") or ())
        return any((target.get("kind"), target.get("name")) == (ready.ref.kind, ready.ref.name) for target in targets)

    # --- one request each

    async def _apply(self, ready: _Ready, *, dry_run: bool = False) -> Answer:
        params = {"fieldManager": self.identity.manager, "fieldValidation": "Strict"}
        if ready.force:
            params["force"] = "true"
        if dry_run:
            params["dryRun"] = "All"
        return await self.client.send(Request("PATCH", ready.path, "apply", params, ready.body, APPLY))

    async def _delete(self, ready: _Ready, app: App, *, dry_run: bool = False) -> None:
        asked = app.option("PrunePropagationPolicy", "foreground")
        options: dict[str, Any] = {"apiVersion": "v1", "kind": "DeleteOptions"}
        options["propagationPolicy"] = _PROPAGATION.get(asked, "Foreground")
        if ready.step.live:
            options["preconditions"] = {"uid": ready.step.live.uid}
        if dry_run:
            options["dryRun"] = ["All"]
        action = "dry-run of the deletion" if dry_run else "delete"
        try:
            answer = await self.client.send(Request("DELETE", ready.path, "delete", body=orjson.dumps(options)))
        except Refusal as refusal:
            if refusal.code != _MISSING:
                raise self._error(ready, action, refusal) from None
            self.store.gone(ready.ref)
            return
        if not dry_run:
            if answer.body.get("kind") == "Status":
                self.store.gone(ready.ref)
            else:
                self._learn(ready, answer.body)
                await self._release(ready, answer.body)

    async def _detach(self, ready: _Ready, *, dry_run: bool = False) -> str:
        """Takes our marks off the very object that they are on; gives its uid. One that is gone is nobody's already."""
        uid = ready.step.live.uid if ready.step.live else ""
        marks = {"labels": {PART_OF_LABEL: None}, "annotations": {OWNER_ANNOTATION: None}}
        params = {"fieldManager": self.identity.manager} | ({"dryRun": "All"} if dry_run else {})
        body = orjson.dumps({"metadata": {"uid": uid, **marks}})
        try:
            answer = await self.client.send(Request("PATCH", ready.path, "patch", params, body, MERGE_PATCH))
        except Refusal as refusal:
            if refusal.code != _MISSING:
                raise self._error(ready, "dry-run of the detachment" if dry_run else "detach", refusal) from None
            return uid
        if not dry_run:
            self._learn(ready, answer.body)
        return uid

    async def _release(self, ready: _Ready, deleted: Object) -> None:
        """Takes the finalizer from a hook that is being deleted: nobody else does, should it be left from an earlier sync."""
        finalizers = deleted["metadata"].get("finalizers") or []
        if HOOK_FINALIZER not in finalizers:
            return
        place = finalizers.index(HOOK_FINALIZER)
        patch = [
            {"op": "test", "path": f"/metadata/finalizers/{place}", "value": HOOK_FINALIZER},
            {"op": "remove", "path": f"/metadata/finalizers/{place}"},
        ]
        try:
            await self.client.send(Request("PATCH", ready.path, "patch", body=orjson.dumps(patch), content_type=JSON_PATCH))
        except Refusal as refusal:
            if refusal.code != _MISSING:
                raise self._error(ready, "release", refusal) from None

    async def _get(self, ready: _Ready, action: str) -> Object:
        try:
            obj: Object = await self.client.get(ready.path)
        except Refusal as refusal:
            if refusal.code == _MISSING:
                self.store.gone(ready.ref)
            raise self._error(ready, action, refusal) from None
        return obj

    async def _existing(self, ready: _Ready) -> Live | None:
        try:
            obj: Object = await self.client.get(ready.path)
        except Refusal as refusal:
            if refusal.code == _MISSING:
                return None
            raise self._error(ready, "read", refusal) from None
        return self._learn(ready, obj).whole(obj)

    async def _wait_gone(self, ready: _Ready) -> None:
        """Until the object is gone; the watch tells early, asking makes sure."""
        end, pause = time.monotonic() + DELETION_SECONDS, 0.1
        uid = ready.step.live.uid if ready.step.live else ""
        while time.monotonic() < end:
            try:
                obj = await self.client.get(ready.path)
            except Refusal as refusal:
                if refusal.code == _MISSING:
                    self.store.gone(ready.ref)
                    return
                raise self._error(ready, "delete", refusal) from None
            if uid and obj["metadata"]["uid"] != uid:
                return
            await asyncio.sleep(pause)
            pause = min(pause * 2, 2.0)
        raise ObjectError(
            ready.ref, "recreate", "Timeout", f"its deletion has not ended after {DELETION_SECONDS:g} s; see its finalizers"
        )

    # --- what goes in, and what comes out

    async def _ready(self, step: Step, action: str) -> _Ready:
        """Raises ObjectError where the kind is not served, or the name can't be in a path."""
        ref, desired, live = step.ref, step.desired, step.live
        surface = await self.discovery.surface()
        if desired is not None:
            resource = await self.discovery.resource(desired.api_version, ref.kind)
        else:
            resource = surface.preferred.get(ref.group_kind)
        if resource is None:
            version = desired.api_version if desired else ref.group
            raise ObjectError(
                ref, action, "NotServed", f"the cluster has no kind {ref.kind} in {version}; is its definition installed?"
            )
        if any(part in (".", "..") or "/" in part for part in (ref.name, ref.namespace)) or not ref.name:
            raise ObjectError(ref, action, "Invalid", "its name or namespace can't be one")
        if desired is None:
            return _Ready(ref, resource, step)
        if live is None or step.action is not Action.CONFIGURE:
            return _Ready(ref, resource, step, desired.body)
        body, warnings = _update(desired, live)
        return _Ready(ref, resource, step, body, force=True, warnings=warnings)

    def _learn(self, ready: _Ready, obj: Object) -> Entry:
        return self.store.learn(ready.ref, ready.resource.api_version, obj)

    def _keep_receipt(self, ready: _Ready, obj: Object) -> None:
        """For exactly the state that was judged: what the cache knows may be later."""
        if ready.step.desired is not None:
            judged = self.store.entry(ready.ref, ready.resource.api_version, obj)
            self.store.keep(ready.step.desired, judged.fingerprint, self.epoch(ready.ref.group))

    def _warnings(self, ready: _Ready, answer: Answer) -> tuple[str, ...]:
        hidden = [value for obj in ready.sensitive if obj for value in secret_values(obj)]
        return (*ready.warnings, *(scrubbed(warning, hidden) for warning in answer.warnings))

    def _error(self, ready: _Ready, action: str, refusal: Refusal) -> ObjectError:
        """The error for a refusal, which may also have told that what we knew is no longer so."""
        if refusal.reason in ("Replaced", "NotFound"):
            self.store.doubt(ready.ref)
        if refusal.reason == "NotFound" and ready.ref.namespace:
            self.store.doubt(ObjectRef("", "Namespace", "", ready.ref.namespace))
        return refusal.on(ready.ref, action, *ready.sensitive)


def _update(desired: Desired, live: Live) -> tuple[bytes, tuple[str, ...]]:
    """The body of an update: bound to the live object's uid, and without the replicas that an autoscaler has."""
    obj: Object = orjson.loads(desired.body)
    obj["metadata"]["uid"] = live.uid
    warnings: tuple[str, ...] = ()
    spec = obj.get("spec")
    scaler = takeover.scaled_by(live.object) if live.object else ""
    if scaler and isinstance(spec, dict) and spec.pop("replicas", None) is not None:
        warnings = (f"spec.replicas is left to {scaler}, which scales it; remove it from Git",)
    return orjson.dumps(obj), warnings

"""Requests about one object: what a step sends, where to, and what is learnt from the answer.

Applies are server-side applies by our field manager with strict field validation. One that creates never changes what it finds
there: it carries a resourceVersion that no live object can have, which the server looks at only where there is one.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from gitopsd.cluster import takeover
from gitopsd.cluster.caller import Caller
from gitopsd.cluster.client import Answer, Request
from gitopsd.cluster.config import Identity
from gitopsd.cluster.discovery import Discovery
from gitopsd.cluster.entries import Entry
from gitopsd.cluster.paths import collection, item
from gitopsd.cluster.refusal import Refusal, scrubbed, secret_values
from gitopsd.cluster.store import Store
from gitopsd.diff.controllers import left_to_controllers
from gitopsd.diff.ignore import respected
from gitopsd.model.app import App
from gitopsd.model.errors import ObjectError
from gitopsd.model.hooks import HOOK_FINALIZER
from gitopsd.model.marks import OWNER_ANNOTATION, PART_OF_LABEL
from gitopsd.model.plan import ORDINARY, Action, Conflicts, Desired, Handling, Live, Step
from gitopsd.model.refs import Object, ObjectRef
from gitopsd.model.surface import Resource

APPLY = "application/apply-patch+yaml"
JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"

CREATED, CONFLICT, MISSING = 201, 409, 404

DELETION_SECONDS = 60.0
"""How long a deletion may take before the object is made anew."""

_PROPAGATION = {"foreground": "Foreground", "background": "Background", "orphan": "Orphan"}
_NOT_CONTENT = {"apiVersion", "kind", "metadata", "status"}

_ATTEMPTS = 5
"""How often an object may change while it is being replaced."""

_NO_VERSION = "1"
"""A resourceVersion older than any object: etcd counts from 1, and an object is never its first change."""


@dataclass(frozen=True, slots=True)
class Ready:
    """A step, ready to be sent: where, what (None for a deletion), whether by force, and what was left out on the way.

    A `version` binds it to that resourceVersion of the object: an approved plan is for just what was there.
    """

    ref: ObjectRef
    resource: Resource
    step: Step
    body: bytes | None = None
    force: bool = False
    warnings: tuple[str, ...] = ()
    version: str = ""

    @property
    def path(self) -> str:
        """The object's path."""
        return item(self.resource, self.ref.namespace, self.ref.name)

    @property
    def updates(self) -> bool:
        """Whether it changes an object that is there."""
        return self.step.action is Action.CONFIGURE and self.step.live is not None

    @property
    def handling(self) -> Handling:
        """How it is to be written."""
        return self.step.desired.handling if self.step.desired else ORDINARY

    @property
    def sensitive(self) -> tuple[Object | None, ...]:
        """What may hold values that must not be shown."""
        return (
            orjson.loads(self.body) if self.body and self.ref.kind == "Secret" else None,
            self.step.live.object if self.step.live else None,
        )

    def sending(self, body: Object, *warnings: str) -> Ready:
        """The same with another body, and why."""
        return replace(self, body=orjson.dumps(body), warnings=self.warnings + warnings)


@dataclass(frozen=True, slots=True)
class Sender:
    """Sends to one cluster. `epoch` gives the epoch of a group's objects, for receipts."""

    client: Caller
    discovery: Discovery
    store: Store
    identity: Identity
    epoch: Callable[[str], str] = field(repr=False)

    async def ready(self, app: App, step: Step, action: str) -> Ready:
        """Raises ObjectError where the kind is not served, or the name can't be in a path."""
        ref, desired = step.ref, step.desired
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
        if resource.namespaced is not bool(ref.namespace):
            # What its project permits it as one of the other sort is not meant for it.
            why = "its kind turns out to be one with namespaces, or without; the next pass takes it as such"
            raise ObjectError(ref, action, "ScopeChanged", why)
        version = step.live.resource_version if step.live and app.settings.approval else ""
        ready = Ready(ref, resource, step, step.body or _body(step), version=version)
        return replace(ready, force=ready.updates and ready.handling.conflicts is Conflicts.FORCE)

    # --- one request each

    async def apply(self, ready: Ready, *, dry_run: bool = False) -> Answer:
        """Server-side apply. Raises Refusal."""
        params = self._params(ready, dry_run=dry_run) | ({"force": "true"} if ready.force else {})
        body = ready.body
        version = ready.version if ready.updates else _NO_VERSION
        if version and body is not None:
            obj: Object = orjson.loads(body)
            obj["metadata"]["resourceVersion"] = version
            body = orjson.dumps(obj)
        return await self.client.send(Request("PATCH", ready.path, "apply", params, body, APPLY))

    async def replace(self, ready: Ready, *, dry_run: bool = False) -> Answer:
        """The whole object, in place of the live one whatever its version is now: its uid has to be the same. Raises Refusal."""
        obj: Object = orjson.loads(ready.body or b"")
        params = self._params(ready, dry_run=dry_run)
        attempts = 0
        while True:
            attempts += 1
            version = ready.version or (await self.client.get(ready.path))["metadata"]["resourceVersion"]
            body = orjson.dumps(obj | {"metadata": obj["metadata"] | {"resourceVersion": version}})
            try:
                return await self.client.send(Request("PUT", ready.path, "update", params, body))
            except Refusal as refusal:
                if refusal.reason != "Conflict" or attempts == _ATTEMPTS or ready.version:
                    raise

    async def try_creation(self, ready: Ready) -> None:
        """A dry run that only makes, and fails where the object is there, once all else was found in order. Raises Refusal."""
        path, params = collection(ready.resource, ready.ref.namespace), self._params(ready, dry_run=True)
        await self.client.send(Request("POST", path, "create", params, ready.body))

    async def try_content(self, ready: Ready, live: Object, wanted: Object) -> Answer:
        """A dry run that gives `live` the content of `wanted`. It is a patch, since that takes no right to update."""
        params, body = self._params(ready, dry_run=True), orjson.dumps(list(_operations(live, wanted)))
        return await self.client.send(Request("PATCH", ready.path, "patch", params, body, JSON_PATCH))

    def _params(self, ready: Ready, *, dry_run: bool) -> dict[str, str]:
        validation = "Strict" if ready.handling.validate else "Ignore"
        params = {"fieldManager": self.identity.manager, "fieldValidation": validation}
        return params | ({"dryRun": "All"} if dry_run else {})

    async def delete(self, ready: Ready, app: App, *, dry_run: bool = False) -> None:
        """Asks for the deletion of just the object that is known."""
        asked = app.option("PrunePropagationPolicy", "foreground")
        options: dict[str, Any] = {"apiVersion": "v1", "kind": "DeleteOptions"}
        options["propagationPolicy"] = _PROPAGATION.get(asked, "Foreground")
        if ready.step.live:
            options["preconditions"] = {"uid": ready.step.live.uid}
            if ready.version:
                options["preconditions"]["resourceVersion"] = ready.version
        if dry_run:
            options["dryRun"] = ["All"]
        action = "dry-run of the deletion" if dry_run else "delete"
        try:
            answer = await self.client.send(Request("DELETE", ready.path, "delete", body=orjson.dumps(options)))
        except Refusal as refusal:
            if refusal.code != MISSING:
                raise self.error(ready, action, refusal) from None
            self.store.gone(ready.ref)
            return
        if not dry_run:
            if answer.body.get("kind") == "Status":
                self.store.gone(ready.ref)
            else:
                self.learn(ready, answer.body)
                await self._release(ready, answer.body)

    async def detach(self, ready: Ready, *, dry_run: bool = False) -> str:
        """Takes our marks off the very object that they are on; gives its uid. One that is gone is nobody's already."""
        uid = ready.step.live.uid if ready.step.live else ""
        marks = {"labels": {PART_OF_LABEL: None}, "annotations": {OWNER_ANNOTATION: None}}
        params = {"fieldManager": self.identity.manager} | ({"dryRun": "All"} if dry_run else {})
        body = orjson.dumps({"metadata": {"uid": uid, **marks}})
        try:
            answer = await self.client.send(Request("PATCH", ready.path, "patch", params, body, MERGE_PATCH))
        except Refusal as refusal:
            if refusal.code != MISSING:
                raise self.error(ready, "dry-run of the detachment" if dry_run else "detach", refusal) from None
            return uid
        if not dry_run:
            self.learn(ready, answer.body)
        return uid

    async def _release(self, ready: Ready, deleted: Object) -> None:
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
            if refusal.code != MISSING:
                raise self.error(ready, "release", refusal) from None

    async def get(self, ready: Ready, action: str) -> Object:
        """The object; raises ObjectError where there is none."""
        try:
            obj: Object = await self.client.get(ready.path)
        except Refusal as refusal:
            if refusal.code == MISSING:
                self.store.gone(ready.ref)
            raise self.error(ready, action, refusal) from None
        return obj

    async def existing(self, ready: Ready) -> Live | None:
        """The object as it is, if it is there."""
        try:
            obj: Object = await self.client.get(ready.path)
        except Refusal as refusal:
            if refusal.code == MISSING:
                return None
            raise self.error(ready, "read", refusal) from None
        return self.learn(ready, obj).whole(obj)

    async def wait_gone(self, ready: Ready) -> None:
        """Until the object is gone; the watch tells early, asking makes sure."""
        end, pause = time.monotonic() + DELETION_SECONDS, 0.1
        uid = ready.step.live.uid if ready.step.live else ""
        while time.monotonic() < end:
            try:
                obj = await self.client.get(ready.path)
            except Refusal as refusal:
                if refusal.code == MISSING:
                    self.store.gone(ready.ref)
                    return
                raise self.error(ready, "delete", refusal) from None
            if uid and obj["metadata"]["uid"] != uid:
                return
            await asyncio.sleep(pause)
            pause = min(pause * 2, 2.0)
        raise ObjectError(
            ready.ref, "recreate", "Timeout", f"its deletion has not ended after {DELETION_SECONDS:g} s; see its finalizers"
        )

    # --- what comes out

    def learn(self, ready: Ready, obj: Object) -> Entry:
        """Takes in what the server said of the object."""
        return self.store.learn(ready.ref, ready.resource.api_version, obj)

    def keep_receipt(self, ready: Ready, obj: Object, warnings: tuple[str, ...]) -> None:
        """For exactly the state that was judged: what the cache knows may be later."""
        if ready.step.desired is not None:
            judged = self.store.entry(ready.ref, ready.resource.api_version, obj)
            self.store.keep(ready.step.desired, judged.fingerprint, self.epoch(ready.ref.group), warnings)

    def warnings(self, ready: Ready, answer: Answer) -> tuple[str, ...]:
        """Ours and the server's, without values of Secrets."""
        hidden = [value for obj in ready.sensitive if obj for value in secret_values(obj)]
        return (*ready.warnings, *(scrubbed(warning, hidden) for warning in answer.warnings))

    def error(self, ready: Ready, action: str, refusal: Refusal) -> ObjectError:
        """The error for a refusal, which may also have told that what we knew is no longer so."""
        if refusal.reason in ("Replaced", "NotFound"):
            self.store.doubt(ready.ref)
        if refusal.reason == "NotFound" and ready.ref.namespace:
            self.store.doubt(ObjectRef("", "Namespace", "", ready.ref.namespace))
        return refusal.on(ready.ref, action, *ready.sensitive)


def _operations(live: Object, wanted: Object) -> Iterator[Object]:
    """A JSON patch that replaces all that a writer decides, and nothing where the uid is another."""
    was, is_to_be = live["metadata"], wanted["metadata"]
    yield {"op": "test", "path": "/metadata/uid", "value": was["uid"]}
    for name in (live.keys() | wanted.keys()) - _NOT_CONTENT:
        yield from _replaced(f"/{name}", live.get(name), wanted.get(name))
    for name in ("labels", "annotations"):
        yield from _replaced(f"/metadata/{name}", was.get(name), is_to_be.get(name))


def _replaced(path: str, old: Any, new: Any) -> Iterator[Object]:
    if new is not None:
        yield {"op": "add", "path": path, "value": new}
    elif old is not None:
        yield {"op": "remove", "path": path}


def _body(step: Step) -> bytes | None:
    """An update is bound to the live object's uid."""
    if step.desired is None or step.live is None or step.action is not Action.CONFIGURE:
        return step.desired.body if step.desired else None
    return orjson.dumps(_bound(orjson.loads(step.desired.body), step.live.uid))


def _bound(obj: Object, uid: str) -> Object:
    return obj | {"metadata": obj["metadata"] | {"uid": uid}}


def update(desired: Desired, live: Object, manager: str) -> tuple[Object, tuple[str, ...]]:
    """What is sent to change a live object: bound to its uid, without what is left to others. `live` is as once taken over.

    Raises JqError.
    """
    obj: Object = orjson.loads(desired.body)
    if desired.handling.respect and desired.handling.ignores:
        obj = respected(obj, desired.handling.ignores, live, manager)
    obj = left_to_controllers(_bound(obj, live["metadata"]["uid"]), live)
    spec = obj.get("spec")
    scaler = takeover.scaled_by(live)
    if not scaler or not isinstance(spec, dict) or "replicas" not in spec:
        return obj, ()
    left = {name: value for name, value in spec.items() if name != "replicas"}
    return obj | {"spec": left}, (f"spec.replicas is left to {scaler}, which scales it; remove it from Git",)

"""Dry runs: the judge of what is in sync, and the preflight of what would be written, in one request.

What a dry run has to leave out to be accepted (fields that others keep, see `gitopsd.dev/conflicts`) stays left out of its write.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import orjson

from gitopsd.cluster import takeover
from gitopsd.cluster.client import Answer
from gitopsd.cluster.paths import collection
from gitopsd.cluster.refusal import CONFLICT as MANAGER_CONFLICT
from gitopsd.cluster.refusal import Refusal
from gitopsd.cluster.sending import CONFLICT, Ready, Sender, update
from gitopsd.diff.conflicts import left_out, undeclared
from gitopsd.diff.fieldsets import applied_fields
from gitopsd.diff.judge import same_content, unchanged
from gitopsd.formats.jq import JqError
from gitopsd.model.app import App
from gitopsd.model.errors import ObjectError
from gitopsd.model.plan import Action, Conflicts, Step
from gitopsd.model.refs import Object
from gitopsd.ports import Trial

_ATTEMPTS = 8
"""How often a dry run is repeated without the fields that the server named."""

_SCALERS = (("autoscaling/v2", "HorizontalPodAutoscaler"), ("keda.sh/v1alpha1", "ScaledObject"))


@dataclass(frozen=True, slots=True)
class Trials:
    """Tries steps in one cluster."""

    sender: Sender

    async def dry_run(self, app: App, step: Step) -> Trial:
        """See `ClusterPort.dry_run`."""
        if step.action is Action.SKIP:
            return Trial(unchanged=True)
        ready = await self.sender.ready(app, step, "dry-run")
        if step.action is Action.PRUNE:
            await self.sender.delete(ready, app, dry_run=True)
            return Trial(before=step.live.object if step.live else None)
        if step.action is Action.DETACH:
            await self.sender.detach(ready, dry_run=True)
            return Trial(before=step.live.object if step.live else None)
        if step.action is Action.RECREATE:
            return await self._try_recreate(ready, app)
        if not ready.updates:
            return await self._try_creation(ready)
        try:
            return await self._try_change(ready)
        except JqError as error:
            raise ObjectError(ready.ref, "compare", "InvalidIgnore", f"a jq path of ignoreDifferences {error}") from None

    async def _try_creation(self, ready: Ready) -> Trial:
        """One that conflicts tells that the object is there already, unmarked."""
        try:
            ready, answer = await self._accepted(ready, None)
        except Refusal as refusal:
            if refusal.code == CONFLICT and (existing := await self.sender.existing(ready)) is not None:
                return Trial(existing=existing)
            raise self.sender.error(ready, "dry-run", refusal) from None
        return Trial(after=answer.body, warnings=self.sender.warnings(ready, answer), body=_changed_body(ready))

    async def _try_change(self, ready: Ready) -> Trial:
        before = (ready.step.live and ready.step.live.object) or await self.sender.get(ready, "dry-run")
        live = await self.taken(ready, before)
        ready = self._composed(ready, live)
        try:
            ready, answer = await self._accepted(ready, before)
        except Refusal as refusal:
            raise self._refused(ready, refusal) from None
        after: Object = answer.body
        if after["metadata"].get("resourceVersion") != before["metadata"].get("resourceVersion"):
            before = await self.sender.get(ready, "dry-run")
            live = await self.taken(ready, before)
        if (less := takeover.foretold(live, after, self._manager)) is not None:
            after = await self._defaulted(ready, before, less)
        self.sender.learn(ready, before)
        if self._same(ready, before, after):
            warnings = self.sender.warnings(ready, answer)
            self.sender.keep_receipt(ready, before, warnings)
            return Trial(before, after, unchanged=True, warnings=warnings)
        if ready.handling.replace:
            answer = await self._try_replacement(ready)
            after = answer.body
        return Trial(before, after, warnings=self.sender.warnings(ready, answer), body=ready.body)

    async def _defaulted(self, ready: Ready, live: Object, wanted: Object) -> Object:
        """What the server makes of an object of which fields go away: it may have defaults for them."""
        try:
            return (await self.sender.try_content(ready, live, wanted)).body
        except Refusal as refusal:
            raise self.sender.error(ready, "dry-run of the take-over", refusal) from None

    def _same(self, ready: Ready, before: Object, after: Object) -> bool:
        if ready.handling.replace:
            return same_content(before, after, ready.handling.ignores)
        return unchanged(before, after, self._manager, ready.handling.ignores) and not self.has_earlier(ready, before)

    async def _try_replacement(self, ready: Ready) -> Answer:
        try:
            return await self.sender.replace(ready, dry_run=True)
        except Refusal as refusal:
            raise self.sender.error(ready, "dry-run", refusal) from None

    async def _try_recreate(self, ready: Ready, app: App) -> Trial:
        """A create that fails for nothing but the object's being there has passed admission and validation."""
        await self.sender.delete(ready, app, dry_run=True)
        try:
            await self.sender.try_creation(ready)
        except Refusal as refusal:
            if refusal.reason != "AlreadyExists":
                raise self.sender.error(ready, "dry-run", refusal) from None
        before = ready.step.live.object if ready.step.live else None
        return Trial(before, orjson.loads(ready.body or b"{}"), warnings=ready.warnings)

    def _composed(self, ready: Ready, live: Object) -> Ready:
        """What is sent to change `live`."""
        if ready.step.desired is None:
            return ready
        body, warnings = update(ready.step.desired, live, self._manager)
        return ready.sending(body, *warnings, *self._shared_name(ready, live))

    def _shared_name(self, ready: Ready, live: Object) -> tuple[str, ...]:
        """Two writers of one name delete each other's fields without the server's noticing."""
        mark = ready.step.live.mark if ready.step.live else None
        own = self.sender.identity.installation
        if mark is None or mark.installation == own or applied_fields(live, self._manager) is None:
            return ()
        writer = f"the gitopsd installation {mark.installation} writes it as field manager {self._manager} too"
        return (f"{writer}, and each would delete the other's fields: give each a fieldManager of its own",)

    async def _accepted(self, ready: Ready, before: Object | None) -> tuple[Ready, Answer]:
        """The dry run, repeated without what the server names and the object's handling lets go. Raises Refusal."""
        for _ in range(_ATTEMPTS):
            try:
                return ready, await self.sender.apply(ready, dry_run=True)
            except Refusal as refusal:
                less = self._less(ready, refusal, before)
                if less is None:
                    raise
                ready = less
        return ready, await self.sender.apply(ready, dry_run=True)

    def _less(self, ready: Ready, refusal: Refusal, before: Object | None) -> Ready | None:
        """What to try next after a refusal, None where it stands."""
        body: Object = orjson.loads(ready.body or b"{}")
        if not ready.handling.validate and (unknown := undeclared(refusal.message)):
            return ready.sending(
                left_out(body, *unknown), *(f"{name[1:]} is left out: its kind has no such field" for name in unknown)
            )
        if refusal.reason != MANAGER_CONFLICT or before is None:
            return None
        earlier = (
            {str(entry.get("manager")) for entry in takeover.earlier(before, self._manager)} if self._owned(ready) else set()
        )
        theirs = [conflict for conflict in refusal.conflicts if conflict.manager not in earlier]
        if not theirs:
            return replace(ready, force=True)  # the write takes their fields over first
        if ready.handling.conflicts is not Conflicts.YIELD:
            return None
        said = (f"{conflict.field[1:]} is left to {conflict.manager}, which holds it" for conflict in theirs)
        return ready.sending(left_out(body, *(conflict.field for conflict in theirs)), *said)

    def _refused(self, ready: Ready, refusal: Refusal) -> ObjectError:
        error = self.sender.error(ready, "dry-run", refusal)
        if refusal.reason != MANAGER_CONFLICT:
            return error
        how = "annotate it with gitopsd.dev/conflicts: force to take the field, or yield to leave it"
        return ObjectError(error.ref, error.action, error.reason, f"{error.message}; {how}")

    # --- earlier managers

    def has_earlier(self, ready: Ready, obj: Object) -> bool:
        """Whether earlier managers have fields that are to become ours: never on an object that we only make sure of."""
        return self._owned(ready) and not ready.handling.replace and bool(takeover.earlier(obj, self._manager))

    async def taken(self, ready: Ready, obj: Object) -> Object:
        """The object as it is once earlier managers' fields are ours."""
        if not self._owned(ready) or not takeover.earlier(obj, self._manager):
            return obj
        return takeover.taken(obj, self._manager, keep_replicas=await self._autoscaled(ready, obj))

    def _owned(self, ready: Ready) -> bool:
        return ready.step.desired is not None and ready.step.desired.marked

    async def _autoscaled(self, ready: Ready, obj: Object) -> bool:
        """Whether an autoscaler has the object's replicas. Asked only at a take-over."""
        if "replicas" not in (obj.get("spec") or {}):
            return False
        surface = await self.sender.discovery.surface()
        for resource in (surface.resource(*scaler) for scaler in _SCALERS):
            if resource is None:
                continue
            try:
                found: Any = await self.sender.client.get(collection(resource, ready.ref.namespace), verb="list")
            except Refusal:
                return True  # not allowed to know: replicas stay with whom they are
            targets = ((entry.get("spec") or {}).get("scaleTargetRef") or {} for entry in found.get("items") or ())
            if any(
                (target.get("kind", "Deployment"), target.get("name")) == (ready.ref.kind, ready.ref.name) for target in targets
            ):
                return True
        return False

    @property
    def _manager(self) -> str:
        return self.sender.identity.manager


def _changed_body(ready: Ready) -> bytes | None:
    """What was sent, where something was left out of it."""
    return ready.body if ready.warnings else None

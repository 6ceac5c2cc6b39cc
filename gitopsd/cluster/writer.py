"""Writes: the request of the dry run without its `dryRun=All`, what has to happen before, and what is kept of the answer."""

from __future__ import annotations

from dataclasses import dataclass, replace

import orjson

from gitopsd.cluster.client import Answer, Request
from gitopsd.cluster.refusal import Refusal
from gitopsd.cluster.sending import CONFLICT, JSON_PATCH, Ready, Sender
from gitopsd.cluster.trials import Trials
from gitopsd.model.app import App
from gitopsd.model.errors import ObjectError
from gitopsd.model.plan import Action, Step
from gitopsd.ports import Written

_ATTEMPTS = 4


@dataclass(frozen=True, slots=True)
class Writer:
    """Carries out steps in one cluster."""

    sender: Sender
    trials: Trials

    async def write(self, app: App, step: Step) -> Written:
        """See `ClusterPort.write`."""
        if step.action is Action.SKIP:
            return Written(step.live.uid if step.live else "", unchanged=True)
        ready = await self.sender.ready(app, step, "apply")
        with self.sender.store.writing(step.ref):
            if step.action is Action.PRUNE:
                await self.sender.delete(ready, app)
                return Written("")
            if step.action is Action.DETACH:
                return Written(await self.sender.detach(ready))
            if step.action is Action.RECREATE:
                await self.sender.delete(ready, app)
                await self.sender.wait_gone(ready)
            elif ready.updates and (version := await self._take_over(ready)) and ready.version:
                ready = replace(ready, version=version)
            return await self._write(ready)

    async def _write(self, ready: Ready) -> Written:
        before = ready.step.live.resource_version if ready.step.live and ready.updates else ""
        answer = await self._sent(ready)
        known = self.sender.learn(ready, answer.body)
        warnings = self.sender.warnings(ready, answer)
        self.sender.keep_receipt(ready, answer.body, tuple(dict.fromkeys((*ready.step.warnings, *warnings))))
        return Written(known.live.uid, bool(before) and answer.body["metadata"]["resourceVersion"] == before, warnings)

    async def _sent(self, ready: Ready) -> Answer:
        try:
            if ready.updates and ready.handling.replace:
                return await self.sender.replace(ready)
            return await self.sender.apply(ready)
        except Refusal as refusal:
            # A conflict may also be one over a quota: only the object's being there says that somebody made it.
            if refusal.code == CONFLICT and not ready.updates and await self.sender.existing(ready):
                self.sender.store.doubt(ready.ref)
                message = "somebody else has made it since the dry run: the next sync sees what they made"
                raise ObjectError(ready.ref, "create", "AlreadyExists", message) from None
            raise self.sender.error(ready, "apply", refusal) from None

    async def _take_over(self, ready: Ready) -> str:
        """Merges the entries of earlier managers into ours, guarded by resourceVersion, so that nobody's change is lost.

        Gives the resourceVersion that the object has then, empty where there was nothing to merge.
        """
        live = ready.step.live
        obj = live.object if live else None
        for _ in range(_ATTEMPTS):
            if obj is None or not self.trials.has_earlier(ready, obj):
                return ""
            fields = (await self.trials.taken(ready, obj))["metadata"]["managedFields"]
            patch = [
                {"op": "replace", "path": "/metadata/managedFields", "value": fields},
                {"op": "replace", "path": "/metadata/resourceVersion", "value": obj["metadata"]["resourceVersion"]},
            ]
            params = {"fieldManager": self.sender.identity.manager}
            request = Request("PATCH", ready.path, "patch", params, orjson.dumps(patch), JSON_PATCH)
            try:
                answer = await self.sender.client.send(request)
            except Refusal as refusal:
                if refusal.code != CONFLICT or ready.version:
                    raise self.sender.error(ready, "take over", refusal) from None
                obj = await self.sender.get(ready, "take over")
            else:
                return str(answer.body["metadata"]["resourceVersion"])
        raise ObjectError(ready.ref, "take over", "Conflict", "it changes faster than its field managers can be merged")

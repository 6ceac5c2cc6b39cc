"""What resources ask for: a sync (`operation`), its end (phase Terminating), a refresh (an annotation)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace

from gitopsd.config.resources import REFRESH
from gitopsd.config.rules import mapping
from gitopsd.daemon.agent import Agent
from gitopsd.daemon.operations import NoSuchApplicationError, Operation, OperationConflictError, RefusedError, StoppingError
from gitopsd.daemon.timers import Refresh
from gitopsd.model.app import AppKey
from gitopsd.model.errors import ConfigError
from gitopsd.model.record import Phase, SyncRecord, Trigger, TriggerKind
from gitopsd.model.refs import Object
from gitopsd.model.status import AppStatus
from gitopsd.resources.operation import asked, resumed
from gitopsd.resources.writeback import Taken, Writeback


@dataclass(slots=True)
class Requests:
    """Brings before the agent what resources ask for, once each, and has the answers written."""

    agent: Agent
    writeback: Writeback
    refresh: Refresh = field(init=False)
    """Asks the repositories of an application for news: the timers' business, which come later."""
    _refreshing: dict[AppKey, asyncio.Task[None]] = field(default_factory=dict)
    _terminating: set[AppKey] = field(default_factory=set)
    _seen: dict[AppKey, str] = field(default_factory=dict)
    """The version of each resource that was looked at last: what somebody wrote into its status is put right."""

    def heed(self) -> None:
        """Looks at every resource; what can't begin now is looked at again with the next scan."""
        resources = self.writeback.declared.applications
        for status in self.agent.ours():
            resource = resources.get(status.app.key)
            if resource and not status.app.holder:
                self._heed_refresh(status.app.key, resource)
                self._heed_operation(status, resource)
                self._heed_end(status.app.key, resource)
                self._put_right(status.app.key, resource)

    def _put_right(self, key: AppKey, resource: Object) -> None:
        version = resource["metadata"]["resourceVersion"]
        if self._seen.get(key) != version:
            self._seen[key] = version
            self.writeback.due(key)

    def _heed_refresh(self, key: AppKey, resource: Object) -> None:
        wanted = (resource["metadata"].get("annotations") or {}).get(REFRESH)
        if wanted is not None and key not in self._refreshing and not self.writeback.is_answering(key):
            self._refreshing[key] = asyncio.create_task(self._refresh(key, hard=wanted == "hard"))

    async def _refresh(self, key: AppKey, *, hard: bool) -> None:
        try:
            await self.refresh(key, hard=hard)
        except NoSuchApplicationError:
            return  # it went meanwhile
        finally:
            del self._refreshing[key]
        self.writeback.refreshed(key)
        self.agent.trigger((key,), TriggerKind.POLL)  # an application without a repository is looked at as well

    def _heed_operation(self, status: AppStatus, resource: Object) -> None:
        key, wanted = status.app.key, resource.get("operation")
        taken = self.writeback.taken.get(key)
        if not wanted or (taken and taken.asked == wanted):
            return
        try:
            trigger = asked(wanted, status.app)
            state = mapping(mapping(resource.get("status")).get("operationState"))
            operation = self.agent.sync(key, trigger if taken else resumed(trigger, state))
        except (ConfigError, RefusedError) as error:
            now = self.agent.reconciler.ports.clock.now()
            refused = SyncRecord(key, Trigger(TriggerKind.MANUAL), Phase.ERROR, str(error), now, now)
            self.writeback.taken[key] = Taken(wanted, refused)
        except (OperationConflictError, StoppingError):
            return
        else:
            self._take(key, Taken(wanted, operation.record), operation)

    def _take(self, key: AppKey, taken: Taken, operation: Operation) -> None:
        def over(done: asyncio.Future[SyncRecord]) -> None:
            now = self.agent.reconciler.ports.clock.now()
            if done.cancelled() and self.agent.stopping:
                return  # the next start takes it up again
            ended = replace(taken.record, phase=Phase.FAILED, message="terminated", finished=now)
            taken.record = ended if done.cancelled() else done.result()
            self.writeback.due(key)

        self.writeback.taken[key] = taken
        operation.done.add_done_callback(over)

    def _heed_end(self, key: AppKey, resource: Object) -> None:
        """`argocd app terminate-op` sets the phase; whoever ran the operation says when it has ended."""
        state = mapping(mapping(resource.get("status")).get("operationState"))
        if state.get("phase") != Phase.TERMINATING:
            self._terminating.discard(key)
        elif key not in self._terminating:
            self._terminating.add(key)
            self.agent.terminate(key)

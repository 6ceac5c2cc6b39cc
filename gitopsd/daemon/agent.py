"""The agent: applications, their statuses, and the workers that bring them up to date."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from gitopsd.daemon.queue import WorkQueue
from gitopsd.daemon.retry import retry_delay
from gitopsd.model.app import App, AppKey
from gitopsd.model.errors import GitopsdError
from gitopsd.model.record import Condition, Phase, SyncRecord, Trigger, TriggerKind
from gitopsd.model.status import AppStatus
from gitopsd.reconcile import Reconciler

Listener = Callable[[SyncRecord, AppStatus], None]
"""Told of every pass: log line, metrics and event stream derive from the same two values."""


class OperationConflictError(GitopsdError):
    """Another operation is under way for this application."""


class NoSuchApplicationError(GitopsdError):
    """No application has this name, or several have it in different namespaces."""


@dataclass(slots=True)
class Operation:
    """A sync that a person asked for. `done` ends with its record, or is cancelled when the operation is terminated."""

    app: AppKey
    trigger: Trigger
    done: asyncio.Future[SyncRecord]


@dataclass(slots=True)
class Agent:
    """Holds what is known of all applications, and works through the queue."""

    reconciler: Reconciler
    listeners: tuple[Listener, ...] = ()
    workers: int = 32
    queue: WorkQueue = field(default_factory=WorkQueue)
    _statuses: dict[AppKey, AppStatus] = field(default_factory=dict)
    _passes: dict[AppKey, asyncio.Task[SyncRecord]] = field(default_factory=dict)
    _operations: dict[AppKey, Operation] = field(default_factory=dict)
    _failures: dict[AppKey, int] = field(default_factory=dict)
    _retries: dict[AppKey, asyncio.TimerHandle] = field(default_factory=dict)
    _stopping: bool = False

    # What stands in the configuration

    def adopt(self, apps: Mapping[AppKey, App], problems: Mapping[AppKey, str]) -> tuple[AppKey, ...]:
        """Takes over the applications as they are configured now; returns those that are gone.

        `problems` are of documents that can't be read any more: their last good version goes on, and the status says so.
        """
        gone = tuple(key for key in self._statuses if key not in apps)
        for key in gone:
            self._drop(key)
        for key, app in apps.items():
            status = self._statuses.get(key)
            if status is None or status.app != app:
                self._statuses[key] = replace(status, app=app) if status else AppStatus(app)
                self.queue.put(key, Trigger(TriggerKind.SPEC if status else TriggerKind.START))
            self.note((key,), "document", Condition("InvalidSpecError", problems[key]) if key in problems else None)
        return gone

    def note(self, keys: Iterable[AppKey], about: str, problem: Condition | None) -> bool:
        """Adds a problem `about` something to the applications' conditions, or takes it away; whether one was taken away."""
        recovered = False
        for key in keys:
            status = self._statuses[key]
            if status.problems.get(about) != problem:
                recovered = recovered or problem is None
                others = {name: known for name, known in status.problems.items() if name != about}
                self._statuses[key] = replace(status, problems=others | ({about: problem} if problem else {}))
        return recovered

    def _drop(self, key: AppKey) -> None:
        del self._statuses[key]
        self.queue.drop(key)
        self._failures.pop(key, None)
        if retry := self._retries.pop(key, None):
            retry.cancel()
        if running := self._passes.get(key):
            running.cancel()
        self.reconciler.forget(key)

    # What people and programs ask

    def statuses(self) -> tuple[AppStatus, ...]:
        """All applications by name."""
        return tuple(self._statuses[key] for key in sorted(self._statuses))

    def find(self, name: str) -> AppStatus:
        """The application called `name` or `namespace/name`; raises NoSuchApplicationError."""
        namespace, _, bare = name.rpartition("/")
        found = [key for key in self._statuses if key.name == bare and namespace in ("", key.namespace)]
        if len(found) == 1:
            return self._statuses[found[0]]
        if found:
            choices = " or ".join(str(key) for key in sorted(found))
            raise NoSuchApplicationError(f"{len(found)} applications are called {bare}: say {choices}")
        raise NoSuchApplicationError(f"no application is called {name}; `gitopsd status` lists those there are")

    def sync(self, key: AppKey, trigger: Trigger) -> Operation:
        """Starts a sync; the same request joins one under way, another one raises OperationConflictError."""
        if known := self._operations.get(key):
            if replace(known.trigger, actor="") == replace(trigger, actor=""):
                return known
            raise OperationConflictError(f"application {key}: another sync is under way; wait for it, or terminate it")
        operation = Operation(key, trigger, asyncio.get_running_loop().create_future())
        self._operations[key] = operation
        self.queue.put(key, trigger)
        return operation

    async def preview(self, key: AppKey, revision: str = "") -> SyncRecord:
        """What a sync to `revision` would do: a pass that only looks, beside whatever is under way."""
        return await self.reconciler.reconcile(self._statuses[key].app, Trigger(TriggerKind.MANUAL, revision=revision, dry_run=True))

    def terminate(self, key: AppKey) -> bool:
        """Ends the pass under way, or the sync that waits; false where there is none."""
        operation, running = self._operations.pop(key, None), self._passes.get(key)
        if operation:
            operation.done.cancel()
        if running:
            running.cancel()
        return bool(operation or running)

    def trigger(self, keys: Iterable[AppKey], kind: TriggerKind) -> None:
        """Asks for a pass over each of the applications that are there."""
        for key in keys:
            if key in self._statuses:
                self.queue.put(key, Trigger(kind))

    def using(self, repository: str) -> tuple[AppKey, ...]:
        """The applications that have a source in `repository`."""
        return tuple(key for key, status in self._statuses.items() if any(s.repo_url == repository for s in status.app.sources))

    # Work

    async def run(self) -> None:
        """Works until cancelled; passes under way are then left to `drain`."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self.workers):
                group.create_task(self._work())

    async def _work(self) -> None:
        while True:
            key, trigger = await self.queue.get()
            task = asyncio.create_task(self._pass(key, trigger))
            self._passes[key] = task
            # The pass outlives a worker that is cancelled: `drain` waits for it.
            task.add_done_callback(partial(self._over, key))
            await asyncio.wait({task})

    async def _pass(self, key: AppKey, trigger: Trigger) -> SyncRecord:
        status = self._statuses[key]
        self._statuses[key] = replace(status, running=trigger)
        record = await self.reconciler.reconcile(status.app, trigger)
        if key in self._statuses:
            status = replace(self._statuses[key].after(record), running=None)
            self._statuses[key] = status
            self._schedule_retry(status.app, record)
            for listener in self.listeners:
                listener(record, status)
        return record

    def _over(self, key: AppKey, task: asyncio.Task[SyncRecord]) -> None:
        del self._passes[key]
        if key in self._statuses:
            self._statuses[key] = replace(self._statuses[key], running=None)
        if not self._stopping:
            self.queue.done(key)
        operation = self._operations.get(key)
        if operation is None:
            return
        if task.cancelled():
            operation.done.cancel()
        elif (error := task.exception()) is not None:
            operation.done.set_exception(error)
        elif task.result().trigger == operation.trigger:
            operation.done.set_result(task.result())
        else:
            return
        del self._operations[key]

    def _schedule_retry(self, app: App, record: SyncRecord) -> None:
        if retry := self._retries.pop(app.key, None):
            retry.cancel()
        if record.phase not in (Phase.FAILED, Phase.ERROR):
            self._failures.pop(app.key, None)
            return
        failures = self._failures[app.key] = self._failures.get(app.key, 0) + 1
        # The spread of retries is no secret, and guards nothing.
        delay = retry_delay(app, record, failures, random.random())  # noqa: S311
        if delay is not None:
            loop = asyncio.get_running_loop()
            self._retries[app.key] = loop.call_later(delay, self.queue.put, app.key, Trigger(TriggerKind.RETRY))

    async def drain(self, grace: float) -> None:
        """Lets the passes under way end, for at most `grace` seconds; what is left then is ended between two writes."""
        self._stopping = True
        for retry in self._retries.values():
            retry.cancel()
        running = set(self._passes.values())
        if running:
            _, late = await asyncio.wait(running, timeout=grace)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

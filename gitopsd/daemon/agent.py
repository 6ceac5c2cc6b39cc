"""The agent: applications, their statuses, and the workers that bring them up to date."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from gitopsd.daemon import leaving
from gitopsd.daemon.dependencies import Dependencies
from gitopsd.daemon.fights import Fights
from gitopsd.daemon.moving import Moving
from gitopsd.daemon.names import named
from gitopsd.daemon.operations import (
    WAITS,
    NoSuchApplicationError,
    Operation,
    OperationConflictError,
    Operations,
    RefusedError,
    StoppingError,
)
from gitopsd.daemon.passes import Pass, Superseding, carried_out
from gitopsd.daemon.queue import WorkQueue
from gitopsd.daemon.retry import Retries
from gitopsd.daemon.telling import Listener, Watcher, tell
from gitopsd.model.app import App, AppKey
from gitopsd.model.deletion import Deletion
from gitopsd.model.record import Condition, Phase, SyncRecord, Trigger, TriggerKind
from gitopsd.model.standing import Standing
from gitopsd.model.status import AppStatus
from gitopsd.reconcile import Reconciler
from gitopsd.waiting import Course


@dataclass(slots=True)
class Agent:
    """Holds what is known of all applications, and works through the queue."""

    reconciler: Reconciler
    listeners: tuple[Listener, ...] = ()
    watchers: tuple[Watcher, ...] = ()
    workers: int = 32
    ordered: dict[AppKey, Standing] = field(default_factory=dict)
    """What people had ordered before the start of applications that have not come yet."""
    left: leaving.Left = field(default_factory=leaving.Left)
    holds: Callable[[AppKey], bool] = lambda _: True
    """Which applications are worked on here; others are another replica's."""
    queue: WorkQueue = field(default_factory=WorkQueue)
    changes: int = 0  # how often an application has come, gone, or been looked at
    restatements: int = 0  # ... or has come, gone, or is to be another than it was
    _statuses: dict[AppKey, AppStatus] = field(default_factory=dict)
    _passes: dict[AppKey, Pass] = field(default_factory=dict)
    _operations: Operations = field(init=False)
    _retries: Retries = field(init=False)
    _dependencies: Dependencies = field(default_factory=Dependencies)
    _superseding: Superseding = field(init=False)
    _moving: Moving = field(init=False)
    _fights: Fights = field(init=False)
    stopping: bool = False

    def __post_init__(self) -> None:
        self.queue.doubt, self.queue.narrow, self.queue.lane = self._doubt, max(1, self.workers // 4), self._lane
        self._retries = Retries(self._try_again, self._passes.get)
        self._operations = Operations(self.reconciler.ports.clock.now, self._retries)
        self._superseding = Superseding(self.reconciler)
        self._moving = Moving(self.reconciler, lambda key, problem: self.note((key,), "destination", problem))
        self._fights = Fights(
            look=lambda key: self.queue.put(key, Trigger(TriggerKind.WATCH)),
            note=lambda key, problem: self.note((key,), "fight", problem),
            now=self.reconciler.ports.clock.monotonic,
        )

    # What stands in the configuration

    def adopt(self, apps: Mapping[AppKey, App], problems: Mapping[AppKey, str], *, whole: bool = True) -> tuple[AppKey, ...]:
        """Takes over the applications as they are configured now; returns those that are gone.

        `problems` are of documents that can't be read any more: their last good version goes on, and the status says so. Not
        `whole` is what may lack applications that were not read yet, or can't be read now.
        """
        gone, going = leaving.missing(self._statuses, apps, self.holds)
        for key in gone:
            self._drop(key)
        for key, deletion in going.items():
            self.delete(key, deletion)
        for key, app in leaving.resumed(self.ordered, apps).items():
            self._set(AppStatus(replace(app, standing=self.ordered.pop(key))))
            self.queue.put(key, Trigger(TriggerKind.START))
        for key, document in apps.items():
            status = self._statuses.get(key)
            standing = status.app.standing if status else self.ordered.pop(key, document.standing)
            app = leaving.declared(document if standing == document.standing else replace(document, standing=standing), status)
            if status is None or status.app != app:
                self._set(replace(status, app=app) if status else AppStatus(app))
                self.queue.put(key, Trigger(TriggerKind.SPEC if status else TriggerKind.START))
                self._superseding.ask(self._statuses[key].app, self._passes.get(key))
            if status and status.app.spec.destination != app.spec.destination and self.holds(key):
                self._moving.changed(status.app, app)
            self.note((key,), "document", Condition("InvalidSpecError", problems[key]) if key in problems else None)
        self.left.scanned(gone, {*self._statuses, *problems}, whole=whole)
        circles = self._dependencies.declare({key: status.app for key, status in self._statuses.items()})
        for key in apps:
            self.note((key,), "dependencies", Condition("InvalidSpecError", circles[key]) if key in circles else None)
        self._go_on_after(*gone, *apps)
        return gone

    def note(self, keys: Iterable[AppKey], about: str, problem: Condition | None) -> bool:
        """Adds a problem `about` something to the applications' conditions, or takes it away; whether one was taken away."""
        recovered = False
        for key in keys:
            status = self._statuses[key]
            if status.problems.get(about) != problem:
                recovered = recovered or problem is None
                others = {name: known for name, known in status.problems.items() if name != about}
                self._set(replace(status, problems=others | ({about: problem} if problem else {})))
        return recovered

    def delete(self, key: AppKey, deletion: Deletion) -> None:
        """Begins to take an application away. One that still has a document waits, deleted, until that is gone."""
        self._withdraw(key)
        status = self._statuses[key]
        self._set(replace(status, app=replace(status.app, deletion=deletion)))
        self.queue.put(key, Trigger(TriggerKind.SPEC, actor=deletion.by))

    def _drop(self, key: AppKey) -> None:
        self.abandon(key)
        del self._statuses[key]
        self.changes, self.restatements = self.changes + 1, self.restatements + 1

    # What is shared with other replicas

    def abandon(self, key: AppKey) -> tuple[asyncio.Task[Any], ...]:
        """Nothing more is done for the application, and nothing is kept of it; gives what is still under way."""
        self._withdraw(key)
        self.queue.drop(key)
        self._retries.forget(key)
        self._fights.forget(key)
        self._moving.forget(key)
        under_way = self._passes.get(key)
        if under_way:
            under_way.task.cancel()
        self.reconciler.forget(key)
        return tuple(task for task in (self._moving.leaving.get(key), under_way and under_way.task) if task)

    def begin_anew(self, key: AppKey, standing: Standing) -> None:
        """Nothing is known of the application yet but its orders; it is looked at, if that is done here."""
        self._set(AppStatus(leaving.anew(self._statuses[key].app, standing)))
        self.queue.put(key, Trigger(TriggerKind.START))

    def knows(self, key: AppKey) -> bool:
        """Whether there is such an application."""
        return key in self._statuses

    def ours(self) -> tuple[AppStatus, ...]:
        """The applications that are worked on here, by name."""
        return tuple(status for status in self.statuses() if self.holds(status.app.key))

    def together(self) -> Mapping[AppKey, AppKey]:
        """See `Dependencies.together`: one replica has all of those, as it has to know how they stand."""
        return self._dependencies.together

    def busy(self) -> frozenset[AppKey]:
        """What is worked on just now."""
        return frozenset({*self._passes, *self._moving.leaving})

    # What people and programs ask

    def statuses(self) -> tuple[AppStatus, ...]:
        """All applications by name."""
        return tuple(self._statuses[key] for key in sorted(self._statuses))

    def find(self, name: str) -> AppStatus:
        """The application called `name` or `namespace/name`; raises NoSuchApplicationError."""
        found = named(name, self._statuses)
        if isinstance(found, str):
            raise NoSuchApplicationError(found)
        return self._statuses[found]

    def sync(self, key: AppKey, trigger: Trigger) -> Operation:
        """Starts a sync; the same request joins one under way, another one raises OperationConflictError.

        One that only waits to be tried again gives way to another.
        Raises RefusedError where the application is suspended, StoppingError once the end has begun.
        """
        known = self._operations.get(key)
        if known and known.asks(trigger) and not self.stopping:
            return known
        self.admit(key, trigger)
        self._operations.give_way(key)
        operation = self._operations.begin(key, trigger)
        self.queue.put(key, trigger)
        self._show_running(key)
        return operation

    def admit(self, key: AppKey, trigger: Trigger) -> None:
        """Raises what `sync` does where it could not begin just now."""
        if self.stopping:
            raise StoppingError("gitopsd is ending; ask again when it is back")
        if not self.holds(key):
            raise OperationConflictError(f"application {key} passes from one replica to another; ask again in a moment")
        if (why := self._statuses[key].app.suspension) and not trigger.dry_run:
            raise RefusedError(f"application {key} is {why}")
        if (operation := self._operations.get(key)) and not operation.failed:
            raise OperationConflictError(f"application {key}: another sync is under way; wait for it, or terminate it")

    def restate(self, key: AppKey, change: Callable[[Standing], Standing]) -> None:
        """People have ordered something else of the application, if it is still there."""
        if status := self._statuses.get(key):
            status = replace(status, app=replace(status.app, standing=change(status.app.standing)))
            if status.app.suspension:
                self._operations.give_way(key)
            self._set(replace(status, running=self._running(key)))

    def look(self, key: AppKey, trigger: Trigger) -> None:
        """Asks for a pass over an application, if it is still there."""
        if key in self._statuses:
            self.queue.put(key, trigger)

    async def preview(self, key: AppKey, revision: str = "") -> SyncRecord:
        """What a sync to `revision` would do: a pass that only looks, beside whatever is under way."""
        trigger = Trigger(TriggerKind.MANUAL, revision=revision, dry_run=True)
        return await self.reconciler.reconcile(self._statuses[key].app, trigger)

    def terminate(self, key: AppKey) -> bool:
        """Ends the sync under way, or the one that waits; false where there is none. A pass that only looks goes on."""
        under_way, operation = self._passes.get(key), self._withdraw(key)
        if under_way and (under_way.begun or (operation and operation.trigger is under_way.trigger)):
            under_way.task.cancel()
        elif operation:
            self.queue.drop(key)
            # What was coalesced with the request stands for something of its own.
            self.queue.put(key, Trigger(TriggerKind.WATCH))
        else:
            return False
        self._show_running(key)
        return True

    def _withdraw(self, key: AppKey) -> Operation | None:
        """Whoever waits for the operation learns that it will not come to an end."""
        self._dependencies.waiting.pop(key, None)
        return self._operations.withdraw(key)

    def _try_again(self, key: AppKey, trigger: Trigger) -> None:
        self._operations.line_up(key)
        self._show_running(key)
        self.queue.put(key, trigger)

    def trigger(self, keys: Iterable[AppKey], kind: TriggerKind) -> None:
        """Asks for a pass over each of the applications that are there; what watches tell of a fight waits a little."""
        for key in keys:
            if key in self._statuses and not (kind is TriggerKind.WATCH and self._fights.holds(key)):
                self.queue.put(key, Trigger(kind))
                self._superseding.ask(self._statuses[key].app, self._passes.get(key))

    def repositories(self, key: AppKey) -> frozenset[str]:
        """The URLs of an application's sources, and of what its render needs besides them."""
        sources = frozenset(source.followed for source in self._statuses[key].app.sources)
        return sources | self.reconciler.ports.renderer.elsewhere(key)

    def using(self, repository: str) -> tuple[AppKey, ...]:
        """The applications that take something from `repository`."""
        return tuple(key for key in self._statuses if self.holds(key) and repository in self.repositories(key))

    # Work

    async def run(self) -> None:
        """Works until cancelled; passes under way are then left to `drain`."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self.workers):
                group.create_task(self._work())

    def _doubt(self, key: AppKey) -> str:
        status = self._statuses.get(key)
        return self.reconciler.ports.cluster.doubt(status.app) if status else ""

    def _lane(self, key: AppKey) -> Hashable:
        return key in self._statuses and (self._statuses[key].app.spec.project, self.repositories(key))

    async def _work(self) -> None:
        while True:
            key, trigger = await self.queue.get()
            course = Course(partial(self._show_running, key), holds_back=partial(self._reason_to_wait, key), has_left=self.left)
            task = asyncio.create_task(carried_out(self.reconciler, self._statuses[key].app, trigger, course))
            self._passes[key] = Pass(trigger, task, course)
            # The pass outlives a worker that is cancelled: `drain` waits for it.
            task.add_done_callback(partial(self._over, key, trigger))
            await asyncio.wait({task})

    def _reason_to_wait(self, key: AppKey) -> str:
        if not self.holds(key):
            return "waits for nothing: another replica works on it by now"
        return self._dependencies.reason(key, self._statuses, lambda need: need in self._passes or need in self.queue)

    def _hold(self, operation: Operation, why: str) -> None:
        """The operation waits for other applications, as long as a wave may wait for its objects."""
        key = operation.record.app
        if operation.record.message == WAITS:
            patience = self._statuses[key].app.settings.health_timeout if key in self._statuses else 0.0
            asyncio.get_running_loop().call_later(patience, self._give_up, operation)
        operation.record = replace(operation.record, message=why)

    def _give_up(self, operation: Operation) -> None:
        key = operation.record.app
        if self._operations.get(key) is operation and key in self._dependencies.waiting:
            self._operations.give_up(key)
            del self._dependencies.waiting[key]
            self._show_running(key)

    def _go_on_after(self, *keys: AppKey) -> None:
        """Has applications looked at again that wait for one of these, to come or to go."""
        for key in {waiting for known in keys for waiting in self._dependencies.related(known)}:
            if trigger := self._dependencies.waiting.pop(key, None):
                self.queue.put(key, trigger)

    def _over(self, key: AppKey, trigger: Trigger, task: asyncio.Task[SyncRecord]) -> None:
        """Whatever follows from a pass that has ended: status, listeners, retry, the answer to who asked for it."""
        under_way, ours = self._passes.pop(key), self.knows(key) and self.holds(key)
        if ours and not task.cancelled():
            self._operations.passed(self._statuses[key], task.result())
        operation = self._operations.get(key)
        if held_back := under_way.course.held_back:
            self._dependencies.waiting[key] = trigger
        if operation and operation.trigger is trigger and held_back and not task.cancelled():
            self._hold(operation, held_back)
        elif operation and operation.trigger is trigger:
            self._operations.withdraw(key) if task.cancelled() else self._operations.end(key, task.result())
        if ours:
            self._cut_off(key, under_way.begun) if task.cancelled() else self._concluded(key, task.result())
        if not self.stopping:
            self.queue.done(key)
            self._go_on_after(key)

    def _cut_off(self, key: AppKey, begun: SyncRecord | None) -> None:
        """A pass was ended before it knew how the application stands; of one that had begun to write, that much is known."""
        status = replace(self._statuses[key], running=self._running(key))
        if begun is None:
            self._set(status)
            return
        record = replace(begun, phase=Phase.FAILED, message="terminated", finished=self.reconciler.ports.clock.now())
        app = replace(status.app, standing=status.app.standing.without(begun.lifted))
        self._set(replace(status, app=app, operation=record))
        self._listen(record)

    def _concluded(self, key: AppKey, record: SyncRecord) -> None:
        status = replace(self._statuses[key], running=self._running(key))
        if not record.trigger.dry_run:
            status = status.after(record)
        if record.trigger.resources:
            self.queue.put(key, Trigger(TriggerKind.WATCH))
        self._set(leaving.after(status, record))
        self._moving.passed(self._statuses[key])
        self._fights.passed(record)
        self._listen(record)

    def _listen(self, record: SyncRecord) -> None:
        for listener in self.listeners:
            tell(listener, record, self._statuses[record.app])

    def _running(self, key: AppKey) -> SyncRecord | None:
        """The sync under way, or the one that waits for its turn; a dry run is none."""
        if (under_way := self._passes.get(key)) and under_way.begun:
            return under_way.begun
        operation = self._operations.get(key)
        return operation.record if operation and not operation.trigger.dry_run else None

    def _show_running(self, key: AppKey, _: SyncRecord | None = None) -> None:
        if (status := self._statuses.get(key)) and status.running != (running := self._running(key)):
            self._set(replace(status, running=running))

    def _set(self, status: AppStatus) -> None:
        known, self._statuses[status.app.key] = self._statuses.get(status.app.key), status
        self.changes += 1
        self.restatements += known is None or known.app is not status.app
        for watcher in self.watchers:
            tell(watcher, status)

    async def drain(self, grace: float) -> None:
        """Lets the passes under way end, for at most `grace` seconds; what is left then is ended between two writes.

        `run` has to have ended. Syncs that still wait for their turn are given up.
        """
        self.stopping = True
        self._retries.end()
        self._fights.end()
        self._moving.end()
        for key, operation in tuple(self._operations.asked.items()):
            under_way = self._passes.get(key)
            if under_way is None or under_way.trigger is not operation.trigger:
                self._withdraw(key)
        running = {under_way.task for under_way in self._passes.values()}
        if running:
            _, late = await asyncio.wait(running, timeout=grace)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

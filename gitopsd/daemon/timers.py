"""What happens by the clock: polling repositories, reading the configured documents, looking at everything now and then."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from gitopsd import heap
from gitopsd.daemon.agent import Agent
from gitopsd.daemon.orphans import Orphans
from gitopsd.daemon.turns import Turns
from gitopsd.model.app import AppKey
from gitopsd.model.errors import SourceError
from gitopsd.model.record import Condition, TriggerKind
from gitopsd.ports import SourcePort
from gitopsd.source.urls import parse_url

_LOOK_AGAIN = timedelta(minutes=10)
"""How often every application is looked at although nothing is known to have changed: a pass without a change is cheap."""


_PUSHES = 8
"""Polls for pushes to one repository that may be under way at once; what comes beyond waits for the next regular one."""


def _place(url: str) -> tuple[str, str] | None:
    """Where a repository lies; None of what is no URL of one, such as a chart's."""
    try:
        return parse_url(url).place
    except SourceError:
        return None


@dataclass(frozen=True, slots=True)
class Polling:
    """How often a repository is asked for its refs: `interval` seconds, give or take the share `jitter` of it."""

    interval: float
    jitter: float


class Refresh(Protocol):
    """See `Timers.refresh`."""

    async def __call__(self, key: AppKey, /, *, hard: bool = False) -> None:
        """Raises NoSuchApplicationError."""


@dataclass(slots=True)
class Timers:
    """The jobs of the scheduler: one for each repository in use, one for the configured documents, one that looks at all."""

    agent: Agent
    source: SourcePort
    polling: Polling
    scan: Callable[[], Awaitable[None]]
    _scheduler: AsyncIOScheduler = field(default_factory=lambda: AsyncIOScheduler(timezone=UTC))
    _polled: set[str] = field(default_factory=set)
    _seen: int = -1
    """Of the changes of applications, how many are heeded."""
    orphans: Orphans = field(init=False)
    _turns: Turns = field(init=False)

    def __post_init__(self) -> None:
        self.orphans = Orphans(self.agent)
        self._turns = Turns(self.agent.reconciler.ports.cluster.target)

    def start(self) -> None:
        """Begins; needs a running event loop."""
        self._every(timedelta(seconds=2), self._scanned, "scan")
        self._every(timedelta(seconds=10), self._rest, "rest")
        self._every(_LOOK_AGAIN, self._look_again, "look again")
        self._every(_LOOK_AGAIN, self.orphans.all_again, "orphans")
        self._scheduler.add_job(self.turn, CronTrigger(second=0, timezone=UTC), id="windows", misfire_grace_time=None)
        self._scheduler.start()
        self.follow_repositories()

    def stop(self) -> None:
        """No job begins after this."""
        self.orphans.end()
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    def scan_soon(self) -> None:
        """Has the documents read again now, rather than by the clock."""
        if self._scheduler.running:
            self._scheduler.modify_job("scan", next_run_time=datetime.now(UTC))

    def _every(self, interval: timedelta, job: Callable[..., Awaitable[None]], name: str) -> None:
        trigger = IntervalTrigger(seconds=interval.total_seconds(), timezone=UTC)
        self._scheduler.add_job(job, trigger, id=name, max_instances=1, coalesce=True, misfire_grace_time=None)

    async def _scanned(self) -> None:
        await self.scan()
        if self._seen != self.agent.changes:
            self._seen = self.agent.changes
            self.follow_repositories()
            self.orphans.heed()

    async def _rest(self) -> None:
        if self.agent.queue.at_rest:
            heap.set_aside()

    def follow_repositories(self) -> None:
        """Polls exactly the repositories that some application uses."""
        used = {url for status in self.agent.ours() for url in self.agent.repositories(status.app.key)}
        for repository in used - self._polled:
            seconds = self.polling.interval
            trigger = IntervalTrigger(seconds=seconds, jitter=seconds * self.polling.jitter, timezone=UTC)
            self._scheduler.add_job(
                self.poll,
                trigger,
                args=[repository],
                id=f"poll {repository}",
                max_instances=1,
                coalesce=True,
                misfire_grace_time=None,
                next_run_time=datetime.now(UTC),
            )
        for repository in self._polled - used:
            self._scheduler.remove_job(f"poll {repository}")
            self._note(repository, (), None)
        self._polled = used

    async def poll(self, repository: str, *, force: bool = False, kind: TriggerKind = TriggerKind.POLL) -> None:
        """Asks the repository for its refs, and has the applications that use it looked at if any moved.

        A failure becomes a condition of those applications; they go on with what was fetched before, and nothing is pruned.
        """
        problem: Condition | None = None
        moved = False
        try:
            moved = await self.source.poll(repository, force=force)
        except SourceError as error:
            problem = Condition(error.condition, str(error))
        keys = self.agent.using(repository)
        recovered = self._note(repository, keys, problem)
        if moved or recovered or force:
            self.agent.trigger(keys, kind)

    def pushed(self, urls: Collection[str]) -> int:
        """Polls now what somebody was told of: the repositories in use that lie where one of `urls` says; gives how many."""
        told = set(filter(None, map(_place, urls)))
        found = [repository for repository in self._polled if _place(repository) in told]
        for repository in found:
            # A push that comes while another's poll is under way may be news to it or not: it gets one of its own.
            self._scheduler.add_job(
                self.poll,
                args=[repository],
                kwargs={"force": True, "kind": TriggerKind.WEBHOOK},
                id=f"push {repository}",
                replace_existing=True,
                max_instances=_PUSHES,
                misfire_grace_time=None,
            )
        return len(found)

    def _note(self, repository: str, keys: Collection[AppKey], problem: Condition | None) -> bool:
        """Keeps how a repository fares with those that use it, and with nobody else; whether one of them recovered."""
        about = f"repository {repository}"
        others = {status.app.key for status in self.agent.statuses() if about in status.problems} - set(keys)
        self.agent.note(others, about, None)
        return self.agent.note(keys, about, problem)

    async def refresh(self, key: AppKey, *, hard: bool = False) -> None:
        """Asks the application's repositories for news now, backing off or not, and has it looked at.

        A `hard` one has everything rendered anew, whatever was kept of it.
        """
        if hard:
            self.agent.reconciler.ports.renderer.forget(key)
        for repository in self.agent.repositories(self.agent.find(str(key)).app.key):
            await self.poll(repository, force=True)
        self.orphans.again(key)

    async def turn(self) -> None:
        """Has the applications looked at whose sync windows have opened or closed; windows turn with the minute."""
        now = self.agent.reconciler.ports.clock.now()
        keys = self._turns.since_last([status.app for status in self.agent.statuses()], now)
        self.agent.trigger(keys, TriggerKind.WINDOW)

    async def _look_again(self) -> None:
        self.agent.trigger([status.app.key for status in self.agent.statuses()], TriggerKind.POLL)

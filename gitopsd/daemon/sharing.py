"""Which applications this replica works on: those that fall to it are taken up, those that fall to another are let go of."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

import structlog

from gitopsd.daemon.agent import Agent
from gitopsd.daemon.membership import RENEWAL, Membership
from gitopsd.daemon.telling import Watcher
from gitopsd.model.app import AppKey
from gitopsd.model.errors import GitopsdError, TenureError
from gitopsd.model.standing import Standing
from gitopsd.model.status import AppStatus
from gitopsd.ports import HistoryPort

_log = structlog.get_logger()


@dataclass(slots=True)
class Sharing:
    """Keeps an agent to what the `membership` gives it; a `gitopsd.ports.Tenure`.

    `distrust` is told that others may have made newer commits live than our mirrors have.
    """

    membership: Membership
    history: HistoryPort
    distrust: Callable[[], None]
    agent: Agent = field(init=False)
    let_go: Callable[[AppKey], None] = field(init=False)
    """Told of each application that another replica has from now on."""
    held: dict[AppKey, str] = field(default_factory=dict)
    """What is ours, with what tells this hold from any other."""
    _known: frozenset[AppKey] = frozenset()
    """All applications, when they were looked at last."""
    _doubted: set[AppKey] = field(default_factory=set)
    """What was ours, and just then was not when somebody asked: nobody knows what has been missed since."""
    _moved: bool = True
    """Whether somebody claims other applications than when orders were read last."""
    _holds: int = 0
    _called: asyncio.Event = field(default_factory=asyncio.Event)

    def among(self, agent: Agent, let_go: Callable[[AppKey], None]) -> None:
        """The agent works on what is held here, and on nothing else, from now on."""
        self.agent, self.let_go = agent, let_go
        agent.holds = agent.queue.takes = self.holds
        agent.watchers = (*(partial(self._tell, watcher) for watcher in agent.watchers), self._changed)
        self.membership.on_change, self.membership.busy, self.membership.together = self._move, agent.busy, agent.together

    def holds(self, key: AppKey) -> bool:
        """Whether the application may be worked on here, now."""
        if key in self.held and not self.membership.holds(key):
            self._doubted.add(key)
            self._called.set()
        return key in self.held and key not in self._doubted

    # As a tenure

    def check(self) -> None:
        """See `Tenure`."""
        self.membership.check()

    def hold(self, app: AppKey) -> str:
        """See `Tenure`."""
        if app not in self.held and self.agent.knows(app):
            raise TenureError(f"application {app} is another replica's to work on")
        return self.held.get(app, "")

    # As a part of the daemon

    async def run(self) -> None:
        """Shares for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.membership.run())
            group.create_task(self._follow())

    async def leave(self) -> None:
        """gitopsd ends, and nothing is worked on any more: the others take over at once."""
        self.held.clear()
        await self.membership.leave()

    async def _follow(self) -> None:
        while True:
            with suppress(TimeoutError):  # a tenure ends without anybody's saying so
                async with asyncio.timeout(RENEWAL):
                    await self._called.wait()
            self._called.clear()
            await self._settle()

    def _move(self) -> None:
        """Applications pass from one to another: what was ordered of those that are not known here may be another's now."""
        self.agent.ordered.clear()
        self._moved = True
        self._called.set()

    def _changed(self, status: AppStatus) -> None:
        if status.app.key not in self._known:
            self._called.set()

    def _tell(self, watcher: Watcher, status: AppStatus) -> None:
        """How an application stands is known here only as long as it is ours."""
        if self.holds(status.app.key):
            watcher(status)

    async def _settle(self) -> None:
        """Makes what is held what the membership gives."""
        self._known = frozenset(status.app.key for status in self.agent.statuses())
        lost = [key for key in self.held if key not in self._known or not self.holds(key)]
        if lost:
            await self._release(lost)
        gained = [key for key in self._known if key not in self.held and self.membership.holds(key)]
        if gained or self._moved:
            await self._take(gained)
        if lost or gained:
            _log.info("shares applications", held=len(self.held), of=len(self._known), gained=len(gained), lost=len(lost))

    async def _release(self, lost: Collection[AppKey]) -> None:
        """Ends what is under way, and only then lets the membership say that it is another's."""
        for key in lost:
            del self.held[key]
        self._doubted.clear()
        ending = [task for key in lost for task in self.agent.abandon(key)]
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)
        for key in filter(self.agent.knows, lost):
            app = self.agent.find(str(key)).app
            self.agent.reconciler.forget(key)
            self.agent.reconciler.ports.cluster.release(app)
            self.agent.begin_anew(key, app.standing)
            self.let_go(key)
        self.membership.reconsider()

    async def _take(self, gained: Collection[AppKey]) -> None:
        """Takes applications up as the history has them: what their last holder began is closed, what people ordered holds.

        Some have no document any more, only the order to delete them: they come with the next scan.
        """
        if gained:
            self.distrust()
        self._moved = False
        try:
            for record in await self.history.interrupted(gained) if gained else ():
                _log.warning("a sync was interrupted", application=str(record.app), revision=record.revision)
            ordered = await self.history.standing()
        except GitopsdError as error:
            _log.warning("applications can't be taken up yet", count=len(gained), reason=str(error))
            self._moved = True  # and tried again in a moment
            return
        self._holds += 1
        unknown = {key: standing for key, standing in ordered.items() if not self.agent.knows(key)}
        self.agent.ordered = {key: standing for key, standing in unknown.items() if self.membership.holds(key)}
        self.agent.restatements += 1  # what came with an order, and is another's by now, goes
        for key in gained:
            if self.membership.holds(key) and self.agent.knows(key):
                self.held[key] = f"{self.membership.me.identity}.{self._holds}"
                self.agent.begin_anew(key, ordered.get(key, Standing()))

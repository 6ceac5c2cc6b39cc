"""Being one of several replicas: our own Lease, those of the others, and whether we may work on an application.

All is decided on the Leases as one watch shows them, our own among them: the server puts all changes into one order, so who sees
its own claim has seen all that was claimed before it. And a watch that is stuck does no harm: our renewals don't come back
through it, and we count ourselves dead.

Clocks are never compared. A Lease is that of a dead replica when it has not changed for its duration by *our* monotonic clock,
and we count ourselves alive for two seconds less than that, from when we *sent* the last renewal that came back to us.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

import structlog

from gitopsd.model.app import AppKey
from gitopsd.model.errors import GitopsdError, TenureError
from gitopsd.model.replicas import Lease, Mode, Roll, owner
from gitopsd.ports import Clock

DURATION = 10
"""Seconds after which a Lease that does not change is a dead one's."""
MARGIN = 2.0
"""Seconds before that in which its holder writes nothing any more."""
RENEWAL = 2.0
"""Seconds between two renewals."""
_PATIENCE = 4.0
"""Seconds that a renewal may take: the next one may get through."""

_Claim = tuple[tuple[str, ...], Mapping[AppKey, AppKey]]
"""Whom a replica reckons with, and what goes together: what it claims follows."""
_NOTHING: _Claim = ((), {})

_log = structlog.get_logger()


class LeasePort(Protocol):
    """The Leases of all replicas. Raises ObjectError and ClusterError."""

    def follow(self, on_change: Callable[[], None]) -> None:
        """Follows them from now on; `on_change` is told of every news."""

    def seen(self) -> tuple[Lease, ...]:
        """Those that there are, as the watch told of them: all as of one moment, our own too."""

    async def publish(self, lease: Lease) -> None:
        """Makes `lease` what its replica says; it holds when it is seen. An earlier one that is late does not overtake it."""

    async def withdraw(self, name: str) -> None:
        """Deletes a replica's Lease, if it is as it was seen last."""

    async def close(self) -> None:
        """Follows no longer."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """A version of a Lease, and when we saw it first."""

    lease: Lease
    since: float


def _none() -> Collection[AppKey]:
    return ()


@dataclass(slots=True)
class Membership:
    """Renews `me` among the replicas. `on_change` is told when somebody may have come, gone, claimed or let go.

    `busy` are the applications that we still work on: what was ours is claimed until that has ended.
    """

    me: Lease
    leases: LeasePort
    clock: Clock
    busy: Callable[[], Collection[AppKey]] = _none
    on_change: Callable[[], None] = lambda: None
    together: Callable[[], Mapping[AppKey, AppKey]] = dict
    """Which applications go where another one goes: see `Lease`."""
    roll: Roll = field(default_factory=Roll)
    """Who is alive."""
    _seen: dict[str, _Seen] = field(default_factory=dict)
    _sent: dict[str, float] = field(default_factory=dict)
    """Our renewals on their way, with when they were sent."""
    _until: float = float("-inf")
    """When our tenure ends."""
    _acquired: str = ""
    _asked: _Claim = _NOTHING
    """What the last renewal said."""
    _called: asyncio.Event = field(default_factory=asyncio.Event)
    _said: str = ""

    # What others ask

    def check(self) -> None:
        """See `gitopsd.ports.Tenure`."""
        if not self.alive:
            raise TenureError(f"replica {self.me.name} has not renewed its Lease in time: others may work on what was its own")

    def exclusion(self) -> str:
        """Why nothing may be worked on here; empty where it may."""
        return "" if self.alive else self._said or f"replica {self.me.name} has not renewed its Lease in time"

    @property
    def alive(self) -> bool:
        """Whether the others take us for alive."""
        return self.clock.monotonic() < self._until

    def holds(self, key: AppKey) -> bool:
        """Whether the application is ours to work on."""
        holder = self.roll.holder(key) if self.alive else None
        return holder is not None and holder.name == self.me.name and self._stays(key)

    def holder(self, key: AppKey) -> Lease | None:
        """Who has the application; None while it changes hands, or where we can't know."""
        return self.roll.holder(key) if self.alive else None

    def _stays(self, key: AppKey) -> bool:
        """Whether the application is still ours when all those who are there have been reckoned with."""
        return owner(self.together().get(key, key), self.roll.names, self.me.mode) == self.me.name

    # What happens

    async def run(self) -> None:
        """Renews for ever."""
        self.leases.follow(self.look)
        while True:
            self.look()
            await self._renew()
            self.look()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._pause()):
                    await self._called.wait()
            self._called.clear()

    async def leave(self) -> None:
        """The others need not wait until we are taken for dead. What is ours must have ended."""
        self._until = float("-inf")
        with suppress(GitopsdError, TimeoutError):
            async with asyncio.timeout(_PATIENCE):
                await self.leases.withdraw(self.me.name)
        await self.leases.close()

    def reconsider(self) -> None:
        """Something of ours has ended: what waited for it may be said."""
        if self._news:
            self._called.set()

    def _pause(self) -> float:
        """Seconds until the next renewal, or until somebody is dead, or we are."""
        now = self.clock.monotonic()
        ends = [seen.since + seen.lease.duration - now for seen in self._seen.values()] + [self._until - now]
        return max(0.05, min([RENEWAL, *(end for end in ends if end > 0)]))

    def look(self) -> None:
        """Takes in what the watch shows."""
        now, before = self.clock.monotonic(), (self.roll, self.alive)
        known, self._seen = self._seen, {}
        for lease in self.leases.seen():
            seen = known.get(lease.name)
            self._seen[lease.name] = seen if seen and seen.lease.revision == lease.revision else _Seen(lease, now)
        own = self._seen.get(self.me.name)
        if own and own.lease.identity == self.me.identity and (sent := self._sent.pop(own.lease.renewed, None)) is not None:
            self._sent = {renewed: when for renewed, when in self._sent.items() if when > sent}
            if self.alive or not self.busy():  # what is under way from an earlier life goes on in none
                self._until = max(self._until, sent + DURATION - MARGIN)
        alive = (seen.lease for seen in self._seen.values() if now < seen.since + seen.lease.duration)
        self.roll = Roll(tuple(sorted(alive, key=lambda lease: (lease.acquired, lease.name))))
        self._tell(before)

    def _tell(self, before: tuple[Roll, bool]) -> None:
        if self.roll.names != before[0].names or self.alive != before[1]:
            _log.info("replicas", alive=list(self.roll.names), tenure=self.alive)
        if _claims(self.roll) != _claims(before[0]) or self.alive != before[1]:
            self.on_change()
        if self._news:
            self._called.set()

    @property
    def _claim(self) -> _Claim:
        """What our Lease is to say: who is there, and what goes together, once nothing is worked on that is another's then.

        Who is not alive, or was not until now, claims nothing: the others first make room.
        """
        own = self._seen.get(self.me.name)
        if not self.alive or own is None:
            return _NOTHING
        if any(not self._stays(key) for key in self.busy()):
            return own.lease.reckons, own.lease.together
        return self.roll.names, self.together()

    @property
    def _news(self) -> bool:
        """Whether our Lease should say something else than when it was renewed last."""
        return self.alive and self._claim != self._asked

    def renewal(self) -> Lease | None:
        """What our Lease is to say now; None as long as another process holds the one of our name."""
        own = self._seen.get(self.me.name)
        if own and own.lease.identity != self.me.identity and own.lease in self.roll.leases:
            return None
        now = _wire(self.clock.now())
        transitions = own.lease.transitions if own else 0
        if own and own.lease.identity != self.me.identity:
            transitions += 1
        if not self.alive:
            self._acquired = now  # a leader that was away is none any more
        self._sent[now], self._asked = self.clock.monotonic(), self._claim
        reckons, together = self._asked
        return replace(
            self.me,
            reckons=reckons,
            together=together,
            acquired=self._acquired,
            renewed=now,
            duration=DURATION,
            transitions=transitions,
        )

    async def _renew(self) -> None:
        lease = self.renewal()
        if lease is None:
            self._say(f"the Lease of {self.me.name} is another process's: each replica needs a name of its own (replicas.name)")
            return
        try:
            async with asyncio.timeout(_PATIENCE):
                await self.leases.publish(lease)
                for name in self.dead():
                    await self.leases.withdraw(name)
        except GitopsdError as error:
            self._say(f"the Lease can't be renewed: {error}")
        except TimeoutError:
            self._say(f"the Lease can't be renewed: no answer within {_PATIENCE:g} s")
        else:
            self._say("")

    def dead(self) -> tuple[str, ...]:
        """Whose Leases we delete: who comes anew would have to wait until they are dead to it too."""
        return tuple(self._seen.keys() - set(self.roll.names)) if self.alive else ()

    def _say(self, problem: str) -> None:
        """Once each."""
        if problem != self._said:
            self._said = problem
            _log.warning("replica", problem=problem) if problem else _log.info("the Lease is renewed again")


def _claims(roll: Roll) -> list[tuple[str, Mode, _Claim]]:
    return [(lease.name, lease.mode, (lease.reckons, lease.together)) for lease in roll.leases]


def _wire(moment: datetime) -> str:
    """As Kubernetes writes a MicroTime."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")

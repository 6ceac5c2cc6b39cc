"""Replicas among each other: whatever is late, stopped or cut off, no application is worked on by two of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gitopsd.daemon.membership import DURATION, MARGIN, Membership
from gitopsd.model.app import AppKey
from gitopsd.model.errors import TenureError
from gitopsd.model.replicas import Lease, Mode
from tests.fakes_history import FakeClock

KEYS = tuple(AppKey("argocd", f"app-{number}") for number in range(12))
NAMES = ("a", "b", "c")
GROUPS: tuple[dict[AppKey, AppKey], ...] = ({}, dict.fromkeys(KEYS[:6], KEYS[0]), dict.fromkeys(KEYS[3:], KEYS[3]))
"""Which applications go together."""


@dataclass
class Server:
    """The API server: every change of a Lease, in one order. One without identity says that it was deleted."""

    log: list[Lease] = field(default_factory=list)

    def take(self, lease: Lease, over: int) -> int:
        """Takes a write over the version that it is for; gives the one that is there then, 0 where it came too late."""
        if over != revision(self.log, lease.name):
            return 0
        self.log.append(replace(lease, revision=str(len(self.log) + 1)))
        return len(self.log)


def revision(log: list[Lease], name: str) -> int:
    """The newest version of a Lease, 0 where there is none."""
    last = next((lease for lease in reversed(log) if lease.name == name), None)
    return int(last.revision) if last and last.identity else 0


@dataclass
class Watch:
    """A replica's view of them: what it was told so far (a `LeasePort`)."""

    server: Server
    told: int = 0
    written: int = 0

    def follow(self, on_change: Callable[[], None]) -> None:
        """Nobody asks: each test says when something is told."""

    def seen(self) -> tuple[Lease, ...]:
        """As of what was told."""
        newest = {lease.name: lease for lease in self.server.log[: self.told]}
        return tuple(lease for lease in newest.values() if lease.identity)

    def known(self, name: str) -> int:
        """The version that a write goes over."""
        return max(self.written, revision(self.server.log[: self.told], name))

    async def publish(self, lease: Lease) -> None:
        """At once."""
        self.written = self.server.take(lease, self.known(lease.name))

    async def withdraw(self, name: str) -> None:
        """At once, if it is as it was seen."""
        self.bury(name)

    def bury(self, name: str) -> None:
        """Deletes a Lease, where there is one."""
        for lease in (lease for lease in self.seen() if lease.name == name):
            self.server.take(replace(lease, identity="", reckons=()), int(lease.revision))

    async def close(self) -> None:
        """Nothing to end."""


class Replica:
    """One process, which works on what it holds until it settles."""

    def __init__(self, name: str, server: Server, clock: FakeClock, mode: Mode, identity: str = "1") -> None:
        self.watch, self.working = Watch(server), set[AppKey]()
        me = Lease(name, f"{name}_{identity}", mode, f"http://{name}")
        self.together: dict[AppKey, AppKey] = {}
        self.membership = Membership(me, self.watch, clock, busy=lambda: self.working, together=lambda: self.together)

    def told(self, count: int | None = None) -> None:
        """The watch tells of the next changes, or of all that there are."""
        log = len(self.watch.server.log)
        self.watch.told = log if count is None else min(log, self.watch.told + count)
        self.membership.look()

    def writes(self) -> set[AppKey]:
        """What it may write for just now."""
        return self.working if self.membership.alive else set()

    def settle(self) -> None:
        """Ends what it holds no longer, and takes up what it does."""
        self.working = {key for key in KEYS if self.membership.holds(key)}

    def renew(self) -> None:
        """Renews its Lease, and the server takes it."""
        if lease := self.membership.renewal():
            self.watch.written = self.watch.server.take(lease, self.watch.known(lease.name))

    def bury(self) -> None:
        """Deletes the Leases of the dead."""
        for name in self.membership.dead():
            self.watch.bury(name)


class Anything(RuleBasedStateMachine):
    """Renewals, news, time and work in any order: what is not drawn is a process that is stopped, or a network that is cut."""

    def __init__(self) -> None:
        super().__init__()
        self.clock, self.server = FakeClock(), Server()
        self.replicas = [Replica(name, self.server, self.clock, Mode.SHARDS) for name in NAMES]
        self.late: list[tuple[Lease, int]] = []

    @rule(which=st.integers(0, 2), late=st.booleans())
    def renew(self, which: int, late: bool) -> None:
        """A renewal is sent; the server takes it now, or much later."""
        replica = self.replicas[which]
        if late and (lease := replica.membership.renewal()):
            self.late.append((lease, replica.watch.known(lease.name)))
        else:
            replica.renew()

    @rule(which=st.integers(0, 10))
    def arrive(self, which: int) -> None:
        """One of the late ones arrives."""
        if self.late:
            self.server.take(*self.late.pop(which % len(self.late)))

    @rule(which=st.integers(0, 2), count=st.integers(1, 6))
    def told(self, which: int, count: int) -> None:
        """A watch tells of some changes."""
        self.replicas[which].told(count)

    @rule(which=st.integers(0, 2))
    def bury(self, which: int) -> None:
        """A replica deletes the Leases of those whom it takes for dead."""
        self.replicas[which].bury()

    @rule(seconds=st.sampled_from([0.5, 2.0, 5.0, 8.1, 11.0]))
    def wait(self, seconds: float) -> None:
        """Time passes, for all alike."""
        self.clock.advance(seconds)

    @rule(which=st.integers(0, 2), together=st.sampled_from(GROUPS))
    def regroup(self, which: int, together: dict[AppKey, AppKey]) -> None:
        """A replica reads documents by which others go together than before; the others may still have the old ones."""
        self.replicas[which].together = together

    @rule(which=st.integers(0, 2))
    def settle(self, which: int) -> None:
        """A replica ends and takes up what it is to."""
        self.replicas[which].settle()

    @rule(which=st.integers(0, 2), times=st.integers(1, 3), settles=st.booleans())
    def go(self, which: int, times: int, settles: bool) -> None:
        """For a replica all goes well for a moment; what it works on may take longer."""
        replica = self.replicas[which]
        for _ in range(times):
            replica.told()
            replica.renew()
            replica.told()
            if settles:
                replica.settle()

    @invariant()
    def no_two_work_on_one(self) -> None:
        """Nobody may write for what another one may write for."""
        writes = [key for replica in self.replicas for key in replica.writes()]
        assert len(writes) == len(set(writes))


Anything.TestCase.settings = settings(max_examples=150, stateful_step_count=60)
test_no_two_work_on_one_whatever_happens = Anything.TestCase


class Fleet:
    """Replicas for which all goes well, but for those that are left out."""

    def __init__(self, mode: Mode = Mode.SHARDS) -> None:
        self.clock, self.server = FakeClock(), Server()
        self.a, self.b, self.c = self.replicas = [Replica(name, self.server, self.clock, mode) for name in NAMES]

    def live(self, seconds: float, *replicas: Replica) -> None:
        """These renew, hear and work for so long."""
        for _ in range(int(seconds)):
            self.clock.advance(1.0)
            for _ in range(3):
                for replica in replicas:
                    replica.told()
                    replica.settle()
                    replica.renew()
                    replica.bury()

    def shares(self) -> list[set[AppKey]]:
        """What each works on."""
        return [set(replica.writes()) for replica in self.replicas]


def test_all_have_a_part() -> None:
    """Each application has one replica, each replica some applications."""
    fleet = Fleet()
    fleet.live(3, *fleet.replicas)
    shares = fleet.shares()
    assert all(shares)
    assert set.union(*shares) == set(KEYS)
    assert sum(map(len, shares)) == len(KEYS)


def test_who_dies_is_replaced_when_its_lease_is_over() -> None:
    """Not before, as it may still write; then by all others, whose own applications stay where they are."""
    fleet = Fleet()
    fleet.live(3, *fleet.replicas)
    before = fleet.shares()
    fleet.live(DURATION - 1, fleet.a, fleet.b)
    assert fleet.shares()[:2] == before[:2]
    fleet.live(3, fleet.a, fleet.b)
    after = fleet.shares()
    assert set.union(*after[:2]) == set(KEYS)
    assert all(mine >= was for mine, was in zip(after[:2], before[:2], strict=True))


def test_who_comes_after_a_death_need_not_wait() -> None:
    """The Lease of the dead one is gone: nothing is kept for it until it is dead to the new one too."""
    fleet = Fleet()
    fleet.live(3, *fleet.replicas)
    fleet.live(DURATION + 1, fleet.a, fleet.b)
    d = Replica("d", fleet.server, fleet.clock, Mode.SHARDS)
    fleet.live(1, fleet.a, fleet.b, d)
    assert d.membership.roll.names == ("a", "b", "d")
    assert {*fleet.a.writes(), *fleet.b.writes(), *d.writes()} == set(KEYS)
    assert all(replica.writes() for replica in (fleet.a, fleet.b, d))


def test_who_was_stopped_writes_nothing_when_it_wakes() -> None:
    """Its own clock says so before it hears anything; then it claims nothing until the others have made room."""
    fleet = Fleet()
    fleet.live(3, *fleet.replicas)
    fleet.live(DURATION + 3, fleet.a, fleet.b)
    with pytest.raises(TenureError, match="replica c has not renewed its Lease in time"):
        fleet.c.membership.check()
    assert fleet.c.membership.exclusion() == "replica c has not renewed its Lease in time"
    renewal = fleet.c.membership.renewal()
    assert renewal
    assert renewal.reckons == ()
    fleet.live(3, *fleet.replicas)
    fleet.c.membership.check()
    assert fleet.c.membership.exclusion() == ""
    assert all(fleet.shares())


def test_one_that_hears_nothing_counts_itself_dead() -> None:
    """Its renewals arrive, and its watch is stuck: that it sees nobody renew does not make the others dead."""
    fleet = Fleet()
    fleet.live(3, *fleet.replicas)
    for _ in range(DURATION):
        fleet.clock.advance(1.0)
        fleet.c.renew()
        fleet.c.membership.look()
        assert fleet.c.membership.alive is (fleet.clock.monotonic() < 3 + DURATION - MARGIN)


def test_a_leader_has_all_and_stays() -> None:
    """The others stand by; one of them takes over when it is gone, and keeps that when it is back."""
    fleet = Fleet(Mode.LEADER)
    fleet.live(2, fleet.a)
    fleet.live(2, *fleet.replicas)
    assert fleet.shares() == [set(KEYS), set(), set()]
    fleet.live(DURATION + 2, fleet.b, fleet.c)
    (leader,) = (share for share in fleet.shares() if share)
    assert leader == set(KEYS)
    before = fleet.shares()
    fleet.live(3, *fleet.replicas)
    assert fleet.shares() == before


def test_work_under_way_is_claimed_until_it_has_ended() -> None:
    """Who comes waits for it: the Lease goes on to say what it said."""
    fleet = Fleet()
    fleet.live(3, fleet.a)
    for replica in fleet.replicas * 3:
        replica.told()
        replica.renew()  # and nobody settles: the pass goes on
    assert fleet.shares() == [set(KEYS), set(), set()]
    assert not any(fleet.b.membership.holds(key) for key in KEYS)
    fleet.a.settle()
    assert fleet.a.membership.renewal()
    fleet.live(1, *fleet.replicas)
    assert all(fleet.shares())


def test_what_depends_on_each_other_stays_together() -> None:
    """One replica has all of it, also when it becomes so while they run."""
    fleet = Fleet()
    fleet.live(3, *fleet.replicas)
    for replica in fleet.replicas:
        replica.together = GROUPS[1]
    fleet.live(3, *fleet.replicas)
    assert sum(bool(share & set(KEYS[:6])) for share in fleet.shares()) == 1
    assert set.union(*fleet.shares()) == set(KEYS)


def test_two_processes_of_one_name() -> None:
    """The second says nothing as long as the first one lives, and takes its place afterwards."""
    fleet = Fleet()
    fleet.live(3, fleet.a)
    other = Replica("a", fleet.server, fleet.clock, Mode.SHARDS, identity="2")
    other.told()
    assert other.membership.renewal() is None
    fleet.clock.advance(DURATION)
    fleet.live(2, other)
    assert other.working == set(KEYS)
    assert fleet.server.log[-1].transitions == 1
    fleet.a.told()
    assert not fleet.a.membership.alive

"""One replica's share: what it may work on it works on, and on nothing else."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest

from gitopsd.config import app_document
from gitopsd.daemon.membership import Membership
from gitopsd.daemon.operations import OperationConflictError
from gitopsd.daemon.sharing import Sharing
from gitopsd.model.app import AppKey
from gitopsd.model.deletion import Deletion
from gitopsd.model.errors import TenureError
from gitopsd.model.record import Phase, SyncRecord, SyncStatus, Trigger, TriggerKind
from gitopsd.model.replicas import Lease, Mode, Roll
from gitopsd.model.standing import Deleted, Suspended
from tests.daemon.test_agent import MANUAL, Room, room
from tests.daemon.test_membership import Server, Watch

ME, OTHER = (Lease(name, f"{name}_1", Mode.LEADER) for name in ("me", "other"))


@dataclass
class Shared:
    """A room whose agent shares its application with another replica."""

    room: Room
    sharing: Sharing
    distrusted: list[str]
    let_go: list[AppKey] = field(default_factory=list)

    @property
    def key(self) -> AppKey:
        """The application."""
        return self.room.world.app.key

    async def falls_to(self, lease: Lease) -> None:
        """The replicas agree on who has everything."""
        first = (lease.name,)
        self.sharing.membership.roll = Roll(tuple(replace(one, reckons=first) for one in sorted((ME, OTHER), key=lease.__ne__)))
        self.sharing.membership.on_change()
        await self.sharing._settle()

    async def deleted(self, by: str) -> None:
        """The application is being taken away, by the history."""
        document = json.dumps(app_document(self.room.world.app))
        since = datetime(2026, 3, 1, tzinfo=UTC)
        await self.room.world.history.give(self.key, Deleted(by=by, since=since, propagation="foreground", document=document))


@contextlib.asynccontextmanager
async def shared(*, open_gate: bool = True) -> AsyncIterator[Shared]:
    """... who has nothing yet."""
    async with room(open_gate=open_gate, adopted=False) as found:
        membership = Membership(ME, Watch(Server()), found.world.clock)
        membership._until = 1e9
        distrusted: list[str] = []
        share = Shared(found, Sharing(membership, found.world.history, lambda: distrusted.append("all")), distrusted)
        share.sharing.among(found.agent, share.let_go.append)
        found.agent.adopt({found.world.app.key: found.world.app}, {})
        yield share


async def test_nothing_is_done_for_what_another_one_has() -> None:
    """No pass, whatever triggers it; a person's sync is refused, and nothing may be written for it."""
    async with shared() as share:
        await share.falls_to(OTHER)
        share.room.agent.trigger([share.key], TriggerKind.POLL)
        assert share.room.world.cluster.calls == []
        assert len(share.room.agent.queue) == 0
        with pytest.raises(OperationConflictError, match="passes from one replica to another"):
            share.room.agent.sync(share.key, MANUAL)
        with pytest.raises(TenureError, match="another replica's"):
            share.sharing.hold(share.key)
        assert share.sharing.hold(AppKey("argocd", "no-more")) == ""


async def test_what_is_taken_up_begins_where_the_other_one_was() -> None:
    """Its sync under way is closed, orders given to it hold, mirrors are asked anew, and the application is looked at."""
    async with shared() as share:
        world = share.room.world
        begun = await world.history.begin(SyncRecord(share.key, MANUAL, Phase.RUNNING, "", world.clock.now(), attempted=True))
        await world.history.give(share.key, Suspended(by="ann", since=datetime(2026, 3, 1, tzinfo=UTC)))
        await share.falls_to(ME)
        await share.room.quiet()
        closed = await world.history.get(begun.id)
        assert closed
        assert closed.phase is Phase.ERROR
        assert share.distrusted == ["all"]
        assert share.room.status.app.standing.suspended
        assert share.room.status.sync is SyncStatus.OUT_OF_SYNC
        assert share.sharing.hold(share.key) == "me_1.1"


async def test_what_is_let_go_of_is_ended_first() -> None:
    """The sync under way is ended between two writes, and only then is it anybody else's; nothing is known of it any more."""
    async with shared(open_gate=False) as share:
        await share.falls_to(ME)
        await share.room.writing()
        assert share.room.agent.busy() == {share.key}
        await share.falls_to(OTHER)
        assert share.room.agent.busy() == frozenset()
        assert share.let_go == [share.key]
        assert share.room.status.sync is SyncStatus.UNKNOWN
        assert ("release", None) in share.room.world.cluster.calls
        record = await share.room.world.history.get("1")
        assert record
        assert record.message == "terminated; the next sync goes on where it was"


async def test_a_deletion_is_gone_on_with_by_who_takes_over() -> None:
    """Its document may be gone: the order has it. Nobody else keeps anything of it."""
    async with shared() as share:
        agent, app = share.room.agent, share.room.world.app
        await share.falls_to(OTHER)
        assert agent.adopt({}, {}) == (share.key,)
        await share.deleted(by="")
        for lease, known in ((OTHER, ()), (ME, (share.key,)), (OTHER, ())):
            await share.falls_to(lease)
            agent.adopt({}, {})
            assert tuple(status.app.key for status in agent.statuses()) == known
        await share.falls_to(ME)
        agent.adopt({}, {})
        await share.sharing._settle()
        await share.room.quiet()
        assert share.room.status.app.deletion == Deletion(cascade=True, done=True)
        assert agent.adopt({}, {}) == (app.key,)


async def test_a_deletion_that_is_ordered_no_more_is_none() -> None:
    """Who takes over has what the history has, whatever was known before: deleted by a person, or there again."""
    async with shared() as share:
        await share.deleted(by="ann")
        await share.falls_to(ME)
        assert share.room.status.app.deletion == Deletion(cascade=True, by="ann")
        await share.falls_to(OTHER)
        await share.room.world.history.forget(share.key)
        await share.falls_to(ME)
        await share.room.quiet()
        assert share.room.status.app.deletion is None


async def test_who_has_lost_it_begins_no_sync() -> None:
    """A pass that goes on after a stop finds out right before it would sync: it leaves no trace anywhere."""
    async with shared() as share:
        await share.falls_to(ME)
        await share.room.quiet()
        assert share.room.agent._reason_to_wait(share.key) == ""
        share.sharing.membership._until = 0.0
        assert share.room.agent._reason_to_wait(share.key) == "waits for nothing: another replica works on it by now"


async def test_what_was_missed_in_between_is_looked_at() -> None:
    """A trigger that comes in a moment in which the application is nobody's, and then ours again, is not lost."""
    async with shared() as share:
        await share.falls_to(ME)
        await share.room.quiet()
        roll, share.sharing.membership.roll = share.sharing.membership.roll, Roll()
        share.room.world.git.push("c2")
        share.room.agent.trigger([share.key], TriggerKind.POLL)
        share.sharing.membership.roll = roll
        share.room.agent.look(share.key, Trigger(TriggerKind.WATCH))
        assert len(share.room.agent.queue) == 0, "not before it is known that nobody else has been at it"
        await share.sharing._settle()
        await share.room.quiet()
        assert share.room.status.revision == "c2"


async def test_the_end_hands_all_over() -> None:
    """Nothing is held any more when the Lease is given up."""
    async with shared() as share:
        await share.falls_to(ME)
        await share.sharing.leave()
        assert share.sharing.held == {}
        with pytest.raises(TenureError):
            share.sharing.check()

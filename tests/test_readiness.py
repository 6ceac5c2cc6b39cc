"""Readiness: the history can be written, not every cluster is out of reach, and other replicas know of this one."""

from __future__ import annotations

from datetime import UTC, datetime

from gitopsd.cluster.link import ClusterStatus
from gitopsd.model.errors import StorageError
from gitopsd.readiness import Readiness
from tests.fakes_history import FakeHistory

NOW = datetime(2026, 3, 1, tzinfo=UTC)


class Full(FakeHistory):
    """A history that can't be written."""

    async def check(self) -> None:
        raise StorageError("the disk is full")


def _cluster(name: str, *, up: bool) -> ClusterStatus:
    return ClusterStatus(name, connected=up, since=NOW, message="" if up else "connection refused")


async def _failing(history: FakeHistory, *clusters: ClusterStatus) -> dict[str, str]:
    checks = await Readiness(history, lambda: clusters).checks()
    return {check.name: check.message for check in checks if not check.ok}


async def test_all_is_well() -> None:
    """Also where no cluster is known yet."""
    assert await _failing(FakeHistory()) == {}
    assert await _failing(FakeHistory(), _cluster("west", up=True)) == {}


async def test_a_history_that_can_not_be_written() -> None:
    """Says why."""
    assert await _failing(Full(), _cluster("west", up=True)) == {"history": "the disk is full"}


async def test_one_dead_cluster_of_several_is_no_reason() -> None:
    """Its applications wait, the others go on; the last one that goes is a reason, and each is named."""
    assert await _failing(FakeHistory(), _cluster("west", up=True), _cluster("east", up=False)) == {}
    both = _cluster("west", up=False), _cluster("east", up=False)
    assert await _failing(FakeHistory(), *both) == {"cluster west": "connection refused", "cluster east": "connection refused"}


async def test_a_replica_that_may_do_nothing_is_not_ready() -> None:
    """Requests go to those that may; it says why it may not. Where there are no others, nothing is said of that."""
    fine = Readiness(FakeHistory(), tuple, lambda: "")
    left_out = Readiness(FakeHistory(), tuple, lambda: "the Lease of a is another's")
    assert [(check.name, check.ok) for check in await fine.checks()] == [("history", True), ("replica", True)]
    assert [check.message for check in await left_out.checks() if not check.ok] == ["the Lease of a is another's"]
    assert [check.name for check in await Readiness(FakeHistory(), tuple).checks()] == ["history"]

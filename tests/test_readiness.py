"""Readiness: the history can be written, and not every cluster is out of reach."""

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
    """Also where no cluster has been asked for yet."""
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

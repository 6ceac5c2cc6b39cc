"""A restart on a real API server: what was in sync is so without a request, what changed meanwhile is noticed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from gitopsd.model.refs import Object
from localcluster import LocalCluster
from tests.cluster.hands import patched
from tests.cluster.world import Heard, application, clusters, config_map, deployment, marked, secret, service, sync
from tests.fakes_history import FakeClock, FakeHistory

MEANWHILE: dict[str, tuple[Callable[[str], Object], Object]] = {
    "known without its content": (config_map, {"data": {"key": "hand"}}),
    "known by its values": (service, {"spec": {"selector": {"app": "hand"}}}),
}


@pytest.fixture
def book() -> FakeHistory:
    """What outlives the process."""
    return FakeHistory(FakeClock(datetime.now(UTC)))


async def test_a_restart_asks_nothing_of_what_is_in_sync(cluster: LocalCluster, book: FakeHistory, namespace: str) -> None:
    """Lists tell all that receipts need, also of ConfigMaps and Secrets, whose content nobody watches."""
    app, heard = application(namespace), Heard()
    manifests = (config_map(namespace, key="1"), secret(namespace, key="MQ=="), service(namespace), deployment(namespace))
    objects = [marked(app, manifest) for manifest in manifests]
    async with clusters(cluster, book=book) as before:
        await sync(before, app, *objects)
        await before.settle(app, frozenset(one.ref for one in objects), 30)
    async with clusters(cluster, heard, book=book) as after:
        assert (await sync(after, app, *objects)).trials == {}
    asked = [verb for verb, _ in heard.requests if verb not in ("discover", "watch")]
    assert asked == ["get", "get"]  # its version, and which one it is


@pytest.mark.parametrize("case", MEANWHILE)
async def test_what_changed_meanwhile_is_noticed(case: str, cluster: LocalCluster, book: FakeHistory, namespace: str) -> None:
    """The receipt is for what it was: a change made while nobody looked is judged by the server, and mended."""
    manifest, change = MEANWHILE[case]
    app = application(namespace)
    want = marked(app, manifest(namespace))
    async with clusters(cluster, book=book) as before:
        await sync(before, app, want)
    patched(cluster, want.ref, change)
    async with clusters(cluster, book=book) as after:
        assert not (await sync(after, app, want)).live[want.ref].in_sync
        assert (await sync(after, app, want)).live[want.ref].in_sync

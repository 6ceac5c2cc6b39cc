"""What a pass costs where nothing has changed: `python -m bench.passes`.

A local cluster, a repository, N applications of four objects each, synced once; then passes over all of them, in this process:
CPU seconds and requests to the API server. Prints a table.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from pathlib import Path

from bench.table import print_table
from gitopsd.config import load_config
from gitopsd.model.record import SyncStatus, Trigger, TriggerKind
from gitopsd.observe import configure_logging
from gitopsd.service import Service
from gitopsd.wiring import open_service
from localcluster import LocalCluster
from tests.cluster.applications import write_installation

ROUNDS = 5
SETTLE = 5.0
"""Seconds for what the install has set off in the cluster."""


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(prog="python -m bench.passes")
    parser.add_argument("--applications", type=int, default=100)
    count = parser.parse_args().applications
    configure_logging("error", "console")
    with tempfile.TemporaryDirectory() as folder, LocalCluster(Path(folder) / "cluster") as cluster:
        config = write_installation(Path(folder), cluster, count)
        rows = asyncio.run(_measured(config, count))
    print_table(("passes", "applications", "CPU ms", "ms each", "wall ms", "requests"), rows)


async def _measured(config: Path, count: int) -> list[tuple[object, ...]]:
    service = await open_service(load_config(config))
    try:
        await service.scan()
        rows = [await _passes("install", service, count)]
        # Watches open and statuses arrive meanwhile: what is measured is a pass after all that.
        await _passes("", service, count)
        await asyncio.sleep(SETTLE)
        return rows + [await _passes("nothing changed", service, count) for _ in range(ROUNDS)]
    finally:
        await service.close()


async def _passes(name: str, service: Service, count: int) -> tuple[object, ...]:
    apps = [status.app for status in service.agent.statuses()]
    asked, wall, cpu = _requests(service), time.perf_counter(), time.process_time()
    records = [await service.agent.reconciler.reconcile(app, Trigger(TriggerKind.WATCH)) for app in apps]
    cpu, wall = (time.process_time() - cpu) * 1000, (time.perf_counter() - wall) * 1000
    for record in records:
        if record.sync is not SyncStatus.SYNCED:
            raise SystemExit(f"{record.app} is {record.sync}: {record.message}")
    return (name, count, f"{cpu:.1f}", f"{cpu / count:.3f}", f"{wall:.1f}", _requests(service) - asked)


def _requests(service: Service) -> int:
    text, _ = service.control.metrics("")
    lines = (line for line in text.decode().splitlines() if line.startswith("gitopsd_api_requests_total{"))
    return int(sum(float(line.rpartition(" ")[2]) for line in lines if 'verb="watch"' not in line))


if __name__ == "__main__":
    main()

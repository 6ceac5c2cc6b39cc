"""What each application takes of memory: `python -m bench.memory`.

The daemon with its real parts (mirror, render children, history, queue, metrics), over a cluster that is only simulated, with N
applications of four objects: once all are synced, and after two commits that change all of them. Each N in a process of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from bench.fleet import NAMESPACE, Fleet, application
from bench.processes import cpu_seconds, memory, own_memory
from bench.table import print_table
from gitopsd.config import load_config
from gitopsd.model.record import SyncStatus
from gitopsd.observe import configure_logging
from gitopsd.service import Service
from gitopsd.wiring import open_service
from tests.gitrepo import Repo
from tests.simulated import SimulatedCluster

SIZES = (1000, 5000, 10000)
COMMITS = 3
"""The first installs; the second and third change every application: what is kept of earlier ones is there by then."""

_CONFIG = """\
apiVersion: gitopsd.dev/v1alpha1
kind: Config
storage: {history: 'sqlite:history.db', mirrors: mirrors}
clusters: [{name: simulated, kubeconfig: nowhere}]
applications: [{file: applications.yaml}]
"""
_HEADINGS = (
    "applications",
    "installed, KiB each",
    "changed twice, KiB each",
    "daemon, MiB",
    "all processes, MiB",
    "CPU, ms each",
)
_MIB = 1 << 20


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(prog="python -m bench.memory")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--only", type=int, help="measures this number of applications here, and prints JSON")
    options = parser.parse_args()
    if options.only is not None:
        configure_logging("error", "console")
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
            repo = prepared(options.only)
            print(json.dumps(asyncio.run(measured(repo, options.only))))
        return
    nothing, rows = _elsewhere(0)[0], []
    for size in options.sizes:
        installed, *_, changed = _elsewhere(size)
        each = ((taken["daemon"] - nothing["daemon"]) / size / 1024 for taken in (installed, changed))
        whole = (f"{taken / _MIB:.0f}" for taken in (changed["daemon"], changed["all"]))
        rows.append((f"{size:,}", *(f"{kib:.0f}" for kib in each), *whole, f"{changed['cpu'] / size / COMMITS * 1000:.1f}"))
    print_table(_HEADINGS, rows)


def _elsewhere(count: int) -> list[dict[str, float]]:
    """The figures of another process, where nothing is left of an earlier measure."""
    command = [sys.executable, "-m", "bench.memory", "--only", str(count)]
    found: list[dict[str, float]] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return found


def prepared(count: int) -> Repo:
    """The configuration in this folder, and the repository that its applications follow."""
    repo = Repo(Path("repository.git").absolute())
    Path("config.yaml").write_text(_CONFIG)
    documents = (application(f"app-{index}", repo.url, f"apps/{index}", "simulated") for index in range(count))
    Path("applications.yaml").write_text("---\n".join(documents))
    return repo


async def measured(repo: Repo, count: int) -> list[dict[str, float]]:
    """After each commit: bytes of the daemon and of all its processes, CPU seconds since the start."""
    service = await open_service(load_config(Path("config.yaml")))
    cluster = SimulatedCluster()
    cluster.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    reconciler = service.agent.reconciler
    reconciler.ports = replace(reconciler.ports, cluster=cluster)
    working = asyncio.create_task(service.agent.run())
    figures = []
    for value in range(COMMITS):
        commit = repo.commit(Fleet(count, value=str(value)).files())
        if value:
            await service.timers.poll(repo.url, force=True)
        else:
            await service.scan()
        await _synced(service, commit)
        gc.collect()
        own, whole = own_memory(os.getpid()).proportional, memory(os.getpid()).proportional
        figures.append({"daemon": own, "all": whole, "cpu": cpu_seconds(os.getpid())})
    working.cancel()
    await service.close()
    return figures


async def _synced(service: Service, commit: str) -> None:
    """Waits until every application is at the commit."""
    while not all(status.sync is SyncStatus.SYNCED and status.revision == commit for status in service.agent.statuses()):  # noqa: ASYNC110 - see below
        await asyncio.sleep(1)  # whoever was told of each change would be measured along


if __name__ == "__main__":
    main()

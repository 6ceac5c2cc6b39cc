"""One measure at a time: what it took, in seconds, CPU of every process, memory, and requests, as everybody counts them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from bench.bare import Bare
from bench.processes import Memory, Peaks, cpu_seconds
from localcluster.layout import COMPONENTS, Layout
from tests.cluster.daemon import Daemon

WRITES = ("APPLY", "PATCH", "POST", "PUT", "DELETE")
_QUIET_SECONDS, _QUIET_SHARE = 3.0, 0.02
"""The daemon has done its work when it took less than that share of a core for that long."""

_PATIENCE = 1800.0
_BLOCKED = "gitopsd_loop_blocked_seconds_count"


@dataclass(slots=True)
class Measure:
    """What one act took.

    `requests` are the API server's own counts for the four kinds, `sent` are the daemon's, watches aside.
    """

    name: str
    reach: str
    seconds: float = 0.0
    bare: float = 0.0
    """Seconds of the bare client for the same."""
    careful: float = 0.0
    """... with a dry run of each object before."""
    met: bool | None = None
    says: str = ""
    cpu: dict[str, float] = field(default_factory=dict)
    peak: dict[str, Memory] = field(default_factory=dict)
    requests: dict[str, int] = field(default_factory=dict)
    sent: int = 0
    blocked: float = 0.0
    """Turns of the daemon's event loop that took 50 ms or more."""

    @property
    def daemon_cpu(self) -> float:
        """CPU seconds of the daemon and its children."""
        return self.cpu["gitopsd"]

    @property
    def writes(self) -> int:
        """Requests that changed something."""
        return sum(count for verb, count in self.requests.items() if verb in WRITES)

    def conclude(self, says: str, *, met: bool) -> None:
        """The figure in words, and whether it reaches what it must."""
        self.says, self.met = says, met


@dataclass(slots=True)
class Gauges:
    """Looks at all parties from outside, so that looking costs the daemon nothing."""

    daemon: Daemon
    bare: Bare
    _read: int = 0

    @contextmanager
    def measured(self, measure: Measure, *, start: bool = False) -> Iterator[None]:
        """Fills in CPU, memory and requests of what happens in the block, the daemon's start before it included if so asked."""
        counted = self.bare.requests()
        if start:
            sent, blocked, before = 0, 0.0, self._cpu(self._neighbours())
            self.daemon.start()
        else:
            sent, blocked = self.daemon.requests(), self.counted(_BLOCKED)
            before = self._cpu(self._everybody())
        with Peaks(self._everybody()) as peaks:
            yield
            after = self._cpu(self._everybody())
        measure.cpu = {name: round(after[name] - before.get(name, 0.0), 3) for name in after}
        measure.peak = peaks.peaks
        measure.requests = dict(self.bare.requests() - counted)
        measure.sent = self.daemon.requests() - sent
        measure.blocked = self.counted(_BLOCKED) - blocked

    def _neighbours(self) -> dict[str, int]:
        layout = Layout(self.bare.cluster.folder)
        found = {name: layout.process(name).pid() for name in COMPONENTS}
        return {name: pid for name, pid in found.items() if pid}

    def _everybody(self) -> dict[str, int]:
        return {"gitopsd": self.daemon.pid, **self._neighbours()}

    @staticmethod
    def _cpu(pids: Mapping[str, int]) -> dict[str, float]:
        return {name: cpu_seconds(pid) for name, pid in pids.items()}

    def until_synced(self, revision: str, count: int, *, but: frozenset[str] = frozenset()) -> dict[str, float]:
        """Waits until `count` applications other than `but` were synced to the commit, as the log says; gives when each was.

        Times are of `time.monotonic`.
        """
        when: dict[str, float] = {}

        def all_synced() -> bool:
            for line in self.news():
                if (
                    line.get("event") == "sync"
                    and line["phase"] == "Succeeded"
                    and revision.startswith(line.get("revision", "-"))
                ):
                    when.setdefault(line["application"], time.monotonic())
            return len(when.keys() - but) >= count

        self.daemon.until(all_synced, lambda: f"{len(when)} of {count} are synced", seconds=_PATIENCE)
        return when

    def news(self) -> Iterator[Mapping[str, Any]]:
        """The lines that the log has got since it was asked last."""
        with self.daemon.log.open("rb") as log:
            log.seek(self._read)
            whole = log.read().rpartition(b"\n")[0]
        self._read += len(whole) + 1 if whole else 0
        yield from (json.loads(line) for line in whole.splitlines() if line.startswith(b"{"))

    def until_quiet(self) -> float:
        """Waits until the daemon has nothing to do; gives when that began, as `time.monotonic`."""
        cpu, since = cpu_seconds(self.daemon.pid), time.monotonic()

        def quiet() -> bool:
            nonlocal cpu, since
            now, used = time.monotonic(), cpu_seconds(self.daemon.pid)
            if used - cpu > _QUIET_SHARE * _QUIET_SECONDS:
                cpu, since = used, now
            return now - since >= _QUIET_SECONDS

        self.daemon.until(quiet, seconds=_PATIENCE)
        return since

    def counted(self, metric: str) -> float:
        """The sum over the series of one of the daemon's metrics."""
        lines = self.daemon.text("/metrics").splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith((f"{metric} ", f"{metric}{{")))

    def synced(self) -> int:
        """How many applications are Synced, as far as the daemon knows."""
        lines = self.daemon.text("/metrics").splitlines()
        return sum(1 for line in lines if line.startswith("gitopsd_application_info{") and 'sync_status="Synced"' in line)

    def until(self, condition: Callable[[], bool]) -> None:
        """Waits for something that is asked for twice a second: more often, asking would be what is measured."""
        while not condition():
            self.daemon.alive()
            time.sleep(0.5)

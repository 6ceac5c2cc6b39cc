"""A thousand applications on one machine: `python -m bench.scale`, with its table beside what it must reach.

The local cluster, a repository of N applications of four objects each, and the daemon as a process with a configuration like
config.example.yaml. What can be compared is compared with a bare client that does the same in the same run, in another namespace.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from functools import reduce
from pathlib import Path
from typing import Any

from bench.bare import Bare
from bench.fleet import NAMESPACE, RESOURCES, Fleet, application
from bench.hostile import BOMB, HOSTILE, Silence, bomb, kubeconfig
from bench.measuring import Gauges, Measure
from bench.processes import Memory
from bench.table import print_table
from gitopsd import __version__
from localcluster import LocalCluster
from tests.cluster.daemon import Daemon

QPS = 500
"""The controller-manager's allowance: its default of 20 requests a second would be at work for minutes after each measure."""

# What must be reached; ratios are of the bare client's time.
MOST_WRITING, MOST_HEALING, MOST_LATER = 1.6, 2.0, 1.1
COMMIT_CPU, COMMIT_SECONDS, COMMIT_REQUESTS = 0.5, 1.0, 3
IDLE_SHARE, POLL_SECONDS = 0.005, 48
"""... of a core; a poll each minute, give or take a fifth of it."""
RESTART_SECONDS, RESTART_CPU = 15, 10
MOST_MEMORY = 250
"""MiB."""

_BARE, _CAREFUL = "bare", "careful"
_MIB = 1 << 20


def main() -> None:
    """Measures, prints, and writes the JSON document."""
    parser = argparse.ArgumentParser(prog="python -m bench.scale")
    parser.add_argument("--applications", type=int, default=1000)
    parser.add_argument("--idle", type=float, default=180, help="seconds to watch it do nothing")
    parser.add_argument("--json", type=Path, default=Path(".bench/scale.json"), help="where the figures go")
    parser.add_argument("--profile", type=Path, help="where cProfile's statistics of the install go; it slows it down")
    options = parser.parse_args()
    _compile()
    with tempfile.TemporaryDirectory() as folder:
        cluster = LocalCluster(Path(folder) / "cluster")
        cluster.up(wait=True, bound=True, qps=QPS)
        try:
            with Scale(cluster, Path(folder) / "daemon", options.applications, options.idle).running(options.profile) as scale:
                measures = scale.profiled() if options.profile else scale.measures()
            version = cluster.api.get("/version")["gitVersion"]
        finally:
            cluster.down()
    print_table(("measure", "measured", "must reach", "reached"), [_row(measure) for measure in measures])
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(document(options.applications, version, measures), indent=1))


def _compile() -> None:
    """As pip installs it: with byte code, which a development environment may be without."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    subprocess.run([sys.executable, "-c", "import gitopsd.wiring"], check=True)


def document(applications: int, version: str, measures: list[Measure]) -> dict[str, Any]:
    """All figures, with what they were measured on."""
    return {
        "versions": {"gitopsd": __version__, "python": platform.python_version(), "kubernetes": version},
        "machine": {"cores": os.cpu_count(), "architecture": platform.machine(), "load": os.getloadavg()},
        "applications": applications,
        "measures": [asdict(measure) for measure in measures],
    }


def _row(measure: Measure) -> tuple[str, ...]:
    return measure.name, measure.says, measure.reach, "yes" if measure.met else "no"


@dataclass(slots=True)
class Scale:
    """The acts of the benchmark, in their order: each begins where the one before it has left off."""

    cluster: LocalCluster
    folder: Path
    count: int
    idle_seconds: float
    fleet: Fleet = field(init=False)
    bare: Bare = field(init=False)
    daemon: Daemon = field(init=False)
    gauges: Gauges = field(init=False)
    _silent: str = field(init=False)

    def __post_init__(self) -> None:
        self.fleet, self.bare = Fleet(self.count), Bare(self.cluster)

    @contextmanager
    def running(self, profile: Path | None = None) -> Iterator[Scale]:
        """Everything is prepared for it, up to the daemon, which is stopped afterwards."""
        for namespace in (NAMESPACE, _BARE, _CAREFUL):
            self.cluster.api.ensure("/api/v1/namespaces", {"metadata": {"name": namespace}})
        profiler = ("-m", "bench.profiled", str(profile.absolute())) if profile else ()
        self.daemon = Daemon(self.folder, self.cluster, "scale", "60s", (sys.executable, *profiler))
        self.gauges = Gauges(self.daemon, self.bare)
        with ExitStack() as stack:
            self._silent = stack.enter_context(Silence()).address
            stack.callback(self.daemon.kill, signal.SIGTERM if profile else signal.SIGKILL)
            config = self.daemon.folder / "config.yaml"
            access = kubeconfig(self.daemon.folder, self._silent)
            config.write_text(
                config.read_text().replace("clusters:\n", f"clusters:\n  - {{name: silent, kubeconfig: {access}}}\n")
            )
            self._declare(*(application(f"app-{index}", self.daemon.repo.url, f"apps/{index}") for index in range(self.count)))
            yield self

    def profiled(self) -> list[Measure]:
        """The install alone."""
        return [self.install()]

    def measures(self) -> list[Measure]:
        """All of them."""
        acts = (self.install, self.change_all, self.change_nothing, self.change_one, self.idle, self.drift, self.restart)
        done = []
        for act in acts:
            done.append(act())
            print(f"{done[-1].name}: {done[-1].says}", file=sys.stderr, flush=True)
        return [*done, _memory(done), self.hostile(done[1])]

    def install(self) -> Measure:
        """From nothing to all Synced, the start of the process included."""
        measure = Measure("install", "1.6 x the bare client")
        self._compare(measure)
        self._settle(_BARE, _CAREFUL)
        commit, begun = self._commit(), time.monotonic()
        with self.gauges.measured(measure, start=True):
            self._time(measure, begun, commit)
            self.gauges.until_quiet()
        return _compared(measure, MOST_WRITING)

    def change_all(self) -> Measure:
        """A commit that changes the ConfigMap of every application."""
        measure = Measure("a commit that changes all", "1.6 x the bare client")
        self.fleet = self.fleet.changed(value="2")
        self._settle(NAMESPACE)
        self._compare(measure, "configmaps")
        self._change(measure)
        return _compared(measure, MOST_WRITING)

    def change_nothing(self) -> Measure:
        """A commit that touches a file which no application reads."""
        measure = Measure("a commit that changes nothing rendered", "no request, 0.5 s of CPU")
        self.fleet = self.fleet.changed(note="Read me.\n")
        commit, passes = self._commit(), self.daemon.passes()
        with self.gauges.measured(measure):
            begun = time.monotonic()
            self._refresh()
            measure.seconds = self.gauges.until_quiet() - begun
        if self.daemon.passes() < passes + self.count:
            raise SystemExit(f"not every application was looked at after {commit}")
        says = f"{measure.sent} requests, {measure.daemon_cpu:.2f} s of CPU"
        measure.conclude(says, met=measure.sent == 0 and measure.daemon_cpu <= COMMIT_CPU)
        return measure

    def change_one(self) -> Measure:
        """A commit that changes one ConfigMap."""
        measure = Measure("a commit that changes one application", "1 s from the fetch, 0.5 s of CPU, 3 requests an object")
        self.fleet = self.fleet.changed(own={0: "own"})
        commit, lived = self._commit(), self.gauges.counted("gitopsd_commit_to_live_seconds_sum")
        with self.gauges.measured(measure):
            self._refresh()
            self.gauges.until_synced(commit, 1)
            self.gauges.until_quiet()
        measure.seconds = self.gauges.counted("gitopsd_commit_to_live_seconds_sum") - lived
        says = f"{measure.seconds:.2f} s, {measure.daemon_cpu:.2f} s of CPU, {measure.sent} requests"
        quick = measure.seconds <= COMMIT_SECONDS and measure.daemon_cpu <= COMMIT_CPU
        measure.conclude(says, met=quick and measure.sent <= COMMIT_REQUESTS)
        return measure

    def idle(self) -> Measure:
        """Nothing happens; the repository is polled each minute."""
        measure = Measure("idle at a 60 s poll", "0.5 % of a core, one ref request a poll")
        asked = self.gauges.counted("gitopsd_git_requests_total")
        with self.gauges.measured(measure):
            time.sleep(self.idle_seconds)
            measure.seconds = self.idle_seconds
        asked = self.gauges.counted("gitopsd_git_requests_total") - asked
        share = measure.daemon_cpu / measure.seconds
        says = f"{share:.2%} of a core, {asked:.0f} ref requests in {measure.seconds:.0f} s, {measure.sent} others"
        measure.conclude(says, met=share < IDLE_SHARE and asked <= measure.seconds / POLL_SECONDS + 1)
        return measure

    def drift(self) -> Measure:
        """A script changes a label of every object while the daemon is stopped, so that all of it comes at once."""
        measure = Measure(f"{4 * self.count} objects drift at once", "2 x the bare client")
        measure.bare = self.bare.patch(self._relabelled(_BARE, "green"))
        self._settle(_BARE, NAMESPACE)
        with self.gauges.measured(measure):
            os.kill(self.daemon.pid, signal.SIGSTOP)
            self.bare.patch(self._relabelled(NAMESPACE, "green"))
            os.kill(self.daemon.pid, signal.SIGCONT)
            begun = time.monotonic()
            self.gauges.until(lambda: not self._drifted())
            measure.seconds = time.monotonic() - begun
        return _compared(measure, MOST_HEALING)

    def restart(self) -> Measure:
        """The daemon ends and starts again, with everything in sync."""
        measure = Measure("restart in sync", "15 s, no write, 10 s of CPU")
        self.gauges.until_quiet()
        self.daemon.kill(signal.SIGTERM)
        begun = time.monotonic()
        with self.gauges.measured(measure, start=True):
            self.gauges.until(lambda: self.gauges.synced() == self.count)
            measure.seconds = time.monotonic() - begun
            self.gauges.until_quiet()
        quick = measure.seconds <= RESTART_SECONDS and measure.daemon_cpu <= RESTART_CPU
        says = f"{measure.seconds:.1f} s, {measure.writes} writes, {measure.daemon_cpu:.1f} s of CPU"
        measure.conclude(says, met=quick and measure.writes == 0)
        return measure

    def hostile(self, alone: Measure) -> Measure:
        """The commit that changes all once more, beside a silent repository, a silent cluster and a bomb of YAML."""
        measure = Measure("hostile ones among them", "the others at most 10 % later", bare=alone.seconds)
        url = self.daemon.repo.url
        self._declare(
            application("silent-repository", f"http://{self._silent}/silent.git", "apps/0"),
            application("silent-cluster", url, "apps/0", cluster="silent"),
            application("bomb", url, BOMB),
        )
        self.fleet = self.fleet.changed(value="3", own={}, more={f"{BOMB}/kustomization.yaml": bomb()})
        self._change(measure)
        return _compared(measure, MOST_LATER, "the same commit without them")

    # --- parts of acts

    def _compare(self, measure: Measure, *resources: str) -> None:
        """What the bare client takes for the same objects, each time of its own."""
        measure.bare = self.bare.apply(self.fleet.bodies(_BARE, *resources))
        self._settle(_BARE)
        measure.careful = self.bare.apply(self.fleet.bodies(_CAREFUL, *resources), careful=True)

    def _change(self, measure: Measure) -> None:
        commit = self._commit()
        self.gauges.until_quiet()
        with self.gauges.measured(measure):
            begun = time.monotonic()
            self._refresh()
            self._time(measure, begun, commit)

    def _time(self, measure: Measure, begun: float, commit: str) -> None:
        when = self.gauges.until_synced(commit, self.count, but=HOSTILE)
        measure.seconds = max(when[name] for name in when.keys() - HOSTILE) - begun

    def _commit(self) -> str:
        return self.daemon.repo.commit(self.fleet.files())

    def _refresh(self) -> None:
        self.daemon.text("/api/v1/applications/app-0/refresh", method="POST")

    def _declare(self, *documents: str) -> None:
        file = self.daemon.folder / "apps" / f"{len(documents)}.yaml"
        file.write_text("---\n".join(documents))

    def _relabelled(self, namespace: str, team: str) -> Iterator[tuple[str, dict[str, Any]]]:
        return ((path, {"metadata": {"labels": {"team": team}}}) for path, _ in self.fleet.bodies(namespace))

    def _drifted(self) -> bool:
        """Whether an object of any kind is still as the script left it: one is enough to know, and costs the server little."""
        paths = (path.format(NAMESPACE) for path in RESOURCES.values())
        return any(self.cluster.api.get(f"{path}?labelSelector=team%3Dgreen&limit=1")["items"] for path in paths)

    def _settle(self, *namespaces: str) -> None:
        """Until the controllers have dealt with every Deployment, so that they are at work in no measure of ours."""
        for namespace in namespaces:
            while not all(_observed(one) for one in self.cluster.api.get(RESOURCES["deployments"].format(namespace))["items"]):
                time.sleep(1)


def _memory(done: Iterable[Measure]) -> Measure:
    """At its peak; what the processes share counts once."""
    measure = Measure("resident memory, all processes of the daemon", "at most 250 MiB")
    peak = reduce(Memory.or_more, (one.peak["gitopsd"] for one in done))
    shared, single = peak.proportional // _MIB, peak.resident // _MIB
    measure.conclude(f"{shared} MiB at its peak; {single} MiB where shared pages count for each", met=shared <= MOST_MEMORY)
    return measure


def _observed(deployment: dict[str, Any]) -> bool:
    return bool(deployment["status"].get("observedGeneration") == deployment["metadata"]["generation"])


def _compared(measure: Measure, most: float, beside: str = "the bare client") -> Measure:
    ratio = measure.seconds / measure.bare
    with_dry_runs = (
        f", {measure.careful:.1f} s with dry runs: {measure.seconds / measure.careful:.2f} x" if measure.careful else ""
    )
    what = (
        f"{measure.seconds:.1f} s, {beside} {measure.bare:.1f} s: {ratio:.2f} x{with_dry_runs}; {measure.daemon_cpu:.1f} s of CPU"
    )
    measure.conclude(what, met=ratio <= most)
    return measure


if __name__ == "__main__":
    main()

"""Watches: thirty kinds in each of three clusters. `python -m bench.watches` prints what they cost; the servers count them.

Ten applications a cluster, of three kinds each, so that no two need the same. The clusters are etcd and API server alone, all of
them on this machine.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.bare import Bare
from bench.fleet import NAMESPACE, application
from bench.processes import cpu_seconds, memory
from bench.table import print_table
from localcluster import LocalCluster
from tests.cluster.daemon import Daemon

_PLACES = ("east", "west", "north")
_APPLICATIONS, _EACH = 10, 3
"""... in a cluster, and kinds of each application."""
_OBJECTS = 5
"""... of each kind."""
_GROUP = "bench.gitopsd.dev"
_BUILT_IN: dict[str, tuple[str, dict[str, Any]]] = {
    "ConfigMap": ("v1", {"data": {"k": "v"}}),
    "Secret": ("v1", {"data": {"k": "djE="}}),
    "ServiceAccount": ("v1", {}),
    "Service": ("v1", {"spec": {"ports": [{"port": 80}]}}),
    "LimitRange": ("v1", {"spec": {"limits": [{"type": "Pod", "max": {"cpu": "4"}}]}}),
    "Role": ("rbac.authorization.k8s.io/v1", {"rules": []}),
    "Lease": ("coordination.k8s.io/v1", {"spec": {"holderIdentity": "nobody"}}),
    "NetworkPolicy": ("networking.k8s.io/v1", {"spec": {"podSelector": {}}}),
    "PodDisruptionBudget": ("policy/v1", {"spec": {"maxUnavailable": 1}}),
    "ResourceQuota": ("v1", {"spec": {"hard": {"pods": "100"}}}),
}
"""apiVersion and fields of an object, by kind; the other kinds are custom ones."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One of the thirty."""

    name: str
    api_version: str
    fields: Mapping[str, Any]

    @property
    def path(self) -> str:
        """Its collection."""
        root = "/api" if "/" not in self.api_version else "/apis"
        plural = f"{self.name[:-1].lower()}ies" if self.name.endswith("y") else f"{self.name.lower()}s"
        return f"{root}/{self.api_version}/namespaces/{NAMESPACE}/{plural}"

    def objects(self) -> Iterator[dict[str, Any]]:
        """What Git holds of it."""
        for number in range(_OBJECTS):
            yield {"apiVersion": self.api_version, "kind": self.name, "metadata": {"name": f"o-{number}"}, **self.fields}


def kinds() -> list[Kind]:
    """Built-in ones, and as many custom ones as are missing."""
    built_in = [Kind(name, api_version, fields) for name, (api_version, fields) in _BUILT_IN.items()]
    custom = [
        Kind(f"Gadget{number}x", f"{_GROUP}/v1", {"spec": {"k": "v"}}) for number in range(_APPLICATIONS * _EACH - len(built_in))
    ]
    return built_in + custom


def definition(kind: Kind) -> dict[str, Any]:
    """The CustomResourceDefinition of a kind."""
    plural = kind.path.rpartition("/")[2]
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{_GROUP}"},
        "spec": {
            "group": _GROUP,
            "scope": "Namespaced",
            "names": {"kind": kind.name, "plural": plural},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}],
        },
    }


@dataclass(slots=True)
class Watches:
    """The daemon, and the clusters by their names."""

    daemon: Daemon
    clusters: Mapping[str, LocalCluster]
    kinds: list[Kind] = field(default_factory=kinds)
    _rows: list[tuple[object, ...]] = field(default_factory=list)
    _before: Mapping[str, int] = field(default_factory=dict)
    """The watches of the servers themselves."""
    _full: Mapping[str, int] = field(default_factory=dict)
    """... and those that are open when all applications are in sync."""

    def prepare(self) -> None:
        """Definitions in the clusters, documents in Git, and what the servers watch by themselves."""
        for cluster in self.clusters.values():
            cluster.api.ensure("/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
            for kind in self.kinds:
                if kind.api_version.startswith(_GROUP):
                    cluster.api.create("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition(kind))
        tree = {}
        for number in range(_APPLICATIONS):
            own = self.kinds[number * _EACH : (number + 1) * _EACH]
            tree[f"apps/{number}/all.json"] = json.dumps(
                {"apiVersion": "v1", "kind": "List", "items": [o for k in own for o in k.objects()]}
            )
        self.daemon.repo.commit(tree)
        for name in self._names():
            place, _, index = name.partition("-")
            text = application(name, self.daemon.repo.url, f"apps/{index}", place)
            (self.daemon.folder / "apps" / f"{name}.yaml").write_text(text)
        self._before = self.open()

    def _names(self) -> list[str]:
        return [f"{place}-{number}" for place in self.clusters for number in range(_APPLICATIONS)]

    def open(self) -> dict[str, int]:
        """The watches that are open just now, by cluster, as its server counts them."""
        return {name: _sum(cluster, "apiserver_longrunning_requests{", 'verb="WATCH"') for name, cluster in self.clusters.items()}

    def measured(self, what: str, act: Callable[[], object], *, start: bool = False) -> None:
        """A row of the table: what an act took, the start of the daemon with it if so asked."""
        sent, used = (0, 0.0) if start else (self.daemon.requests(), cpu_seconds(self.daemon.pid))
        begun = time.perf_counter()
        if start:
            self.daemon.start()
        act()
        seconds, cpu = time.perf_counter() - begun, cpu_seconds(self.daemon.pid) - used
        watches = {name: count - self._before[name] for name, count in self.open().items()}
        taken = memory(self.daemon.pid).proportional >> 20
        row = (
            what,
            f"{seconds:.1f}",
            f"{cpu:.2f}",
            self.daemon.requests() - sent,
            " + ".join(map(str, watches.values())),
            taken,
        )
        self._rows.append(row)

    def run(self, idle: float, rounds: int) -> None:
        """All acts, in their order."""
        self.measured("start, and 450 objects made", self._until_synced, start=True)
        self.daemon.kill()
        self.measured("start, in sync", self._until_synced, start=True)
        time.sleep(5)  # what a start leaves to do
        self._full = self.open()
        self.measured(f"idle for {idle:.0f} s", lambda: time.sleep(idle))
        self.measured(f"{rounds * 450:,} changes by others", lambda: self._change(rounds))
        self.measured("7 of 10 applications leave", lambda: self._leave(range(3, _APPLICATIONS), 3 * _EACH))
        self.measured("the others leave", lambda: self._leave(range(3), 0))
        print_table(("act", "seconds", "CPU, s", "requests", "watches", "MiB"), self._rows)

    def _until_synced(self) -> None:
        names = set(self._names())

        def synced() -> bool:
            time.sleep(0.5)  # asking costs the daemon too
            items = self.daemon.get(f"/api/v1/applications?limit={len(names)}")["items"]
            return {app["name"] for app in items if app["sync"]["status"] == "Synced" and not app["conditions"]} == names

        self.daemon.until(synced, lambda: str([app["conditions"] for app in self.daemon.get("/api/v1/applications")["items"]]))

    def _change(self, rounds: int) -> None:
        """A script writes a label on every object; then the daemon is given a moment."""
        for number in range(rounds):
            body = {"metadata": {"labels": {"touched": str(number)}}}
            for cluster in self.clusters.values():
                Bare(cluster).patch((f"{kind.path}/{o['metadata']['name']}", body) for kind in self.kinds for o in kind.objects())
        time.sleep(2)

    def _leave(self, numbers: range, left: int) -> None:
        """Their documents are taken away, and their watches with them."""
        for place in self.clusters:
            for number in numbers:
                (self.daemon.folder / "apps" / f"{place}-{number}.yaml").unlink()
        closed = len(self.kinds) - left
        wanted = {name: count - closed for name, count in self._full.items()}
        self.daemon.until(lambda: self.open() == wanted, lambda: f"{self.open()} are open, not {wanted}", seconds=60)


def _sum(cluster: LocalCluster, *signs: str) -> int:
    lines = (line for line in Bare(cluster).metrics() if all(sign in line for sign in signs))
    return sum(int(float(line.rpartition(" ")[2])) for line in lines)


def main() -> None:
    """Boots the clusters, measures, prints."""
    parser = argparse.ArgumentParser(prog="python -m bench.watches")
    parser.add_argument("--idle", type=float, default=60, help="seconds to watch it do nothing")
    parser.add_argument("--rounds", type=int, default=4, help="how often all objects are changed")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        clusters = {}
        for place in _PLACES:
            clusters[place] = cluster = LocalCluster(folder / place)
            stack.callback(cluster.down)
            cluster.up(controllers=False, bound=True)
        daemon = Daemon(folder / "daemon", clusters["east"], "watches", "60s")
        stack.callback(daemon.kill)
        named = "".join(f"  - {{name: {name}, kubeconfig: {cluster.kubeconfig}}}\n" for name, cluster in clusters.items())
        config = daemon.folder / "config.yaml"
        head, _, tail = config.read_text().partition("clusters:\n")
        config.write_text(f"{head}clusters:\n{named}{tail[tail.index('applications:') :]}")
        watches = Watches(daemon, clusters)
        watches.prepare()
        watches.run(options.idle, options.rounds)


if __name__ == "__main__":
    main()

"""Rendering, ours against kustomize's: `python -m bench.render`.

    python -m bench.render [--sizes 500 1000] [--ours 4000 10000] [--each 20]

One overlay with prefix, namespace, labels and images over workloads with references; and a small one of three layers, cold as a
command and warm in the daemon. Prints tables with the machine and the versions. Each run is a whole process, as a person or
a hook would start it; peak memory is that process's own. kustomize takes minutes for 4,000 objects: `--sizes 4000` has it.
Nothing here is asserted: what it costs says something about the machine too.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from bench.table import print_table
from gitopsd.children import Pool
from gitopsd.model.app import App, AppKey, AppSpec, Destination, Source
from gitopsd.model.errors import SourceError
from gitopsd.model.source import Commit, Snapshot
from gitopsd.model.surface import Surface
from gitopsd.model.tree import DictTree
from gitopsd.renderer import Renderer

KUSTOMIZATION = """\
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namePrefix: prod-
namespace: shop
commonLabels: {team: checkout}
labels: [{pairs: {tier: backend}, includeTemplates: true}]
images:
- {name: registry.example/app, newTag: v2}
- {name: registry.example/sidecar, newName: mirror.example/sidecar, newTag: "1.5"}
resources: [../base]
"""

WORKLOAD = """\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: app-{n}, labels: {{app: app-{n}}}}}
spec:
  replicas: 2
  selector: {{matchLabels: {{app: app-{n}}}}}
  template:
    metadata: {{labels: {{app: app-{n}}}}}
    spec:
      serviceAccountName: account-{r}
      containers:
      - name: app
        image: registry.example/app:v1
        env:
        - {{name: MODE, valueFrom: {{configMapKeyRef: {{name: config-{r}, key: mode}}}}}}
        - {{name: TOKEN, valueFrom: {{secretKeyRef: {{name: secret-{r}, key: token}}}}}}
        ports: [{{containerPort: 8080}}]
        resources: {{requests: {{cpu: 100m, memory: 64Mi}}, limits: {{memory: 128Mi}}}}
        volumeMounts: [{{name: data, mountPath: /data}}]
      - name: sidecar
        image: registry.example/sidecar:1.0
      volumes:
      - {{name: data, persistentVolumeClaim: {{claimName: claim-{r}}}}}
      - {{name: conf, configMap: {{name: config-{r}}}}}
"""

REFERRED = """\
apiVersion: v1
kind: ConfigMap
metadata: {{name: config-{r}}}
data: {{mode: fast}}
---
apiVersion: v1
kind: Secret
metadata: {{name: secret-{r}}}
data: {{token: c2VjcmV0}}
---
apiVersion: v1
kind: ServiceAccount
metadata: {{name: account-{r}}}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {{name: claim-{r}}}
spec: {{accessModes: [ReadWriteOnce], resources: {{requests: {{storage: 1Gi}}}}}}
"""


@dataclass(frozen=True, slots=True)
class Run:
    """One process: seconds it took, of the clock and of the processors, and its peak memory in MiB."""

    seconds: float
    cpu: float
    peak: float


def write_repository(folder: Path, objects: int, each: int) -> Path:
    """A base of `objects` objects, `each` workloads to one set of what they refer to, and an overlay; the overlay's folder."""
    base, overlay = folder / "base", folder / "overlay"
    base.mkdir(parents=True)
    overlay.mkdir()
    groups = max(1, objects // (each + 4))
    workloads = [WORKLOAD.format(n=number, r=number % groups) for number in range(objects - 4 * groups)]
    referred = [REFERRED.format(r=number) for number in range(groups)]
    (base / "all.yaml").write_text("---\n".join(workloads + referred))
    (base / "kustomization.yaml").write_text("resources: [all.yaml]\n")
    (overlay / "kustomization.yaml").write_text(KUSTOMIZATION)
    return overlay


def run(command: list[str]) -> Run:
    """Runs a process to its end; raises if it fails."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return Run(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def compare(kubectl: str, sizes: list[int], ours_only: list[int], each: int) -> list[tuple[object, ...]]:
    """Rows for overlays of some sizes; kustomize's part is empty for `ours_only`."""
    rows: list[tuple[object, ...]] = []
    for size in sorted({*sizes, *ours_only}):
        with tempfile.TemporaryDirectory() as scratch:
            overlay = write_repository(Path(scratch) / "repo", size, each)
            ours = min((run(_command(overlay)) for _ in range(3)), key=lambda one: one.seconds)
            theirs = run([kubectl, "kustomize", str(overlay)]) if size in sizes else None
        row = (size, f"{ours.seconds:.2f}", f"{ours.cpu:.2f}", f"{ours.peak:.0f}")
        if theirs is None:
            rows.append((*row, "", "", "", "", ""))
            continue
        faster, cheaper = theirs.seconds / ours.seconds, theirs.cpu / ours.cpu
        rows.append((*row, f"{theirs.seconds:.2f}", f"{theirs.cpu:.2f}", f"{theirs.peak:.0f}", f"{faster:.1f}", f"{cheaper:.1f}"))
    return rows


def start(kubectl: str) -> list[tuple[object, ...]]:
    """A row for a small overlay: the best of forty cold starts of each, by turns, and of twenty renders in a warm daemon."""
    with tempfile.TemporaryDirectory() as scratch:
        overlay = write_small(Path(scratch))
        commands = _command(overlay), [kubectl, "kustomize", str(overlay)]
        ours, theirs = zip(*(tuple(map(run, commands)) for _ in range(40)), strict=True)
        files = {str(file.relative_to(scratch)): file.read_bytes() for file in Path(scratch).rglob("*.yaml")}
        warm = asyncio.run(_warm(files))
    cold = [f"{1000 * min(one.seconds for one in runs):.0f}" for runs in (ours, theirs)]
    cpu = [f"{1000 * min(one.cpu for one in runs):.0f}" for runs in (ours, theirs)]
    return [(cold[0], cpu[0], cold[1], cpu[1], f"{1000 * warm:.1f}")]


def _command(folder: Path) -> list[str]:
    return [sys.executable, "-m", "gitopsd", "render", str(folder)]


def write_small(folder: Path) -> Path:
    """Twenty objects, three layers; the top one."""
    layers = {
        "base": "resources: [all.yaml]\n",
        "middle": "namePrefix: m-\nlabels: [{pairs: {tier: x}, includeTemplates: true}]\nresources: [../base]\n",
        "top": KUSTOMIZATION.replace("../base", "../middle"),
    }
    for name, text in layers.items():
        (folder / name).mkdir()
        (folder / name / "kustomization.yaml").write_text(text)
    workloads = [WORKLOAD.format(n=number, r=number % 2) for number in range(12)]
    (folder / "base/all.yaml").write_text("---\n".join(workloads + [REFERRED.format(r=number) for number in range(2)]))
    return folder / "top"


async def _warm(files: dict[str, bytes]) -> float:
    """Seconds of one render in a child that knows the base, of commits that each change the overlay."""
    app = App(AppKey("argocd", "small"), AppSpec(destination=Destination(), source=Source("repo", "top")))
    pool, seconds = Pool("render", size=1), []
    renderer = Renderer(pool, _nothing_elsewhere)
    try:
        for number in range(20):
            files["top/kustomization.yaml"] += b"# another commit\n"
            snapshot = Snapshot("repo", Commit(str(number)), DictTree(files))
            begun = time.perf_counter()
            await renderer.render(app, (snapshot,), Surface("", "", {}))
            seconds.append(time.perf_counter() - begun)
    finally:
        await pool.aclose()
    return min(seconds)


async def _nothing_elsewhere(need: object) -> Snapshot:
    raise SourceError(f"nothing here needs {need}", "")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="*", default=[500, 1000], help="objects, for both")
    parser.add_argument("--ours", type=int, nargs="*", default=[4000, 10000], help="objects, for gitopsd only")
    parser.add_argument("--each", type=int, default=20, help="workloads to one set of what they refer to")
    arguments = parser.parse_args()
    kubectl = str(Path(sys.executable).with_name("kubectl"))
    version = subprocess.run([kubectl, "version", "--client"], check=True, capture_output=True, text=True).stdout
    print(f"{platform.machine()}, {os.cpu_count()} CPUs, Python {platform.python_version()}, {' '.join(version.split())}\n")
    rows = compare(kubectl, arguments.sizes, arguments.ours, arguments.each)
    print_table(("objects", "gitopsd s", "CPU s", "MiB", "kustomize s", "CPU s", "MiB", "times faster", "times less CPU"), rows)
    print()
    print_table(("cold ms", "CPU ms", "kustomize cold ms", "CPU ms", "warm in the daemon ms"), start(kubectl))


if __name__ == "__main__":
    main()

"""Rendering, ours against kustomize's: one overlay with prefix, namespace, labels and images over workloads with references.

    python bench/render.py [--sizes 500 1000 2000] [--ours 4000 10000] [--each 20]

Prints a table with the machine and the versions. Each run is a whole process, as a person or a hook would start it; peak
memory is that process's own. Nothing here is asserted: what it costs says something about the machine too.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

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
    """One process: seconds it took, and its peak memory in MiB."""

    seconds: float
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
    return Run(seconds, usage.ru_maxrss / 1024)


def render_here(folder: Path) -> None:
    """Ours, without the command line around it (`--child`): JSON lines to standard output."""
    from gitopsd.render.kustomize.build import build  # noqa: PLC0415 - the parent process has no use for the engine
    from gitopsd.source.folder import FolderTree  # noqa: PLC0415

    started = time.process_time()
    objects = build(FolderTree(folder.parent), folder.name)
    print(f"engine: {time.process_time() - started:.3f} s CPU, {len(objects)} objects", file=sys.stderr)
    for obj in objects:
        sys.stdout.write(json.dumps(obj) + "\n")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak: {peak:.0f} MiB", file=sys.stderr)


def table(sizes: list[int], ours_only: list[int], each: int) -> None:
    """Measures and prints."""
    kubectl = shutil.which("kubectl", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} CPUs, Python {platform.python_version()}")
    if kubectl:
        print(subprocess.run([kubectl, "version", "--client"], check=False, capture_output=True, text=True).stdout.strip())
    print(f"\n{'objects':>8} {'gitopsd s':>10} {'MiB':>6} {'kustomize s':>12} {'MiB':>6} {'times faster':>13}")
    for size in sorted({*sizes, *ours_only}):
        with tempfile.TemporaryDirectory() as scratch:
            overlay = write_repository(Path(scratch) / "repo", size, each)
            ours = run([sys.executable, "-m", "gitopsd", "render", str(overlay)])
            theirs = run([kubectl, "kustomize", str(overlay)]) if kubectl and size in sizes else None
        compared = f"{theirs.seconds:>12.2f} {theirs.peak:>6.0f} {theirs.seconds / ours.seconds:>13.1f}" if theirs else ""
        print(f"{size:>8} {ours.seconds:>10.2f} {ours.peak:>6.0f} {compared}", flush=True)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="*", default=[500, 1000, 2000], help="objects, for both")
    parser.add_argument("--ours", type=int, nargs="*", default=[4000, 10000], help="objects, for gitopsd only")
    parser.add_argument("--each", type=int, default=20, help="workloads to one set of what they refer to")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        render_here(arguments.child)
    else:
        table(arguments.sizes, arguments.ours, arguments.each)


if __name__ == "__main__":
    main()

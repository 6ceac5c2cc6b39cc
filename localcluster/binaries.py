"""Where binaries come from: the first of three places that has them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from localcluster import builder
from localcluster.progress import Progress
from localcluster.recipes import CONTROL_PLANE, NEIGHBOURS, Kit


def _assets() -> Path | None:
    """The folder that Kubernetes' own test tools name; setup-envtest puts etcd and kube-apiserver there, nothing else."""
    named = os.environ.get("KUBEBUILDER_ASSETS")
    return Path(named).absolute() if named else None


@dataclass(frozen=True, slots=True)
class Binaries:
    """Finds a binary of the control plane in `assets`, then in `cache`, and else builds it into `cache`."""

    assets: Path | None = field(default_factory=_assets)
    cache: Path = field(default_factory=CONTROL_PLANE.folder)

    def find(self, name: str) -> Path | None:
        """The binary `name` where it is there already."""
        folders = [folder for folder in (self.assets, self.cache) if folder]
        return next((folder / name for folder in folders if os.access(folder / name, os.X_OK)), None)

    def provide(self, name: str, progress: Progress) -> Path:
        """The binary `name`, whatever it takes: minutes, where it must be built.

        Raises:
            LocalClusterError: it isn't there, and can't be built.
        """
        return self.find(name) or builder.build(CONTROL_PLANE, name, self.cache, progress)


def neighbour(name: str) -> Path:
    """A program that tests run beside the control plane (`recipes.NEIGHBOURS`): the one on PATH if its version fits, else ours.

    Ours is built when first asked for, which takes minutes, and then stays in the cache.

    Raises:
        LocalClusterError: it isn't there, and can't be built.
    """
    kit = NEIGHBOURS[name]
    built = kit.folder() / name
    # What is there needs no lock: another kit may be building for minutes.
    return _on_path(kit, name) or (built if built.exists() else builder.build(kit, name, kit.folder(), Progress(sys.stderr)))


def _on_path(kit: Kit, name: str) -> Path | None:
    """The user's own `name`, where it is of the same major version as ours and not older by a minor one."""
    found = shutil.which(name) if kit.asks else None
    if not found:
        return None
    answer = subprocess.run([found, *kit.asks], capture_output=True, text=True, check=False).stdout
    (major, minor), (our_major, our_minor) = _version(answer), _version(kit.version())
    return Path(found) if major == our_major and minor >= our_minor else None


def _version(text: str) -> tuple[int, int]:
    """The major and minor number of the first version that `text` names; -1 where there is none."""
    match = re.search(r"\bv?(\d+)\.(\d+)\.\d", text)
    return (int(match[1]), int(match[2])) if match else (-1, -1)

"""Where the control plane's binaries come from: the first of three places that has them."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from localcluster import builder
from localcluster.progress import Progress


def _assets() -> Path | None:
    """The folder that Kubernetes' own test tools name; setup-envtest puts etcd and kube-apiserver there, nothing else."""
    named = os.environ.get("KUBEBUILDER_ASSETS")
    return Path(named).absolute() if named else None


@dataclass(frozen=True, slots=True)
class Binaries:
    """Finds a binary in `assets`, then in `cache`, and else builds it into `cache`."""

    assets: Path | None = field(default_factory=_assets)
    cache: Path = field(default_factory=builder.cache_folder)

    def find(self, name: str) -> Path | None:
        """The binary `name` where it is there already."""
        folders = [folder for folder in (self.assets, self.cache) if folder]
        return next((folder / name for folder in folders if os.access(folder / name, os.X_OK)), None)

    def provide(self, name: str, progress: Progress) -> Path:
        """The binary `name`, whatever it takes: minutes, where it must be built.

        Raises:
            LocalClusterError: it isn't there, and can't be built.
        """
        return self.find(name) or builder.build(name, self.cache, progress)

"""What is built, from which Go modules, and where it is kept.

Each folder with a go.mod and go.sum pins its versions and hashes. Kubernetes replaces its staging modules by relative paths,
which whoever depends on it must replace again by their published versions; its neighbours have folders of their own, so that a
new one leaves all that was built as it is.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
from dataclasses import dataclass
from pathlib import Path

from localcluster.errors import LocalClusterError

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Recipe:
    """`package` of the Go module in the folder `module` is built into the binary `name`."""

    name: str
    module: str
    package: str


@dataclass(frozen=True, slots=True)
class Kit:
    """Binaries of one origin: built in this order with the same flags, and kept in one folder of the cache."""

    label: str
    origin: str
    """The Go module whose version is theirs; the folder of the first recipe requires it."""
    recipes: tuple[Recipe, ...]
    stamped: str = ""
    """The Go package that is told the version."""
    asks: tuple[str, ...] = ()
    """How a binary is asked for its version: one that a user has on PATH will do where it fits. Empty: none will."""
    tags: str = ""
    """Build tags."""

    def folder(self) -> Path:
        """Where the binaries are kept: one folder per versions, flags and platform."""
        digest = hashlib.sha256(f"{self.flags()} {platform.system()} {platform.machine()}".encode())
        for module in sorted({recipe.module for recipe in self.recipes}):
            for file in sorted((HERE / module).glob("go.*")):
                digest.update(file.read_bytes())
        return cache_folder() / f"{self.label}-{self.version()}-{digest.hexdigest()[:12]}"

    def flags(self) -> list[str]:
        """Of `go build`. Without a version kubectl and other clients fail on an API server's empty one."""
        if not self.stamped:
            return ["-trimpath", *(["-tags", self.tags] if self.tags else []), "-ldflags", "-s -w"]
        major, minor, _ = self.version().removeprefix("v").split(".")
        names = {"gitVersion": self.version(), "gitMajor": major, "gitMinor": minor}
        stamps = " ".join(f"-X {self.stamped}.{name}={value}" for name, value in names.items())
        return ["-trimpath", "-ldflags", f"-s -w {stamps}"]

    def version(self) -> str:
        """As Go writes it: `v1.37.2`."""
        return self.required(self.origin)

    def required(self, module: str) -> str:
        """The version of `module`, or of `go` itself, in the go.mod of the first recipe."""
        file = HERE / self.recipes[0].module / "go.mod"
        match = re.search(rf"^\s*(?:require )?{re.escape(module)} (\S+)", file.read_text(), re.MULTILINE)
        if not match:
            raise LocalClusterError(f"{file} requires no {module}")
        return match[1]


CONTROL_PLANE = Kit(
    "kubernetes",
    "k8s.io/kubernetes",
    (
        Recipe("etcd", "controlplane", "go.etcd.io/etcd/server/v3"),
        Recipe("kube-apiserver", "controlplane", "k8s.io/kubernetes/cmd/kube-apiserver"),
        Recipe("kube-controller-manager", "controlplane", "k8s.io/kubernetes/cmd/kube-controller-manager"),
        Recipe("kube-scheduler", "controlplane", "k8s.io/kubernetes/cmd/kube-scheduler"),
        Recipe("kwok", "kwok", "sigs.k8s.io/kwok/cmd/kwok"),
    ),
    stamped="k8s.io/component-base/version",
)
"""In the order in which they are needed: the API server comes first."""

_NEIGHBOURS = (
    Kit(
        "helm",
        "helm.sh/helm/v4",
        (Recipe("helm", "neighbours/helm", "helm.sh/helm/v4/cmd/helm"),),
        asks=("version", "--short"),
    ),
    Kit(
        "argocd",
        "github.com/argoproj/argo-cd/v3",
        (Recipe("argocd", "neighbours/argocd", "github.com/argoproj/argo-cd/v3/cmd"),),
    ),
    Kit(
        "prometheus",
        "github.com/prometheus/prometheus",
        (Recipe("prometheus", "neighbours/prometheus", "github.com/prometheus/prometheus/cmd/prometheus"),),
        tags="remove_all_sd",  # targets come from its configuration: half of the packages, those of all clouds, are left out
    ),
    Kit(
        "rollouts",
        "github.com/argoproj/argo-rollouts",
        (Recipe("rollouts-controller", "neighbours/rollouts", "github.com/argoproj/argo-rollouts/cmd/rollouts-controller"),),
    ),
)

NEIGHBOURS = {recipe.name: kit for kit in _NEIGHBOURS for recipe in kit.recipes}
"""By the name of each binary: what tests run beside the control plane, built one by one when first asked for."""


def cache_folder() -> Path:
    """The user's, with a folder for each kit."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "gitopsd" / "localcluster"

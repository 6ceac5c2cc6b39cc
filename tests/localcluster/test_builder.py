"""Builds with a stand-in for the go command, a shell script: what it is asked, how it fails, what it leaves behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from localcluster.recipes import CONTROL_PLANE, NEIGHBOURS

ROOT = Path(__file__).parents[2]

GO = """#!/bin/sh
echo "$*" >> "$GO_CALLS"
case $1 in
version) echo "go version go${GO_VERSION:-1.99.0} linux/amd64" ;;
list) printf 'a\\nb\\nc\\n' ;;
build)
    printf 'a\\nb\\n'
    eval "$GO_BUILD"
    while [ "$1" != -o ]; do shift; done
    printf '#!/bin/sh\\n' > "$2"
    chmod +x "$2" ;;
esac
"""


class Machine:
    """A user's machine: its PATH, its cache, and what was asked of its go command."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.calls = folder / "calls"
        self.calls.touch()
        (folder / "bin").mkdir()
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "KUBEBUILDER_"))},
            "PATH": f"{folder / 'bin'}:/usr/bin:/bin",
            "XDG_CACHE_HOME": str(folder / "cache"),
            "PYTHONPATH": str(ROOT),
            "GO_CALLS": str(self.calls),
            "PIP_NO_INDEX": "1",  # PyPI is out of reach
        }

    def install_go(self, **behaviour: str) -> None:
        """Put the stand-in on PATH; `behaviour` is told to it by its environment."""
        go = self.folder / "bin" / "go"
        go.write_text(GO)
        go.chmod(0o755)
        self.environment |= behaviour

    def provide(self, name: str) -> subprocess.Popen[str]:
        """Ask for a binary in a process of its own."""
        code = (
            "import signal, sys\n"
            # A shell that was started in the background leaves SIGINT ignored to all that it starts.
            "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
            "from localcluster.binaries import Binaries\nfrom localcluster.progress import Progress\n"
            f"print(Binaries().provide({name!r}, Progress(sys.stderr)))"
        )
        return subprocess.Popen(
            [sys.executable, "-c", code],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            process_group=0,
        )

    def cached(self) -> set[str]:
        """What is in the cache, the lock aside."""
        return {path.name for path in (self.folder / "cache").glob("gitopsd/localcluster/*/*")} - {"lock"}

    def builds(self) -> int:
        """How often the go command was asked to build."""
        return self.calls.read_text().count("build ")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine without Go."""
    return Machine(tmp_path)


def test_machines_go_builds_into_the_cache(machine: Machine) -> None:
    """The binary is stamped with Kubernetes' version, and how far its build is can be followed."""
    machine.install_go()
    with machine.provide("etcd") as process:
        out, err = process.communicate()
    assert Path(out.strip()).name == "etcd"
    assert machine.cached() == {"etcd"}
    assert "version.gitVersion=v1." in machine.calls.read_text()
    assert "building etcd (1 of 5): 1/3 packages compiled" in err


def test_second_process_waits_and_takes_what_the_first_built(machine: Machine) -> None:
    """Two that ask at the same time cost one build."""
    machine.install_go(GO_BUILD=f"while [ ! -e {machine.folder}/go-on ]; do sleep 0.02; done")
    with machine.provide("etcd") as first:
        while not machine.builds():
            assert first.poll() is None
        with machine.provide("etcd") as second:
            assert second.stderr is not None
            assert "waiting" in second.stderr.readline()
            (machine.folder / "go-on").touch()
            assert first.communicate()[0] == second.communicate()[0] != ""
    assert machine.builds() == 1


def test_failed_build_says_what_go_said(machine: Machine) -> None:
    """Nothing that is half done is taken for a binary."""
    machine.install_go(GO_BUILD="echo 'no space left on device'; exit 2")
    with machine.provide("etcd") as process:
        _, err = process.communicate()
    assert "etcd could not be built: `go build` ended with code 2" in err
    assert "no space left on device" in err
    assert machine.cached() == set()


def test_interrupted_build_leaves_nothing(machine: Machine) -> None:
    """Ctrl-C ends the compilers too; the next call begins anew."""
    machine.install_go(GO_BUILD="echo $$ > $GO_CALLS.pid; sleep 1000")
    with machine.provide("etcd") as process:
        pid = machine.folder / "calls.pid"
        while not pid.exists() or not pid.read_text():
            assert process.poll() is None
        compiler = psutil.Process(int(pid.read_text()))
        os.killpg(process.pid, signal.SIGINT)
        process.communicate()
    gone, _ = psutil.wait_procs([compiler], timeout=10)
    assert gone or compiler.status() == psutil.STATUS_ZOMBIE
    assert machine.cached() == set()


@pytest.mark.parametrize("old", [True, False], ids=["too old", "none"])
def test_without_go_and_without_pypi_it_says_what_to_install(machine: Machine, *, old: bool) -> None:
    """One sentence: what is missing, why PyPI's could not stand in, and the two ways out."""
    if old:
        machine.install_go(GO_VERSION="1.20.1")
    command = [sys.executable, "-m", "localcluster", "up", "--dir", str(machine.folder / "cluster")]
    result = subprocess.run(command, env=machine.environment, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert ("is older than Go 1.26" if old else "there is no Go 1.26") in result.stderr
    assert result.stderr.splitlines()[-1].endswith(
        "Install Go from https://go.dev/dl, or name a folder that holds etcd and kube-apiserver in KUBEBUILDER_ASSETS."
    )
    assert not machine.builds()


def test_cache_is_one_per_versions_and_flags() -> None:
    """Its name holds Kubernetes' version for people, and a digest of all that goes into the binaries for the rest."""
    name = CONTROL_PLANE.folder().name
    assert name.startswith("kubernetes-v1.")
    assert len(name.rsplit("-", 1)[1]) == 12


def test_kits_are_kept_apart() -> None:
    """What one neighbour is built from says nothing about another, or about the control plane."""
    folders = {kit.folder() for kit in NEIGHBOURS.values()}
    assert CONTROL_PLANE.folder() not in folders
    assert len(folders) == len({kit.label for kit in NEIGHBOURS.values()})


def test_neighbour_is_built_when_first_asked_for(machine: Machine) -> None:
    """Nothing of the control plane is built for it, and its second use costs nothing."""
    machine.install_go()
    command = [sys.executable, "-m", "localcluster", "build", "helm"]
    for _ in range(2):
        result = subprocess.run(command, env=machine.environment, capture_output=True, text=True, check=True)
        assert Path(result.stdout.strip()).parent.name.startswith("helm-v4.")
    assert machine.cached() == {"helm"}
    assert machine.builds() == 1


def test_what_is_built_is_there_while_another_builds(machine: Machine) -> None:
    """Whoever holds the lock builds something else: nobody waits for that."""
    machine.install_go()
    command = [sys.executable, "-m", "localcluster", "build", "helm"]
    subprocess.run(command, env=machine.environment, capture_output=True, check=True)
    machine.install_go(GO_BUILD=f"while [ ! -e {machine.folder}/go-on ]; do sleep 0.02; done")
    with machine.provide("etcd") as other:
        while machine.builds() < 2:
            assert other.poll() is None
        again = subprocess.run(command, env=machine.environment, capture_output=True, text=True, check=True)
        assert again.stdout.endswith("/helm\n")
        (machine.folder / "go-on").touch()
        other.communicate()


@pytest.mark.parametrize(("version", "taken"), [("v4.99.0+g1234", True), ("v4.0.1", False), ("v3.99.0", False), ("", False)])
def test_neighbour_on_path_is_taken_where_its_version_fits(machine: Machine, version: str, *, taken: bool) -> None:
    """The same major version, and not older: a test written for ours runs with it."""
    machine.install_go()
    mine = machine.folder / "bin" / "helm"
    mine.write_text(f"#!/bin/sh\necho {version}\n")
    mine.chmod(0o755)
    command = [sys.executable, "-m", "localcluster", "build", "helm"]
    result = subprocess.run(command, env=machine.environment, capture_output=True, text=True, check=True)
    assert (result.stdout.strip() == str(mine)) == taken
    assert machine.builds() == (not taken)

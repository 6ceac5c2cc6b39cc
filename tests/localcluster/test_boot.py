"""Real control planes: what `up` promises, and what is left when it is over."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from localcluster import LocalCluster, LocalClusterError
from localcluster.api import RequestError
from localcluster.binaries import Binaries
from localcluster.layout import API, COMPONENTS, CONTROLLERS
from localcluster.progress import Progress

pytestmark = pytest.mark.cluster

ROOT = Path(__file__).parents[2]
CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
LABELS = {"app": "web"}
POD: dict[str, Any] = {"metadata": {"labels": LABELS}, "spec": {"containers": [{"name": "web", "image": "web"}]}}


@pytest.fixture(scope="session")
def binaries() -> dict[str, Path]:
    """All binaries, built here if need be: a fixture may take the minutes that a test may not."""
    return {name: Binaries().provide(name, Progress(sys.stderr)) for name in COMPONENTS}


@pytest.fixture(scope="module")
def whole(binaries: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    """A cluster with everything."""
    with LocalCluster(tmp_path_factory.mktemp("whole")) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def bare(binaries: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    """The API server alone."""
    cluster = LocalCluster(tmp_path_factory.mktemp("bare"))
    cluster.up(controllers=False, bound=True)
    yield cluster
    cluster.down()


@pytest.fixture
def broken(tmp_path: Path) -> LocalCluster:
    """A cluster whose API server does not start."""
    assets = tmp_path / "assets"
    assets.mkdir()
    for name, script in (("etcd", "exec sleep 1000"), ("kube-apiserver", "echo 'unknown flag: --bind'; exit 1")):
        (assets / name).write_text(f"#!/bin/sh\n{script}\n")
        (assets / name).chmod(0o755)
    return LocalCluster(tmp_path / "cluster", Binaries(assets))


def processes_of(folder: Path) -> list[psutil.Process]:
    """Whatever runs with the folder on its command line, zombies aside."""
    return [
        process
        for process in psutil.process_iter(["cmdline", "status"])
        if str(folder) in " ".join(process.info["cmdline"] or ()) and process.info["status"] != psutil.STATUS_ZOMBIE
    ]


def until(condition: Callable[[], bool]) -> None:
    """Returns when `condition()` holds; the test's own timeout ends a wait in vain."""
    while not condition():
        time.sleep(0.05)


def has_condition(cluster: LocalCluster, path: str, kind: str) -> Callable[[], bool]:
    """Whether the object at `path` has the condition `kind`, asked when called."""

    def holds() -> bool:
        conditions: list[dict[str, Any]] = cluster.api.get(path)["status"].get("conditions", [])
        return any(condition["type"] == kind and condition["status"] == "True" for condition in conditions)

    return holds


def command(*arguments: str) -> list[str]:
    """`python -m localcluster` with arguments."""
    return [sys.executable, "-m", "localcluster", *arguments]


def test_workloads_become_ready_and_go(whole: LocalCluster) -> None:
    """Kwok plays two nodes: a Deployment becomes available, a Job completes, and their pods can be deleted."""
    spec = {"replicas": 2, "selector": {"matchLabels": LABELS}, "template": POD}
    deployments, jobs, pods = (
        f"{group}/namespaces/default/{plural}"
        for group, plural in (("/apis/apps/v1", "deployments"), ("/apis/batch/v1", "jobs"), ("/api/v1", "pods"))
    )
    whole.api.create(deployments, {"metadata": {"name": "web"}, "spec": spec})
    job_pod = {"spec": POD["spec"] | {"restartPolicy": "Never"}}
    whole.api.create(jobs, {"metadata": {"name": "once"}, "spec": {"template": job_pod}})
    until(has_condition(whole, f"{deployments}/web", "Available"))
    until(has_condition(whole, f"{jobs}/once", "Complete"))
    for path in (f"{deployments}/web", f"{jobs}/once"):
        whole.api.request("DELETE", path, {"propagationPolicy": "Foreground"})
    until(lambda: whole.api.get(pods)["items"] == [])


def test_stateful_set_gets_its_volumes(whole: LocalCluster) -> None:
    """Claims are bound, so that what needs them becomes ready."""
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    spec = {
        "serviceName": "db",
        "selector": {"matchLabels": LABELS},
        "template": POD,
        "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": claim}],
    }
    sets = "/apis/apps/v1/namespaces/default/statefulsets"
    whole.api.create(sets, {"metadata": {"name": "db"}, "spec": spec})
    until(lambda: whole.api.get(f"{sets}/db")["status"].get("readyReplicas") == 1)


def test_two_run_side_by_side(whole: LocalCluster, bare: LocalCluster) -> None:
    """Each has its own ports and its own objects."""
    assert whole.server != bare.server
    bare.api.create(CONFIG_MAPS, {"metadata": {"name": "mine"}})
    with pytest.raises(RequestError, match="404"):
        whole.api.get(f"{CONFIG_MAPS}/mine")


def test_service_account_may_nothing_until_it_is_allowed(whole: LocalCluster) -> None:
    """RBAC is in force: a fresh account's token is known, and refused."""
    token = whole.service_account_token("default", "visitor")
    visitor = replace(whole.api, token=token)
    review = visitor.create("/apis/authentication.k8s.io/v1/selfsubjectreviews", {})
    assert review["status"]["userInfo"]["username"] == "system:serviceaccount:default:visitor"
    with pytest.raises(RequestError, match="403"):
        visitor.get(CONFIG_MAPS)


def test_server_that_was_stopped_comes_back_with_its_data(bare: LocalCluster) -> None:
    """A stop and a start: same address, same objects."""
    server = bare.server
    bare.api.create(CONFIG_MAPS, {"metadata": {"name": "kept"}})
    bare.stop("kube-apiserver")
    assert bare.status() == {"etcd": "running", "kube-apiserver": "stopped"} | dict.fromkeys(CONTROLLERS, "stopped")
    with pytest.raises(ConnectionRefusedError):
        bare.api.get(CONFIG_MAPS)
    bare.start("kube-apiserver")
    assert bare.server == server
    assert bare.api.get(f"{CONFIG_MAPS}/kept")["metadata"]["name"] == "kept"


def test_reset_leaves_an_empty_server_at_the_same_address(bare: LocalCluster) -> None:
    """Clients find what they know of the server unchanged, and its objects gone."""
    kubeconfig = bare.kubeconfig.read_text()
    bare.api.create(CONFIG_MAPS, {"metadata": {"name": "lost"}})
    bare.reset()
    assert bare.kubeconfig.read_text() == kubeconfig
    assert bare.api.get(CONFIG_MAPS)["items"] == []


def test_down_leaves_nothing(binaries: dict[str, Path], tmp_path: Path) -> None:
    """From the command line: up, status, down; no process and no file remain, nor the folder that was made."""
    folder = tmp_path / "cluster"
    up = subprocess.run(command("up", "--dir", str(folder)), cwd=ROOT, capture_output=True, text=True, check=True)
    assert f"export KUBECONFIG={folder}/kubeconfig" in up.stdout
    status = subprocess.run(command("status", "--dir", str(folder)), cwd=ROOT, capture_output=True, text=True, check=True)
    assert [line.split() for line in status.stdout.splitlines()] == [[name, "running"] for name in COMPONENTS]
    assert len(processes_of(folder)) == len(COMPONENTS)
    subprocess.run(command("down", "--dir", str(folder)), cwd=ROOT, check=True)
    assert processes_of(folder) == []
    assert not folder.exists()


def test_cluster_goes_with_its_owner(binaries: dict[str, Path], tmp_path: Path) -> None:
    """`run` takes the cluster down even where it is killed without a chance to."""
    folder = tmp_path / "cluster"
    with subprocess.Popen(command("run", "--only", "api", "--dir", str(folder)), cwd=ROOT, stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        assert b"is ready" in owner.stdout.readline()
        owner.send_signal(signal.SIGKILL)
    until(lambda: not folder.exists())
    until(lambda: processes_of(folder) == [])


def test_component_that_ends_at_its_start_is_quoted(broken: LocalCluster) -> None:
    """The error names the component and its log, and repeats the end of it; nothing is left running."""
    with pytest.raises(LocalClusterError, match=r"(?s)^kube-apiserver ended while .*kube-apiserver.log.*unknown flag: --bind$"):
        broken.up()
    assert set(broken.status().values()) == {"stopped"}


def test_down_spares_what_is_not_its_own(broken: LocalCluster) -> None:
    """A folder that was there before stays, with what else is in it."""
    broken.folder.mkdir()
    (broken.folder / "mine").touch()
    with pytest.raises(LocalClusterError):
        broken.up()
    broken.down()
    assert list(broken.folder.iterdir()) == [broken.folder / "mine"]


def test_no_cluster_is_said(tmp_path: Path) -> None:
    """A component of a cluster that is not there can't be started: the error says how to make one."""
    with pytest.raises(LocalClusterError, match="`python -m localcluster up --dir "):
        LocalCluster(tmp_path).start("etcd")


def test_controllers_join_when_they_are_built(binaries: dict[str, Path], tmp_path: Path) -> None:
    """On a cold cache `up` is back as soon as the API server is ready; the rest is started when its build is done."""
    cache, go = tmp_path / "cache", tmp_path / "bin" / "go"
    assets = tmp_path / "assets"
    assets.mkdir()
    for name in API:
        (assets / name).symlink_to(binaries[name])
    go.parent.mkdir()
    # This go command hands out what was built before, once it may.
    go.write_text(f"""#!/bin/sh
case $1 in
version) echo go version go1.99.0 linux/amd64 ;;
build)
    while [ ! -e {tmp_path}/go-on ]; do sleep 0.05; done
    while [ "$1" != -o ]; do shift; done
    cp {binaries["kwok"].parent}/"$(basename "$2")" "$2" ;;
esac
""")
    go.chmod(0o755)
    environment = os.environ | {
        "PATH": f"{go.parent}:{os.environ['PATH']}",
        "XDG_CACHE_HOME": str(cache),
        "KUBEBUILDER_ASSETS": str(assets),
    }
    cluster = LocalCluster(tmp_path / "cluster")
    try:
        subprocess.run(command("up", "--dir", str(cluster.folder)), cwd=ROOT, env=environment, check=True)
        words = cluster.status()
        assert words["kube-apiserver"] == "running"
        assert words["kwok"] != "running"
        (tmp_path / "go-on").touch()
        until(lambda: set(cluster.status().values()) == {"running"})
    finally:
        cluster.down()

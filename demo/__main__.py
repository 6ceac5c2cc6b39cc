"""`python -m demo`: a cluster, a Git repository made from manifests/, the daemon, and what to try with them.

With `--context` the cluster is one that the user has, and what went live there stays. Everything else lives in `.demo/`, and
ends with Ctrl-C. `--once` ends as soon as the application is Synced and Healthy: for tests of the demo itself.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from demo.daemon import Daemon, DaemonError
from demo.repository import make_repository
from localcluster import LocalCluster, LocalClusterError

FOLDER = Path(".demo")


def main() -> int:
    """Runs the demo; the exit code is 1 where something could not be had."""
    options = _parser().parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    begun = time.monotonic()
    try:
        _clean_up()
        with _cluster(options.context) as kubeconfig:
            _say(begun, "making a Git repository from manifests/")
            repository = make_repository(FOLDER / "repository")
            _say(begun, "starting the daemon")
            with Daemon(FOLDER, repository, kubeconfig, options.context or "") as daemon:
                _say(begun, f"gitopsd answers at {daemon.address}; its log is {daemon.log}")
                _follow(daemon, begun)
                if not options.once:
                    print(_try_this(daemon, repository, kubeconfig), flush=True)
                    signal.pause()
    except (LocalClusterError, DaemonError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        _say(begun, "taken down")
    return 0


def _clean_up() -> None:
    """Takes away what an earlier demo has left: its log and history, and its cluster if it was killed."""
    LocalCluster(FOLDER.absolute() / "cluster").down()
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()


@contextmanager
def _cluster(context: str | None) -> Iterator[Path | None]:
    """The kubeconfig of a local cluster, or None where the user's own and its context are to be taken."""
    begun = time.monotonic()
    if context:
        _say(begun, f"using the cluster of the context {context}")
        yield None
        return
    _say(begun, "providing a cluster; the first time its programs are built, the API server first")
    cluster = LocalCluster(FOLDER.absolute() / "cluster")
    try:
        cluster.up(bound=True)
        _say(begun, f"the API server is ready at {cluster.server}")
        yield cluster.kubeconfig
    finally:
        cluster.down()


def _follow(daemon: Daemon, begun: float) -> None:
    """Says what becomes of the application, until it is Synced and Healthy."""
    said = ""
    while True:
        state = daemon.state()
        if state != said:
            _say(begun, f"monitor-app-prod: {state}")
            said = state
        if state == "Synced, Healthy":
            return
        time.sleep(0.2)


def _say(begun: float, text: str) -> None:
    print(f"[{time.monotonic() - begun:6.1f} s] {text}", flush=True)


def _try_this(daemon: Daemon, repository: Path, kubeconfig: Path | None) -> str:
    kubectl = f".venv/bin/kubectl --kubeconfig {kubeconfig}" if kubeconfig else "kubectl"
    shown = repository.relative_to(Path.cwd()) if repository.is_relative_to(Path.cwd()) else repository
    return f"""
Three things worth trying, in another terminal:

  1. Change the repository and watch it go live:
       sed -i 's/count: 3/count: 5/' {shown}/ops/overlays/prod/kustomization.yaml
       git -C {shown} commit -qam 'five replicas' && {kubectl} -n monitor get deployments -w

  2. Scale a Deployment by hand and watch it return, then ask who did it:
       {kubectl} -n monitor scale deployment k8s-app-monitor-test --replicas 9
       .venv/bin/gitopsd drift monitor-app-prod --server {daemon.address}

  3. Ask for a resync over HTTP:
       curl -sX POST '{daemon.address}/api/v1/applications/monitor-app-prod/sync?wait=30s'

Ctrl-C takes everything down."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m demo", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--context", help="a context of your kubeconfig, in place of a cluster of the demo's own")
    parser.add_argument("--once", action="store_true", help="end as soon as the application is Synced and Healthy")
    return parser


if __name__ == "__main__":
    sys.exit(main())

"""`python -m localcluster up --dir DIR`: the cluster from the command line."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from localcluster.cluster import LocalCluster
from localcluster.errors import LocalClusterError
from localcluster.layout import COMPONENTS

Command = Callable[[LocalCluster, argparse.Namespace], int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code, 1 where it failed (`status`: where the API server is not running)."""
    options = _parser().parse_args(arguments)
    try:
        return _COMMANDS[options.command](LocalCluster(options.dir), options)
    except LocalClusterError as error:
        print(f"localcluster: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def _up(cluster: LocalCluster, options: argparse.Namespace) -> int:
    cluster.up(controllers=options.only != "api", wait=options.wait, qps=options.qps)
    return _say(cluster)


def _run(cluster: LocalCluster, options: argparse.Namespace) -> int:
    """In the foreground, until a signal; a kill -9 is seen by the guard."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        cluster.up(controllers=options.only != "api", wait=options.wait, bound=True, qps=options.qps)
        _say(cluster)
        signal.pause()
    finally:
        cluster.down()
    return 0


def _say(cluster: LocalCluster) -> int:
    print(f"{cluster.server} is ready: export KUBECONFIG={cluster.kubeconfig}", flush=True)
    return 0


def _down(cluster: LocalCluster, _: argparse.Namespace) -> int:
    cluster.down()
    return 0


def _guard(cluster: LocalCluster, _: argparse.Namespace) -> int:
    sys.stdin.read()  # ends when the last holder of the other end has ended
    return _down(cluster, _)


def _status(cluster: LocalCluster, _: argparse.Namespace) -> int:
    words = cluster.status()
    for name, word in words.items():
        print(f"{name:<24} {word}")
    return int(words["kube-apiserver"] != "running")


def _start(cluster: LocalCluster, options: argparse.Namespace) -> int:
    cluster.start(options.component)
    return 0


def _stop(cluster: LocalCluster, options: argparse.Namespace) -> int:
    cluster.stop(options.component)
    return 0


def _reset(cluster: LocalCluster, _: argparse.Namespace) -> int:
    cluster.reset()
    return 0


def _join(cluster: LocalCluster, _: argparse.Namespace) -> int:
    cluster.join()
    return 0


_COMMANDS: Mapping[str, Command] = {
    "up": _up,
    "down": _down,
    "status": _status,
    "run": _run,
    "start": _start,
    "stop": _stop,
    "reset": _reset,
    "guard": _guard,
    "join": _join,
}

_HELP: Mapping[str, str] = {
    "up": "start the cluster, and return when its API server is ready",
    "down": "end all its processes, and remove all that it made",
    "status": "say what runs",
    "run": "as up, in the foreground: Ctrl-C takes it down, and so does the end of this process",
    "start": "start one component again",
    "stop": "stop one component",
    "reset": "replace the cluster by an empty one at the same address",
    "guard": "for up and run: take it down when standard input ends",
    "join": "for up: build the controllers, and start each as soon as it is there",
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m localcluster", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in _COMMANDS:
        command = commands.add_parser(name, help=_HELP[name])
        command.add_argument("--dir", type=Path, required=True, help="the cluster's folder")
        if name in ("up", "run"):
            command.add_argument("--only", choices=["api"], help="leave the controllers out")
            command.add_argument("--wait", action="store_true", help="wait for the controllers too, where they must be built")
            command.add_argument("--qps", type=int, help="the controller-manager's requests a second (its own default: 20)")
        if name in ("start", "stop"):
            command.add_argument("component", choices=COMPONENTS)
    return parser


if __name__ == "__main__":
    sys.exit(main())

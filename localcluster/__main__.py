"""`python -m localcluster up --dir DIR`: the cluster from the command line."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from localcluster.binaries import Binaries, neighbour
from localcluster.cluster import LocalCluster
from localcluster.errors import LocalClusterError
from localcluster.layout import COMPONENTS
from localcluster.progress import Progress
from localcluster.recipes import NEIGHBOURS

Command = Callable[[argparse.Namespace], int | None]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code, 1 where it failed (`status`: where the API server is not running)."""
    options = _parser().parse_args(arguments)
    # By default the first is ignored in a shell's background job, and the second cleans nothing up.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        return _COMMANDS[options.command](options) or 0
    except LocalClusterError as error:
        print(f"localcluster: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def _build(options: argparse.Namespace) -> None:
    for name in options.binaries or COMPONENTS:
        print(neighbour(name) if name in NEIGHBOURS else Binaries().provide(name, Progress(sys.stderr)))


def _up(options: argparse.Namespace, *, bound: bool = False) -> None:
    cluster = LocalCluster(options.dir)
    cluster.up(controllers=options.only != "api", wait=options.wait, bound=bound, qps=options.qps)
    print(f"{cluster.server} is ready: export KUBECONFIG={cluster.kubeconfig}", flush=True)


def _run(options: argparse.Namespace) -> None:
    """In the foreground, until a signal; a kill -9 is seen by the guard."""
    try:
        _up(options, bound=True)
        signal.pause()
    finally:
        _down(options)


def _down(options: argparse.Namespace) -> None:
    LocalCluster(options.dir).down()


def _guard(options: argparse.Namespace) -> None:
    sys.stdin.read()  # ends when the last holder of the other end has ended
    _down(options)


def _status(options: argparse.Namespace) -> int:
    words = LocalCluster(options.dir).status()
    for name, word in words.items():
        print(f"{name:<24} {word}")
    return int(words["kube-apiserver"] != "running")


_COMMANDS: Mapping[str, Command] = {
    "build": _build,
    "up": _up,
    "down": _down,
    "status": _status,
    "run": _run,
    "start": lambda options: LocalCluster(options.dir).start(options.component),
    "stop": lambda options: LocalCluster(options.dir).stop(options.component),
    "reset": lambda options: LocalCluster(options.dir).reset(),
    "guard": _guard,
    "join": lambda options: LocalCluster(options.dir).join(),
}

_HELP: Mapping[str, str] = {
    "build": "provide the named binaries, or all that up needs, and start nothing",
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


_BINARIES = (*COMPONENTS, *NEIGHBOURS)


def _binary(name: str) -> str:
    """One that can be built. These are no `choices`, with which Python 3.11 refuses no names at all."""
    if name not in _BINARIES:
        raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(_BINARIES)}")
    return name


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m localcluster", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in _COMMANDS:
        command = commands.add_parser(name, help=_HELP[name])
        if name == "build":
            command.add_argument("binaries", nargs="*", type=_binary, metavar="NAME", help=f"one of {', '.join(_BINARIES)}")
        else:
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

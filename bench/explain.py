"""What being able to explain costs a render that nobody asks about: `python -m bench.explain`.

    python -m bench.explain [--objects 1000] [--rounds 15]

One process, turn by turn: the engine as it is, the engine with every line that speaks to a trace taken out of its syntax trees,
and a render with a trace. The least CPU time of each, and its ratio to the second's.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from bench.render import write_repository
from bench.table import print_table
from gitopsd.render.kustomize import accumulate, finish
from gitopsd.render.kustomize import build as builder
from gitopsd.render.kustomize.settings import BuildSettings
from gitopsd.render.provenance.trace import Trace
from gitopsd.source.folder import FolderTree


class _Deaf(ast.NodeTransformer):
    """Leaves of `if layer.trace is not None: ... else: ...` the second part."""

    def visit_If(self, node: ast.If) -> Any:
        self.generic_visit(node)
        return (node.orelse or None) if ast.unparse(node.test) == "layer.trace is not None" else node


def deaf(module: ModuleType) -> dict[str, Any]:
    """The functions of a module without the lines that speak to a trace."""
    tree = ast.fix_missing_locations(_Deaf().visit(ast.parse(inspect.getsource(module))))
    scope = {"__name__": module.__name__, "__package__": module.__package__}
    exec(compile(tree, module.__file__ or "", "exec"), scope)  # noqa: S102 - our own source
    return scope


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(prog="python -m bench.explain")
    parser.add_argument("--objects", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=15)
    given = parser.parse_args()
    without = deaf(accumulate)["build_layer"], deaf(finish)["finish"]
    ways: dict[str, tuple[tuple[Any, Any], Callable[[], Trace | None]]] = {
        "as it is": ((accumulate.build_layer, finish.finish), lambda: None),
        "without the lines": (without, lambda: None),
        "explaining one object": ((accumulate.build_layer, finish.finish), lambda: Trace("Deployment", "app-7")),
    }
    settings = BuildSettings()
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    with tempfile.TemporaryDirectory() as folder:
        write_repository(Path(folder), given.objects, 20)
        tree = FolderTree(folder)
        for _ in range(given.rounds):
            for name, (functions, trace) in ways.items():
                vars(builder).update(zip(("build_layer", "finish"), functions, strict=True))
                started = time.process_time()
                builder.build(tree, "overlay", BuildSettings(cache=settings.cache, trace=trace()))
                seconds[name].append(time.process_time() - started)
    best = {name: min(values) for name, values in seconds.items()}
    rows = [(name, f"{least * 1000:.1f}", f"{least / best['without the lines']:.3f}") for name, least in best.items()]
    print_table((f"{given.objects} objects, warm", "CPU, ms", "ratio"), rows)


if __name__ == "__main__":
    main()

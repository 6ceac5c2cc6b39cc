"""The core is pure. Import contracts say which modules it may not import; here is what an import alone does not show."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "gitopsd"
PURE = ("model", "formats", "render", "diff", "plan", "health")
MODULES = sorted(
    path
    for name in PURE
    for path in ((PACKAGE / name).rglob("*.py") if (PACKAGE / name).is_dir() else [PACKAGE / f"{name}.py"])
    if path.exists()
)

# fmt: off
IMPURE_MODULES = frozenset({
    "asyncio", "atexit", "concurrent", "ctypes", "fcntl", "getpass", "glob", "locale", "logging", "multiprocessing", "os",
    "pathlib", "platform", "random", "resource", "secrets", "select", "shutil", "signal", "socket", "sqlite3", "ssl",
    "structlog", "subprocess", "sys", "tempfile", "threading", "time", "urllib.request", "uuid", "warnings", "aiohttp",
    "httpx", "kubernetes", "prometheus_client", "pygit2", "sqlalchemy",
})
# fmt: on
# `importlib.resources` is no offence: a table beside its module is code, the same wherever the package is.
IMPURE_CALLS = frozenset({"open", "print", "input", "exec", "eval", "__import__", "breakpoint"})
IMPURE_METHODS = frozenset({"now", "utcnow", "today", "getenv", "uuid1", "uuid4", "write_text", "write_bytes"})


def offences(tree: ast.Module) -> Iterator[str]:
    """Each `line what` that makes a module impure."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (f"{node.lineno} imports {name.name}" for name in names if impure_module(name.name))
            case ast.ImportFrom(module=str(module), names=names):
                yield from (
                    f"{node.lineno} imports {name.name} from {module}"
                    for name in names
                    if impure_module(module) or impure_module(f"{module}.{name.name}")
                )
            case ast.Call(func=ast.Name(id=name)) if name in IMPURE_CALLS:
                yield f"{node.lineno} calls {name}"
            case ast.Call(func=ast.Attribute(attr=name)) if name in IMPURE_METHODS:
                yield f"{node.lineno} calls .{name}"
            case ast.AsyncFunctionDef(name=name):
                yield f"{node.lineno} {name} is async"
            case ast.Global(names=globals_):
                yield f"{node.lineno} changes global {', '.join(globals_)}"
            case _:
                pass


def impure_module(name: str) -> bool:
    """Whether a module, or one that it lies in, does I/O, reads a clock or the environment, or makes chance."""
    parts = name.split(".")
    return any(".".join(parts[:end]) in IMPURE_MODULES for end in range(1, len(parts) + 1))


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_core_module_is_pure(module: Path) -> None:
    """A module of the core imports nothing and calls nothing that could answer differently tomorrow, or elsewhere."""
    assert not list(offences(ast.parse(module.read_text())))


@pytest.mark.parametrize(
    "text",
    ["import os", "import os.path", "from os import environ", "async def f(): ...",
     "datetime.now()", "open('x')", "import urllib.request", "from urllib import request"],
)  # fmt: skip
def test_offence_is_seen(text: str) -> None:
    """The check sees each way to be impure: silence of the test above means something."""
    assert list(offences(ast.parse(text)))


@pytest.mark.parametrize(
    "text", ["import posixpath", "from datetime import datetime", "from importlib import resources", "tree.read('x')"]
)
def test_pure_code_is_no_offence(text: str) -> None:
    """Values of time, paths as text and a tree's bytes are no I/O."""
    assert not list(offences(ast.parse(text)))

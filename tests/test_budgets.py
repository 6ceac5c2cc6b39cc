"""The budgets of size: what does not fit in a head does not fit in a module."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MODULES = sorted(path for package in ("gitopsd", "localcluster") for path in (ROOT / package).rglob("*.py"))

MODULE_LINES = 400
FUNCTION_LINES = 40
PARAMETERS = 6

Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(tree: ast.Module) -> Iterator[Function]:
    """Every function of a module, inner ones and methods too."""
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def length(function: Function) -> int:
    """Lines of the body, its docstring aside: what is explained at length is not long."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def parameters(function: Function) -> int:
    """What a caller has to know, `self` and `cls` aside."""
    arguments = function.args
    names = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    return len(names) - (names[:1] in (["self"], ["cls"]))


def commands(tree: ast.Module) -> set[str]:
    """What a module registers with `app.command(...)(name)`: Typer's, their parameters are options, not a caller's burden."""
    return {
        argument.id
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Call) and ast.unparse(call.func.func).endswith(".command")
        for argument in call.args
        if isinstance(argument, ast.Name)
    }


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_module_keeps_its_budget(module: Path) -> None:
    """A module has at most 400 lines, each function at most 40, docstring aside, and at most 6 parameters."""
    text = module.read_text()
    tree = ast.parse(text)
    over = [f"{found.lineno} {found.name}: {length(found)} lines" for found in functions(tree) if length(found) > FUNCTION_LINES]
    over += [
        f"{found.lineno} {found.name}: {parameters(found)} parameters"
        for found in functions(tree)
        if parameters(found) > PARAMETERS and found.name not in commands(tree)
    ]
    lines = len(text.splitlines())
    assert lines <= MODULE_LINES, f"{lines} lines"
    assert not over

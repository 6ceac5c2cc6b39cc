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


def functions(module: Path) -> Iterator[Function]:
    """Every function of a module, inner ones and methods too."""
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, Function):
            yield node


def length(function: Function) -> int:
    """Lines of the body, its docstring aside: what is explained at length is not long."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def parameters(function: Function) -> int:
    """What a caller has to know, `self` and `cls` aside."""
    arguments = function.args
    names = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    return len(names) - (names[:1] in (["self"], ["cls"]))


def is_command(function: Function) -> bool:
    """Whether Typer makes a command of it: then its parameters are the options of interface.md, not a caller's burden."""
    return any(
        isinstance(call, ast.Call) and ast.unparse(call.func).endswith((".command", ".callback"))
        for call in function.decorator_list
    )


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_module_keeps_its_budget(module: Path) -> None:
    """A module has at most 400 lines, each function at most 40, docstring aside, and at most 6 parameters."""
    over = [
        f"{function.lineno} {function.name}: {length(function)} lines"
        for function in functions(module)
        if length(function) > FUNCTION_LINES
    ]
    over += [
        f"{function.lineno} {function.name}: {parameters(function)} parameters"
        for function in functions(module)
        if parameters(function) > PARAMETERS and not is_command(function)
    ]
    lines = len(module.read_text().splitlines())
    assert lines <= MODULE_LINES, f"{lines} lines"
    assert not over

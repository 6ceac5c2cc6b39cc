"""docs/guide/http.md, held to the API."""

from __future__ import annotations

import re
from pathlib import Path

from tests.web.description import placeholders
from tests.web.test_openapi import OPERATIONS

GUIDE = (Path(__file__).parents[2] / "docs" / "guide" / "http.md").read_text()


def _matches(path: str, template: str) -> bool:
    """Whether a request for `path` is for that operation."""
    pattern = re.escape(template)
    for name in placeholders(template):
        pattern = pattern.replace(re.escape(f"{{{name}}}"), "[^/]+")
    return re.fullmatch(pattern, path) is not None


def test_every_operation_is_in_the_guide() -> None:
    """By its path, or by what stands below an application."""
    for operation in OPERATIONS:
        if "{namespace}" not in operation.path:
            below = operation.path.removeprefix("/api/v1/applications/{name}").replace("{record_id}", "{id}")
            assert f"`{below}" in GUIDE or f"{operation.path}`" in GUIDE


def test_every_example_asks_for_something_that_is_there() -> None:
    """The address of each curl is one of the API, by a method that it has."""
    asked = re.findall(r"\$ curl (.*?)'?http://127\.0\.0\.1:8080(/[^\s'?]*)", GUIDE)
    assert len(asked) >= 6
    for options, path in asked:
        method = re.search(r"-X (\w+)", options)
        wanted = method[1] if method else "GET"
        assert any(operation.method == wanted and _matches(path, operation.path) for operation in OPERATIONS), (wanted, path)


def test_every_status_of_an_error_is_in_the_guide() -> None:
    """What the description names, the guide explains."""
    errors = {status for operation in OPERATIONS for status in operation.details["responses"] if int(status) >= 400}
    assert all(re.search(rf"^\| .*\b{status}\b.* \|", GUIDE, re.MULTILINE) for status in errors)

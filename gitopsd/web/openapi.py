"""What FastAPI can't know of the API's description: security, problem documents, an example of each document."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from gitopsd.web.guard import is_open
from gitopsd.web.problems import Problem

EXAMPLES: dict[str, Any] = json.loads((files("gitopsd.web") / "examples.json").read_text())
"""By the name of the document's schema."""
EXAMPLES["Applications"] = {"items": [EXAMPLES["Application"]], "next": None, "unreachable": []}

_DESCRIPTION = """\
What a GitOps agent knows and does. Errors are problem documents (RFC 9457). Lists are pages: ask for the next one with the
`next` of the one before as `cursor`. An application is found by its name, or by namespace and name where the name alone is not
clear."""


def operation_id(route: APIRoute) -> str:
    """What generated clients call the operation."""
    return route.name + ("_exactly" if "{namespace}" in route.path else "")


def install(app: FastAPI) -> None:
    """Has `/openapi.json` answer with the completed description."""

    def described() -> dict[str, Any]:
        app.openapi_schema = app.openapi_schema or _completed(app)
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign] # as FastAPI's manual has it


def _completed(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title=app.title, version=app.version, openapi_version="3.1.0", description=_DESCRIPTION, routes=app.routes
    )
    components = document["components"]
    components["schemas"]["Problem"] = Problem.model_json_schema()
    components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    for path, operations in document["paths"].items():
        for operation in operations.values():
            operation["security"] = [] if is_open(path) else [{"token": []}]
            for content in _contents(operation):
                _exemplify(content)
    return document


def _contents(operation: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What is sent and answered, by media type."""
    for place in (operation.get("requestBody", {}), *operation["responses"].values()):
        yield from place.get("content", {}).values()


def _exemplify(content: dict[str, Any]) -> None:
    """Adds the example of the document that the schema refers to: alone, in a page, or as what may be left out."""
    schema = content.get("schema", {})
    names = [part["$ref"].rpartition("/")[2] for part in (schema, *schema.get("anyOf", ())) if "$ref" in part]
    for name in names:
        inner = name.removeprefix("Page_").rstrip("_")
        if inner in EXAMPLES:
            example = EXAMPLES[inner]
            content["example"] = example if inner == name else {"items": [example], "next": None}

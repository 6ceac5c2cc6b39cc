"""Requests of all kinds at every operation: never a 500, never an answer that is not described, never a value repeated."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.serving import Answer, call, serving
from tests.web.description import Operation, anything
from tests.web.test_openapi import DESCRIPTION, OPERATIONS

_HEADERS = st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=220)
_NAMES = st.sampled_from(["shop", "argocd", "1"]) | st.text(min_size=1, max_size=30).filter(lambda text: "/" not in text)


@st.composite
def requests(draw: st.DrawFn, operation: Operation) -> tuple[str, Any, dict[str, str]]:
    """A request for the operation: target, body, headers. Each part is as described, or anything."""
    path = operation.path
    for parameter in operation.parameters("path"):
        path = path.replace(f"{{{parameter['name']}}}", quote(draw(_NAMES), safe=""))
    query = []
    for parameter in operation.parameters("query"):
        value = draw(st.none() | DESCRIPTION.values(parameter["schema"]) | st.text(max_size=300))
        query += [] if value is None else [f"{parameter['name']}={quote(str(value), safe='')}"]
    names = [parameter["name"] for parameter in operation.parameters("header")] + ["x-gitopsd-actor", "accept", "content-type"]
    headers = draw(st.dictionaries(st.sampled_from(names), _HEADERS, max_size=2))
    content = operation.details.get("requestBody", {}).get("content", {}).get("application/json")
    body = draw((DESCRIPTION.values(content["schema"]) if content else st.none()) | anything | st.binary(max_size=50))
    return f"{path}?{'&'.join(query)}", body, headers


def check(operation: Operation, answer: Answer) -> None:
    """The answer is one that the description knows, and an error is a problem document."""
    assert answer.status != 500, answer.body
    responses = operation.details["responses"]
    assert str(answer.status) in responses
    content = responses[str(answer.status)].get("content", {})
    if answer.status >= 400 and "application/problem+json" in content:
        assert answer.problem
    if "application/json" in content:
        assert DESCRIPTION.faults(json.loads(answer.body), content["application/json"]["schema"]) == []


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: f"{operation.method} {operation.path}")
def test_every_answer_is_described(operation: Operation) -> None:
    """Whatever is asked of an operation, it answers with a status that it documents and the document that belongs to it."""
    with asyncio.Runner() as runner:
        world = serving()
        served = runner.run(world.__aenter__())
        runner.run(served.push("c1", "a"))
        served.events.close()  # a stream that never ends is no answer

        @settings(max_examples=60)
        @given(st.data())
        def holds(data: st.DataObject) -> None:
            target, body, headers = data.draw(requests(operation))
            check(operation, runner.run(call(served.app, operation.method, target, body, headers)))

        holds()
        runner.run(world.__aexit__(None, None, None))

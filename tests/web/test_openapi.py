"""The description of the API: valid, complete, and true."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter

from gitopsd.web.openapi import EXAMPLES
from tests.serving import API, Served, serving
from tests.web.description import Description, Operation, placeholders


def described() -> Description:
    """What /openapi.json says."""
    return Description(Served().app.openapi())  # type: ignore[attr-defined] # FastAPI's


DESCRIPTION = described()
OPERATIONS = DESCRIPTION.operations()


def _id(operation: Operation) -> str:
    return f"{operation.method} {operation.path}"


async def test_it_is_served_as_openapi_3_1() -> None:
    """With title, version and description, to who has no token too."""
    answer = await Served(token="token").get("/openapi.json")
    document = answer.json
    assert answer.status == 200
    assert document["openapi"].startswith("3.1.")
    assert set(document["info"]) >= {"title", "version", "description"}
    assert document == DESCRIPTION.document


def test_every_reference_leads_somewhere_and_nothing_is_left_over() -> None:
    """A client generator finds each schema, and each schema is used."""
    used = {reference["$ref"].rpartition("/")[2] for reference in DESCRIPTION.references()}
    for reference in DESCRIPTION.references():
        assert DESCRIPTION.resolved(reference)
    assert used == set(DESCRIPTION.document["components"]["schemas"])


def test_every_operation_has_a_name_of_its_own() -> None:
    """What generated clients call it."""
    names = [operation.details["operationId"] for operation in OPERATIONS]
    assert len(set(names)) == len(names)
    assert all(name.isidentifier() for name in names)


@pytest.mark.parametrize("operation", OPERATIONS, ids=_id)
def test_every_operation_is_described_in_full(operation: Operation) -> None:
    """Summary, description, tag, each parameter, a success with its shape and an example, and errors as problem documents."""
    details = operation.details
    assert details["summary"]
    assert details["description"]
    assert details["tags"]
    assert {parameter["name"] for parameter in operation.parameters("path")} == placeholders(operation.path)
    assert all(parameter["description"] for parameter in details.get("parameters", ()))
    probe = operation.path in ("/healthz", "/readyz", "/metrics")
    assert details["security"] == ([] if probe or operation.path.startswith("/api/v1/webhooks/") else [{"token": []}])
    for status, response in details["responses"].items():
        assert response["description"]
        error = int(status) >= 400 and not probe
        assert set(response.get("content", {})) == ({"application/problem+json"} if error else set(response.get("content", {})))
        for content in response.get("content", {}).values():
            assert content["schema"]
            assert "example" in content
            assert DESCRIPTION.faults(content["example"], content["schema"]) == []
    bodies = [status for status, response in details["responses"].items() if int(status) < 300 and response.get("content")]
    assert bodies or operation.path.rsplit("/", 1)[1] in ("refresh", "operation")
    assert probe or {"401", "503"} <= set(details["responses"])


def test_examples_are_documents_of_the_api() -> None:
    """Each is what its model makes of it, so none is out of date."""
    for name, example in EXAMPLES.items():
        assert DESCRIPTION.faults(example, {"$ref": f"#/components/schemas/{name}"}) == []


async def test_answers_are_as_described() -> None:
    """What the API really says fits what it says that it says."""
    async with serving() as served:
        await served.push("c1", "a")
        for operation in OPERATIONS:
            if operation.method != "GET" or operation.path.endswith(("metrics", "events")):
                continue
            path = operation.path.format(namespace="argocd", name="shop", record_id="1")
            answer = await served.get(f"{path}?object=ConfigMap/a")  # `explain` must be told which; the others don't mind
            content = operation.details["responses"]["200"]["content"]["application/json"]
            assert answer.status == 200
            assert DESCRIPTION.faults(answer.json, content["schema"]) == []


def test_both_forms_of_a_path_say_the_same() -> None:
    """Below `/{name}` and below `/{namespace}/{name}` stand the same operations."""

    def below(prefix: str) -> dict[tuple[str, str], Any]:
        return {
            (operation.method, operation.path.removeprefix(prefix)): operation.details["responses"]
            for operation in OPERATIONS
            if operation.path.startswith(prefix) and "namespace" not in operation.path.removeprefix(prefix)
        }

    assert below(f"{API}/{{name}}") == below(f"{API}/{{namespace}}/{{name}}")


def test_the_checker_finds_faults() -> None:
    """A description that could not be wrong would prove nothing."""
    schema = {"$ref": "#/components/schemas/HealthState"}
    assert DESCRIPTION.faults({"status": "Healthy", "message": ""}, schema) == []
    assert DESCRIPTION.faults({"message": ""}, schema) == [".status: is missing"]
    assert DESCRIPTION.faults({"status": 1, "more": 1}, schema) == [".status: is no string", ".more: is not described"]
    assert TypeAdapter(int).validate_python(1) == 1

"""The definitions in deploy/, held to the schema they were written from."""

from __future__ import annotations

from tests.rendering import ROOT
from tools.crds import application, project, text


def test_the_file_is_what_the_schema_says() -> None:
    """Whoever changes the schema runs `python -m tools.crds` again."""
    assert (ROOT / "deploy/components/definitions/crds.yaml").read_text() == text()


def test_status_is_a_part_of_the_object() -> None:
    """Argo CD's command and server write it with the object: a subresource would take it from them."""
    (version,) = application()["spec"]["versions"]
    assert "subresources" not in version
    assert [column["name"] for column in version["additionalPrinterColumns"]][:2] == ["Sync Status", "Health Status"]


def test_nothing_of_a_project_is_dropped() -> None:
    """What gitopsd does not know stays where it was written, at any depth: it is refused by name then, rather than overlooked."""
    (version,) = project()["spec"]["versions"]
    spec = version["schema"]["openAPIV3Schema"]["properties"]["spec"]
    window = spec["properties"]["syncWindows"]["items"]
    assert window["required"] == ["kind", "schedule", "duration"]
    for known in (spec, window, spec["properties"]["orphanedResources"], spec["properties"]["roles"]["items"]):
        assert known["x-kubernetes-preserve-unknown-fields"]

"""The definitions in deploy/, held to the schema they were written from."""

from __future__ import annotations

from tests.rendering import ROOT
from tools.crds import application, text


def test_the_file_is_what_the_schema_says() -> None:
    """Whoever changes the schema runs `python -m tools.crds` again."""
    assert (ROOT / "deploy/components/definitions/crds.yaml").read_text() == text()


def test_status_is_a_part_of_the_object() -> None:
    """Argo CD's command and server write it with the object: a subresource would take it from them."""
    (version,) = application()["spec"]["versions"]
    assert "subresources" not in version
    assert [column["name"] for column in version["additionalPrinterColumns"]][:2] == ["Sync Status", "Health Status"]

"""Who reconciles an Application resource, as its managedFields say."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from gitopsd.resources.holder import CONTROLLER, holder

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def resource(manager: str = CONTROLLER, time: str = "2026-03-01T11:58:00Z", fields: str = "f:status") -> dict[str, Any]:
    """A resource with one entry in its managedFields."""
    return {"metadata": {"managedFields": [{"manager": manager, "time": time, "fieldsV1": {fields: {}}}]}}


def test_argo_cd_holds_what_its_controller_writes() -> None:
    """A sentence says since when, and until when if it is stopped."""
    assert "wrote the status at 11:58:00 UTC" in holder(resource(), NOW)
    assert "taken over at 12:08:00" in holder(resource(), NOW)


@pytest.mark.parametrize(
    "free",
    [
        resource(time="2026-03-01T11:50:00Z"),
        resource(manager="argocd-server"),
        resource(manager="gitopsd-status"),
        resource(fields="f:spec"),
        {"metadata": {}},
    ],
    ids=["stopped", "its server", "ourselves", "spec", "new"],
)
def test_nobody_holds_the_rest(free: dict[str, Any]) -> None:
    """A controller that has been silent for ten minutes, other writers, and other fields say nothing."""
    assert not holder(free, NOW)

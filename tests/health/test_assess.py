from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from gitopsd.health import assess

HERE = Path(__file__).parent
CASES = [
    pytest.param(case, id=f"{path.stem}: {case['case']}")
    for path in sorted(HERE.glob("*.yaml"))
    for case in yaml.safe_load_all(path.read_text())
    if case
]


@pytest.mark.parametrize("case", CASES)
def test_health_of_documents(case: dict[str, Any]) -> None:
    """Each document has the health that it says, and where it says so, for that reason."""
    health = assess(case["object"])
    assert health.status == case["health"], health.message
    assert case.get("message", "") in health.message


def test_a_deletion_says_for_how_long() -> None:
    """Given a clock, a pending deletion says how long it has been waiting: what an operator asks of one that hangs."""
    obj = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}
    now = datetime(2026, 1, 1, 0, 2, tzinfo=UTC)
    assert assess(obj, now).message == "Pending deletion for 120 s"


@pytest.mark.parametrize("written", ["yesterday", "2026-01-01T00:00:00", "9999-99-99T00:00:00Z"])
def test_a_deletion_at_no_time(written: str) -> None:
    """A deletion timestamp that can't be compared with the clock is still a deletion."""
    obj = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"deletionTimestamp": written}}
    assert assess(obj, datetime(2026, 1, 1, tzinfo=UTC)).message == "Pending deletion"


def test_messages_are_bounded() -> None:
    """A controller's message is passed on up to a thousand characters: it ends up in conditions, events and logs."""
    obj = {
        "apiVersion": "example.io/v1",
        "kind": "Thing",
        "status": {"conditions": [{"type": "Ready", "status": "False", "reason": "Failed", "message": "x" * 100_000}]},
    }
    assert len(assess(obj).message) == 1000

"""What all tests share."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.postgres import Postgres

# No deadline: how long an example takes says something about the machine, not about us. A failure prints how to get it again.
# In CI the examples are the same each time, so that a landing does not hang on chance; looking for new ones is what everybody
# else does with each run, and `make fuzz` for hours.
settings.register_profile(
    "gitopsd",
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=bool(os.environ.get("CI")),
)
settings.load_profile("gitopsd")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server, started for the first test that wants it; `database` makes one for each that asks."""
    with Postgres() as server:
        yield server
